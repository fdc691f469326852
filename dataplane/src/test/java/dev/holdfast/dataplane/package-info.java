/** Tests of {@code dev.holdfast.dataplane}. */
@NullMarked
package dev.holdfast.dataplane;

import org.jspecify.annotations.NullMarked;
