package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.dataplane.proxy.tunnel.UpgradeRequest;
import dev.holdfast.routetable.Route;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpResponseStatus;
import org.jspecify.annotations.Nullable;

/** What becomes of a request. */
sealed interface Decision {
    /**
     * It goes to a backend.
     *
     * @param table that routed it
     */
    record Proxy(ActiveTable table, PlainRequest request) implements Decision {}

    /**
     * It becomes a tunnel once it is read to its end.
     *
     * @param table that routed it
     */
    record Tunnel(ActiveTable table, UpgradeRequest request) implements Decision {}

    /**
     * We answer it.
     *
     * @param reason one sentence
     * @param location of a redirect, or null
     * @param mayKeepAlive whether the next request may be read from the connection
     * @param route that matched, or null
     */
    record Reply(
            int status,
            String reason,
            @Nullable String location,
            boolean mayKeepAlive,
            @Nullable Route route) implements Decision {
        static Reply of(int status, String reason) {
            return new Reply(status, reason, null, true, null);
        }

        static Reply closing(int status, String reason) {
            return new Reply(status, reason, null, false, null);
        }

        Reply andClose() {
            return new Reply(status, reason, location, false, route);
        }

        Reply of(Route matched) {
            return new Reply(status, reason, location, mayKeepAlive, matched);
        }

        FullHttpResponse response() {
            FullHttpResponse response = LocalReply.of(HttpResponseStatus.valueOf(status), reason);
            if (location != null) {
                response.headers().set(HttpHeaderNames.LOCATION, location);
            }
            if (status == 426) {
                response.headers()
                        .set(HttpHeaderNames.SEC_WEBSOCKET_VERSION, "13")
                        .set(HttpHeaderNames.UPGRADE, "websocket");
            }
            if (status == 405) {
                response.headers().set(HttpHeaderNames.ALLOW, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
            }
            return response;
        }
    }
}
