/** Tests of {@code dev.holdfast.routetable}. */
@NullMarked
package dev.holdfast.routetable;

import org.jspecify.annotations.NullMarked;
