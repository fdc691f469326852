/**
 * The access log: in come the ends of requests and both ends of tunnels from the event loops, out go JSON lines on
 * standard output. What cannot be written in time is dropped and counted; traffic never waits for it.
 */
@NullMarked
package dev.holdfast.dataplane.accesslog;

import org.jspecify.annotations.NullMarked;
