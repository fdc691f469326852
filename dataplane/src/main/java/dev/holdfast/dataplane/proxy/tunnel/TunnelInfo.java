package dev.holdfast.dataplane.proxy.tunnel;

import dev.holdfast.dataplane.proxy.telemetry.RequestTrail;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.Route;
import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What does not change while a tunnel lives, and is kept as long: no more of the request than is told of the tunnel.
 *
 * @param id unique in this process
 * @param route the one it was opened with; it stays so across swaps
 * @param address of the client, after trusted proxies
 * @param subprotocol that the backend chose, or null
 * @param handshake from the complete request head to the 101
 * @param trail of its handshake, for those who listen, or null
 */
public record TunnelInfo(
        long id,
        Route route,
        UpgradeRequest.Client client,
        InetAddress address,
        EndpointGroup.Endpoint endpoint,
        @Nullable String subprotocol,
        Instant openedAt,
        Duration handshake,
        @Nullable RequestTrail trail) {}
