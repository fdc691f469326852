/**
 * Which route a request takes: the order of routes, the index that finds one, and the form of a path that may be
 * matched at all. Pure: no clock, no I/O. The operator orders by it, the data plane matches by it, {@code explain}
 * reports it, so all three agree.
 */
@NullMarked
package dev.holdfast.routetable.match;

import org.jspecify.annotations.NullMarked;
