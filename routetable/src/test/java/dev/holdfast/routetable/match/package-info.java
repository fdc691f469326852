/** Tests of {@code dev.holdfast.routetable.match}. */
@NullMarked
package dev.holdfast.routetable.match;

import org.jspecify.annotations.NullMarked;
