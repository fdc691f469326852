/** Stories of local mode: a directory of manifests, served for real. */
@NullMarked
package dev.holdfast.e2e.local;

import org.jspecify.annotations.NullMarked;
