/**
 * HTTP/1.1 on the wire, stricter than its grammar asks. In come bytes, out come Netty's message objects, one message at
 * a time and only while the reader wants them. Knows neither routes nor backends.
 */
@NullMarked
package dev.holdfast.dataplane.proxy.http1;

import org.jspecify.annotations.NullMarked;
