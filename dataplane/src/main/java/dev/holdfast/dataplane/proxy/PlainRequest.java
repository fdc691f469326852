package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.proxy.http1.Framing;
import dev.holdfast.dataplane.proxy.telemetry.RouteMetrics;
import dev.holdfast.dataplane.proxy.upstream.ClientKey;
import dev.holdfast.dataplane.proxy.upstream.CookieSecurity;
import dev.holdfast.routetable.RouteAction;
import io.netty.handler.codec.http.HttpRequest;

/**
 * A request that goes to a backend.
 *
 * @param head as the backend sees it
 * @param forward the action of its route
 * @param ofVersion10 the client speaks HTTP/1.0: no chunks, no 1xx
 */
record PlainRequest(
        HttpRequest head,
        Framing framing,
        RouteAction.Forward forward,
        ClientKey balancing,
        CookieSecurity security,
        RouteMetrics metrics,
        boolean ofVersion10) {
    /** Whether it may be sent again when nobody answered (RFC 9110 §9.2.2). */
    boolean isIdempotent() {
        return switch (head.method().name()) {
            case "GET", "HEAD", "OPTIONS", "PUT", "DELETE" -> true;
            default -> false;
        };
    }
}
