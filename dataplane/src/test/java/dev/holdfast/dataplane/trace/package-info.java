/** A collector of spans that a test can ask. */
@NullMarked
package dev.holdfast.dataplane.trace;

import org.jspecify.annotations.NullMarked;
