package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.proxy.tunnel.UpgradeRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpResponseStatus;
import org.jspecify.annotations.Nullable;

/** What becomes of a request. */
sealed interface Decision {
    /** It goes to a backend. */
    record Proxy(PlainRequest request) implements Decision {}

    /** It becomes a tunnel once it is read to its end. */
    record Tunnel(UpgradeRequest request) implements Decision {}

    /**
     * We answer it.
     *
     * @param reason one sentence
     * @param location of a redirect, or null
     * @param mayKeepAlive whether the next request may be read from the connection
     */
    record Reply(int status, String reason, @Nullable String location, boolean mayKeepAlive) implements Decision {
        static Reply of(int status, String reason) {
            return new Reply(status, reason, null, true);
        }

        static Reply closing(int status, String reason) {
            return new Reply(status, reason, null, false);
        }

        Reply andClose() {
            return new Reply(status, reason, location, false);
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
