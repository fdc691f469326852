package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.dataplane.proxy.forwarded.ClientAddress;
import dev.holdfast.dataplane.proxy.forwarded.ClientInfo;
import dev.holdfast.dataplane.proxy.forwarded.Scheme;
import dev.holdfast.dataplane.proxy.forwarded.TrustedProxies;
import dev.holdfast.dataplane.proxy.forwarded.Via;
import dev.holdfast.dataplane.proxy.http1.Framing;
import dev.holdfast.dataplane.proxy.overload.Overload;
import dev.holdfast.dataplane.proxy.telemetry.RequestTrail;
import dev.holdfast.dataplane.proxy.tunnel.UpgradeRequest;
import dev.holdfast.dataplane.proxy.tunnel.UpgradeResponses;
import dev.holdfast.dataplane.proxy.upstream.ClientKey;
import dev.holdfast.dataplane.proxy.upstream.CookieSecurity;
import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.VirtualHost;
import dev.holdfast.routetable.match.MatchResult;
import io.netty.channel.Channel;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import java.net.InetSocketAddress;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Decides what becomes of a request, from one reading of the active table. */
final class Router {
    private static final String ACME_PREFIX = "/.well-known/acme-challenge/";

    /**
     * A request and how it came.
     *
     * @param beganNanos when its first octet arrived, by {@link System#nanoTime()}
     */
    record Incoming(
            HttpRequest head,
            Framing framing,
            Scheme scheme,
            @Nullable String sni,
            long beganNanos) {}

    private Router() {}

    static Decision decide(FrontServices services, Channel channel, Incoming incoming) {
        HttpRequest request = incoming.head();
        switch (request.method().name()) {
            case "CONNECT" -> {
                return Decision.Reply.closing(405, "This is no forward proxy");
            }
            case "TRACE" -> {
                return Decision.Reply.closing(405, "TRACE is not served");
            }
            default -> {}
        }
        RequestHead head;
        try {
            head = RequestHead.parse(request);
        } catch (RequestHead.BadRequestException e) {
            return Decision.Reply.closing(400, e.reason());
        }
        String expect = request.headers().get(HttpHeaderNames.EXPECT);
        if (expect != null && !expect.equalsIgnoreCase("100-continue")) {
            return Decision.Reply.closing(417, "The only expectation served is 100-continue");
        }
        if (Via.isLoop(request.headers())) {
            return Decision.Reply.of(508, "The request has been here before: its route leads back to this proxy");
        }
        ActiveTable table = services.routes().active();
        if (table == null) {
            return Decision.Reply.of(503, "No route table yet");
        }
        if (isMisdirected(table, incoming.sni(), head.host())) {
            return Decision.Reply.of(421, "This host is not served on a connection made for another one");
        }
        return switch (table.index().match(head)) {
            case MatchResult.NoMatch none -> Decision.Reply.of(404, "No route matches");
            case MatchResult.Matched matched ->
                new Matching(services, channel, incoming, head, table, matched.route()).decide();
        };
    }

    /** The names of one certificate are interchangeable, those of two are not (RFC 9110 §15.5.20). */
    private static boolean isMisdirected(ActiveTable table, @Nullable String sni, String host) {
        if (sni == null || sni.equals(host)) {
            return false;
        }
        VirtualHost named = table.index().host(sni);
        VirtualHost asked = table.index().host(host);
        return named != null
                && asked != null
                && named.certificate() != null
                && !Objects.equals(named.certificate(), asked.certificate());
    }

