package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.proxy.forwarded.ClientAddress;
import dev.holdfast.dataplane.proxy.forwarded.ClientInfo;
import dev.holdfast.dataplane.proxy.forwarded.TrustedProxies;
import dev.holdfast.dataplane.proxy.telemetry.RequestListener;
import dev.holdfast.dataplane.proxy.telemetry.RequestTrail;
import dev.holdfast.routetable.Route;
import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.ssl.SslHandler;
import java.net.InetSocketAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Begins the trails of requests, if somebody listens. */
final class Trails {
    /** The fields of a request as a listener sees them. */
    private record HeaderFields(HttpHeaders headers) implements RequestListener.Fields {
        @Override
        public List<String> values(String name) {
            return headers.getAll(name);
        }

        @Override
        public void set(String name, String value) {
            headers.set(name, value);
        }
    }

    private Trails() {}

    /** Of a request that is about to go to a backend: {@code head} is prepared for it. */
    static @Nullable RequestTrail forwarding(
            FrontServices services, Router.Incoming incoming, Channel channel, Routed routed) {
        RequestListener listener = services.requests();
        if (listener == null) {
            return null;
        }
        ClientInfo client = routed.client();
        RequestTrail trail = new RequestTrail(
                listener,
                new RequestTrail.Head(
                        incoming.head().method().name(),
                        routed.httpVersion(),
                        client.scheme().text(),
                        client.host(),
                        routed.path(),
                        routed.route(),
                        new RequestTrail.Client(
                                client.peer(), client.address(), client.sni(), tlsVersion(channel), client.requestId()),
                        incoming.beganNanos()));
        trail.began(new HeaderFields(incoming.head().headers()));
        return trail;
    }

    /**
     * What the table said of a request.
     *
     * @param httpVersion the client's; the head has the next hop's already
     * @param path as matched
     */
    record Routed(Route route, ClientInfo client, String httpVersion, String path) {}

    /** Tells of a request that is answered by the proxy; its head is as received. */
    static void answered(FrontServices services, Router.Incoming incoming, Channel channel, Decision.Reply reply) {
        RequestListener listener = services.requests();
        if (listener == null) {
            return;
        }
        HttpRequest request = incoming.head();
        String host = null;
        String path = null;
        try {
            RequestHead head = RequestHead.parse(request);
            host = head.host();
            path = head.path();
        } catch (RequestHead.BadRequestException e) {
            // Nothing that is not understood is written down: it may hold a secret anywhere.
        }
        InetSocketAddress peer = ClientAddress.of(channel);
        boolean trusted = peer != null && services.trusted().isTrusted(peer.getAddress());
        RequestTrail.Client client = new RequestTrail.Client(
                peer,
                peer == null ? null : services.trusted().client(peer.getAddress(), request.headers()),
                incoming.sni(),
                tlsVersion(channel),
                TrustedProxies.requestId(trusted, request.headers()));
        RequestTrail trail = new RequestTrail(
                listener,
                new RequestTrail.Head(
                        request.method().name(),
                        version(request),
                        TrustedProxies.scheme(incoming.scheme(), trusted, request.headers())
                                .text(),
                        host,
                        path,
                        reply.route(),
                        client,
                        incoming.beganNanos()));
        trail.began(new HeaderFields(request.headers()));
        trail.answered(reply.status());
    }

    /** {@code 1.0} or {@code 1.1}. */
    static String version(HttpRequest request) {
        return request.protocolVersion().minorVersion() == 0 ? "1.0" : "1.1";
    }

    private static @Nullable String tlsVersion(Channel channel) {
        SslHandler tls = channel.pipeline().get(SslHandler.class);
        return tls == null ? null : tls.engine().getSession().getProtocol();
    }
}
