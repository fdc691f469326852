package dev.holdfast.dataplane.proxy;

import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ThreadLocalRandom;

/** Our own answers: small, plain text, never cached, with nothing of the request in them. */
final class LocalReply {
    private static final int RETRY_SECONDS_MIN = 3;
    private static final int RETRY_SECONDS_MAX = 10;

    private LocalReply() {}

    /** An answer of one line. */
    static FullHttpResponse of(HttpResponseStatus status, String text) {
        byte[] body = (text + "\n").getBytes(StandardCharsets.UTF_8);
        var response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, Unpooled.wrappedBuffer(body));
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, "text/plain; charset=utf-8")
                .set(HttpHeaderNames.CACHE_CONTROL, "no-store")
                .set(HttpHeaderNames.CONTENT_LENGTH, Integer.toString(body.length));
        if (status.code() == 503) {
            // Not the same for all: who was refused together should not come back together (RFC 9110 §10.2.3).
            int seconds = ThreadLocalRandom.current().nextInt(RETRY_SECONDS_MIN, RETRY_SECONDS_MAX + 1);
            response.headers().set(HttpHeaderNames.RETRY_AFTER, Integer.toString(seconds));
        }
        return response;
    }
}
