/** Tests of {@code dev.holdfast.dataplane.admin}. */
@NullMarked
package dev.holdfast.dataplane.admin;

import org.jspecify.annotations.NullMarked;
