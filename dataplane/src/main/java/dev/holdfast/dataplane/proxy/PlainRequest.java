package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.proxy.http1.Framing;
import dev.holdfast.dataplane.proxy.telemetry.RequestTrail;
import dev.holdfast.dataplane.proxy.telemetry.RouteMetrics;
import dev.holdfast.dataplane.proxy.upstream.ClientKey;
import dev.holdfast.dataplane.proxy.upstream.CookieSecurity;
import dev.holdfast.dataplane.proxy.upstream.EndpointLease;
import dev.holdfast.routetable.RouteAction;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import org.jspecify.annotations.Nullable;

/**
 * A request that goes to a backend. It may be answered for hours, so it holds its route and not the table of that.
 *
 * @param head as the backend sees it
 * @param forward the action of its route
 * @param beganNanos when its first octet arrived, by {@link System#nanoTime()}
 * @param ofVersion10 the client speaks HTTP/1.0: no chunks, no 1xx
 * @param trail for those who listen, or null
 */
record PlainRequest(
        HttpRequest head,
        Framing framing,
        RouteAction.Forward forward,
        ClientKey balancing,
        CookieSecurity security,
        RouteMetrics metrics,
        long beganNanos,
        boolean ofVersion10,
        @Nullable RequestTrail trail) {
    /** Counts it and tells of it, answered by a backend or by us. */
    void count(int status) {
        if (trail != null) {
            trail.answered(status);
        }
        metrics.httpRequest(head.method().name(), status, System.nanoTime() - beganNanos);
    }

    /** The {@code Host} that the backend sees. */
    String hostSeenByBackend() {
        String host = head.headers().get(HttpHeaderNames.HOST);
        return host == null ? "" : host;
    }

    /** Which waiting connections can carry it to the endpoint. */
    BackendPool.Key poolKey(EndpointLease to) {
        return BackendPool.Key.of(to, hostSeenByBackend());
    }

    /** Whether its head is all of it. */
    boolean hasNoBody() {
        return framing instanceof Framing.None;
    }

    /** Whether being carried out twice is as good as once (RFC 9110 §9.2.2). */
    boolean isIdempotent() {
        return switch (head.method().name()) {
            case "GET", "HEAD", "OPTIONS", "PUT", "DELETE" -> true;
            default -> false;
        };
    }
}
