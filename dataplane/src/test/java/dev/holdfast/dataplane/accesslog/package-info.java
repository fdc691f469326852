/** Records as text. */
@NullMarked
package dev.holdfast.dataplane.accesslog;

import org.jspecify.annotations.NullMarked;
