/** Tests of {@code dev.holdfast.routetable.update}. */
@NullMarked
package dev.holdfast.routetable.update;

import org.jspecify.annotations.NullMarked;
