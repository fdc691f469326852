package dev.holdfast.dataplane.proxy.upstream;

import dev.holdfast.dataplane.proxy.telemetry.RouteMetrics;
import io.netty.channel.EventLoop;
import java.time.Duration;

/**
 * A connection that is wanted.
 *
 * @param loop the client's event loop: both ends of an exchange are served by one thread
 * @param lease the endpoint to try first; the connector owns it from here on and hands it back when connected
 * @param hostSeenByBackend the {@code Host} of the request
 * @param timeout for each endpoint tried, TLS handshake included
 */
public record ConnectRequest(
        EventLoop loop, EndpointLease lease, String hostSeenByBackend, Duration timeout, RouteMetrics metrics) {}
