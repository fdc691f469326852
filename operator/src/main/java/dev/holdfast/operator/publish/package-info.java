/**
 * From a compiled table to a stream: versions, differences, one encoding for all readers, an HTTP server that data
 * planes follow and report to. Goes in: a {@code RouteTable} whenever compile made one. Comes out: events of {@code
 * docs/wire-protocol.md}, and what each data plane answered.
 */
@NullMarked
package dev.holdfast.operator.publish;

import org.jspecify.annotations.NullMarked;
