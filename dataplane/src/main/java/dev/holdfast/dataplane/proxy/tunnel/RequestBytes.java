package dev.holdfast.dataplane.proxy.tunnel;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.util.CharsetUtil;
import java.util.Iterator;
import java.util.Map;

/** The bytes of an upgrade request (RFC 9112 §3). */
final class RequestBytes {
    private static final int TYPICAL_BYTES = 1024;

    private RequestBytes() {}

    /**
     * The head as given, with exactly one {@code Connection: Upgrade} and one {@code Upgrade: websocket} (RFC 9110
     * §7.8) and without body framing.
     *
     * @throws IllegalArgumentException if a part could end its line early; a rewrite is never trusted blindly
     */
    static ByteBuf of(HttpRequest head, ByteBufAllocator alloc) {
        ByteBuf bytes = alloc.buffer(TYPICAL_BYTES);
        try {
            bytes.writeCharSequence("GET ", CharsetUtil.US_ASCII);
            text(bytes, "target", head.uri(), '!');
            bytes.writeCharSequence(" HTTP/1.1\r\n", CharsetUtil.US_ASCII);
            Iterator<Map.Entry<CharSequence, CharSequence>> fields =
                    head.headers().iteratorCharSequence();
            while (fields.hasNext()) {
                Map.Entry<CharSequence, CharSequence> field = fields.next();
                if (!isOurs(field.getKey())) {
                    text(bytes, "field name", field.getKey(), '!');
                    bytes.writeShort(':' << 8 | ' ');
                    text(bytes, "field value", field.getValue(), ' ');
                    bytes.writeShort('\r' << 8 | '\n');
                }
            }
            bytes.writeCharSequence("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", CharsetUtil.US_ASCII);
            return bytes;
        } catch (RuntimeException e) {
            bytes.release();
            throw e;
        }
    }

    private static boolean isOurs(CharSequence name) {
        return HttpHeaderNames.CONNECTION.contentEqualsIgnoreCase(name)
                || HttpHeaderNames.UPGRADE.contentEqualsIgnoreCase(name)
                || HttpHeaderNames.CONTENT_LENGTH.contentEqualsIgnoreCase(name)
                || HttpHeaderNames.TRANSFER_ENCODING.contentEqualsIgnoreCase(name);
    }

    private static void text(ByteBuf bytes, String part, CharSequence text, char lowest) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < lowest && c != '\t' || c == '\t' && lowest != ' ' || c == 0x7f || c > 0xff) {
                throw new IllegalArgumentException(
                        part + ": character " + (int) c + " at " + i + " (expected: none that could end it)");
            }
            bytes.writeByte(c);
        }
    }
}
