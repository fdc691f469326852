/**
 * What the proxy counts: in come events of handshakes, tunnels, requests and drains, out come Micrometer meters whose
 * labels name configured routes and nothing else.
 */
@NullMarked
package dev.holdfast.dataplane.proxy.telemetry;

import org.jspecify.annotations.NullMarked;
