package dev.holdfast.dataplane.proxy.tunnel;

import dev.holdfast.dataplane.proxy.telemetry.RequestTrail;
import dev.holdfast.dataplane.proxy.upstream.ClientKey;
import dev.holdfast.dataplane.proxy.upstream.CookieSecurity;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpRequest;
import java.net.InetSocketAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A validated upgrade request (RFC 6455 §4.2.1) that goes to a backend. It holds its route and not the table of that.
 *
 * @param channel the client's: {@code [SslHandler]}, HTTP codec, handlers of the front
 * @param head as the backend shall see it: target, {@code Host}, end-to-end fields, {@code Sec-WebSocket-*};
 *     {@code Connection} and {@code Upgrade} are set here, whatever it holds
 * @param forward the action of {@code route}
 * @param balancing what balancing reads of the client
 * @param trail for those who listen, or null
 */
public record UpgradeRequest(
        Channel channel,
        HttpRequest head,
        Route route,
        RouteAction.Forward forward,
        ClientKey balancing,
        Client client,
        Offer offer,
        UpgradeResponses responses,
        @Nullable RequestTrail trail) {

    /**
     * Who asks, for records and logs.
     *
     * @param peer the other end of the connection
     * @param host as matched
     * @param path without query
     * @param acceptedNanos {@link System#nanoTime} when the request head was complete
     */
    public record Client(
            InetSocketAddress peer,
            CookieSecurity security,
            @Nullable String sni,
            String host,
            String path,
            String requestId,
            long acceptedNanos) {}

    /**
     * What the client offered; the backend's answer is checked against it.
     *
     * @param key the value of {@code Sec-WebSocket-Key}
     * @param subprotocols every one offered, in order
     * @param extensions the names of the extensions offered, without parameters
     */
    public record Offer(String key, List<String> subprotocols, List<String> extensions) {
        /** Copies the lists. */
        public Offer {
            subprotocols = List.copyOf(subprotocols);
            extensions = List.copyOf(extensions);
        }
    }
}
