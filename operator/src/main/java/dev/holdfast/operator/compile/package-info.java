/** From a snapshot to a route table: conflicts, ordering, assembly. Pure: no clock, no I/O, no logger, no client; input order never changes the output. */
@NullMarked
package dev.holdfast.operator.compile;

import org.jspecify.annotations.NullMarked;
