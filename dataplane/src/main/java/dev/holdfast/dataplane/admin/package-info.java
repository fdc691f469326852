/** What an administrator and a kubelet ask: health, readiness, metrics, the active table without its keys. Reads the others, changes nothing. */
@NullMarked
package dev.holdfast.dataplane.admin;

import org.jspecify.annotations.NullMarked;
