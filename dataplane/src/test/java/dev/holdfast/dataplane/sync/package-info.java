/** Tests of {@code dev.holdfast.dataplane.sync}. */
@NullMarked
package dev.holdfast.dataplane.sync;

import org.jspecify.annotations.NullMarked;
