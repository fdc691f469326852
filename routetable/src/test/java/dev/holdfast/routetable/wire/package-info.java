/** Tests of {@code dev.holdfast.routetable.wire}. */
@NullMarked
package dev.holdfast.routetable.wire;

import org.jspecify.annotations.NullMarked;
