package dev.holdfast.dataplane.proxy.tunnel;

import dev.holdfast.dataplane.proxy.http1.HeadBytes;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;

/** The bytes of an upgrade request (RFC 9112 §3). */
final class RequestBytes {
    private static final String UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

    private RequestBytes() {}

    /**
     * The head as given, with exactly one {@code Connection: Upgrade} and one {@code Upgrade: websocket} (RFC 9110
     * §7.8) and without body framing.
     *
     * @throws IllegalArgumentException if a part could end its line early; a rewrite is never trusted blindly
     */
    static ByteBuf of(HttpRequest head, ByteBufAllocator alloc) {
        return HeadBytes.request(
                new HeadBytes.RequestLine("GET", head.uri()), head.headers(), RequestBytes::isOurs, UPGRADE, alloc);
    }

    private static boolean isOurs(CharSequence name) {
        return HttpHeaderNames.CONNECTION.contentEqualsIgnoreCase(name)
                || HttpHeaderNames.UPGRADE.contentEqualsIgnoreCase(name)
                || HttpHeaderNames.CONTENT_LENGTH.contentEqualsIgnoreCase(name)
                || HttpHeaderNames.TRANSFER_ENCODING.contentEqualsIgnoreCase(name);
    }
}
