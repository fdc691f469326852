/** Tests of {@code dev.holdfast.operator.publish}. */
@NullMarked
package dev.holdfast.operator.publish;

import org.jspecify.annotations.NullMarked;
