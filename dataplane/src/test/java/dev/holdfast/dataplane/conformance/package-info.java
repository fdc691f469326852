/**
 * The duties of an HTTP and WebSocket proxy, tested from the RFCs over real sockets with raw bytes. In go requests and
 * scripted answers, out come verdicts; {@code docs/conformance.md} is generated from the annotations.
 */
@NullMarked
package dev.holdfast.dataplane.conformance;

import org.jspecify.annotations.NullMarked;