    private record Matching(
            FrontServices services,
            Channel channel,
            Incoming incoming,
            RequestHead head,
            ActiveTable table,
            Route route) {
        Decision decide() {
            return switch (decideUncounted()) {
                case Decision.Reply reply -> reply.of(route);
                case Decision.Proxy proxy -> proxy;
                case Decision.Tunnel tunnel -> tunnel;
            };
        }

        private Decision decideUncounted() {
            InetSocketAddress peer = ClientAddress.of(channel);
            if (peer == null) {
                return Decision.Reply.closing(400, "The connection has ended");
            }
            ClientInfo client = client(peer);
            UpgradeClass upgrade = UpgradeClass.of(head, incoming.framing());
            if (route.plaintext() == Route.Plaintext.REDIRECT
                    && client.scheme() == Scheme.HTTP
                    && !head.path().startsWith(ACME_PREFIX)) {
                return redirect(!(upgrade instanceof UpgradeClass.Plain));
            }
            return switch (route.action()) {
                case RouteAction.Reject reject -> Decision.Reply.of(reject.status(), reject.reason());
                case RouteAction.Forward forward -> forward(forward, client, upgrade);
            };
        }

        /** Limits are asked before anything is prepared: what is refused is told of as it came. */
        private Decision forward(RouteAction.Forward forward, ClientInfo client, UpgradeClass upgrade) {
            return switch (upgrade) {
                case UpgradeClass.Refused refused -> Decision.Reply.closing(refused.status(), refused.reason());
                case UpgradeClass.Plain plain -> {
                    Overload.Limit full = services.overload().refuseRequest();
                    yield full == null ? new Decision.Proxy(table, plain(forward, client)) : atLimit(full);
                }
                case UpgradeClass.WebSocket webSocket -> {
                    Overload.Limit full = services.overload().refuseTunnel();
                    yield full == null
                            ? new Decision.Tunnel(table, tunnel(forward, client, webSocket.offer()))
                            : atLimit(full);
                }
            };
        }

        private static Decision atLimit(Overload.Limit full) {
            return Decision.Reply.closing(503, "The proxy is at its limit of " + full.label());
        }

        private ClientInfo client(InetSocketAddress peer) {
            boolean trusted = services.trusted().isTrusted(peer.getAddress());
            var headers = head.request().headers();
            return new ClientInfo(
                    peer,
                    trusted,
                    services.trusted().client(peer.getAddress(), headers),
                    TrustedProxies.scheme(incoming.scheme(), trusted, headers),
                    channel.localAddress() instanceof InetSocketAddress local ? local.getPort() : 0,
                    head.hostField(),
                    head.host(),
                    incoming.sni(),
                    TrustedProxies.requestId(trusted, headers));
        }

        private Decision redirect(boolean isUpgrade) {
            if (head.host().isEmpty()) {
                return Decision.Reply.closing(400, "Without a Host there is no https URL");
            }
            int port = services.redirectPort();
            String authority = port == 443 ? head.host() : head.host() + ":" + port;
            if (isUpgrade) {
                return Decision.Reply.closing(403, "Use wss://" + authority + head.pathAndQuery());
            }
            return new Decision.Reply(308, "Use https", "https://" + authority + head.pathAndQuery(), true, null);
        }

        private PlainRequest plain(RouteAction.Forward forward, ClientInfo client) {
            boolean ofVersion10 = head.request().protocolVersion().equals(HttpVersion.HTTP_1_0);
            ClientKey balancing = balancing(client);
            String httpVersion = Trails.version(head.request());
            HttpRequest prepared = RequestPreparation.prepare(head, incoming.framing(), route, forward, client);
            return new PlainRequest(
                    prepared,
                    incoming.framing(),
                    forward,
                    balancing,
                    security(client),
                    services.metrics().route(route.owner()),
                    incoming.beganNanos(),
                    ofVersion10,
                    trail(client, httpVersion));
        }

        private UpgradeRequest tunnel(RouteAction.Forward forward, ClientInfo client, UpgradeRequest.Offer offer) {
            ClientKey balancing = balancing(client);
            String path = head.path();
            String httpVersion = Trails.version(head.request());
            HttpRequest prepared = RequestPreparation.prepare(head, incoming.framing(), route, forward, client);
            return new UpgradeRequest(
                    channel,
                    prepared,
                    route,
                    forward,
                    balancing,
                    new UpgradeRequest.Client(
                            client.peer(),
                            security(client),
                            client.sni(),
                            client.host(),
                            path,
                            client.requestId(),
                            System.nanoTime()),
                    offer,
                    new RouteResponses(forward.responseHeaders()),
                    trail(client, httpVersion));
        }

        private @Nullable RequestTrail trail(ClientInfo client, String httpVersion) {
            return Trails.forwarding(
                    services, incoming, channel, new Trails.Routed(route, client, httpVersion, head.path()));
        }

        private ClientKey balancing(ClientInfo client) {
            return new ClientKey(client.address(), head.request().headers().getAll(HttpHeaderNames.COOKIE));
        }

        private static CookieSecurity security(ClientInfo client) {
            return client.scheme() == Scheme.HTTPS ? CookieSecurity.SECURE : CookieSecurity.PLAIN;
        }
    }

    private record RouteResponses(HeaderChanges changes) implements UpgradeResponses {
        @Override
        public void prepare(HttpResponse response, @Nullable String stickyCookie) {
            ResponsePreparation.prepare(response, changes, stickyCookie);
        }

        @Override
        public FullHttpResponse local(HttpResponseStatus status, String text) {
            return LocalReply.of(status, text);
        }
    }
}
