package dev.holdfast.dataplane.proxy.http1;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.util.Iterator;
import java.util.Map;
import java.util.function.Predicate;

/**
 * The bytes of a head (RFC 9112 §3 to §5). What is written is checked octet by octet: a rewrite is never trusted blindly,
 * and nothing that could end its line early goes out.
 */
public final class HeadBytes {
    private static final String VERSION = "HTTP/1.1 ";
    private static final int ROOM_BYTES = 512;

    private byte[] octets;
    private int length;

    private HeadBytes() {
        octets = Octets.scratch(ROOM_BYTES);
    }

    /**
     * The head of a request without the fields that {@code omitted} takes.
     *
     * @param more complete field lines of ours that follow; empty for none
     * @throws IllegalArgumentException if a part could end its line early
     */
    public static ByteBuf request(
            RequestLine line,
            HttpHeaders fields,
            Predicate<CharSequence> omitted,
            String more,
            ByteBufAllocator alloc) {
        HeadBytes head = new HeadBytes();
        head.text("method", line.method(), '!');
        head.ours(" ");
        head.text("target", line.target(), '!');
        head.ours(" HTTP/1.1\r\n");
        head.fields(fields, omitted);
        head.ours(more);
        return head.end(alloc);
    }

    /**
     * The head of an answer, with room for a small body behind it.
     *
     * @throws IllegalArgumentException if a part could end its line early
     */
    public static ByteBuf answer(HttpResponseStatus status, HttpHeaders fields, ByteBufAllocator alloc) {
        HeadBytes head = new HeadBytes();
        head.ours(VERSION);
        head.ours(status.codeAsText());
        head.ours(" ");
        head.text("reason", status.reasonPhrase(), ' ');
        head.ours("\r\n");
        head.fields(fields, name -> false);
        return head.end(alloc);
    }

    /** Field lines and the empty line behind them. */
    static ByteBuf section(HttpHeaders fields, ByteBufAllocator alloc) {
        HeadBytes section = new HeadBytes();
        section.fields(fields, name -> false);
        return section.end(alloc);
    }

    /** The first line of a request, without its version. */
    public record RequestLine(String method, String target) {}

    private void fields(HttpHeaders fields, Predicate<CharSequence> omitted) {
        Iterator<Map.Entry<CharSequence, CharSequence>> each = fields.iteratorCharSequence();
        while (each.hasNext()) {
            Map.Entry<CharSequence, CharSequence> field = each.next();
            if (!omitted.test(field.getKey())) {
                text("field name", field.getKey(), '!');
                ours(": ");
                text("field value", field.getValue(), ' ');
                ours("\r\n");
            }
        }
    }

    private ByteBuf end(ByteBufAllocator alloc) {
        ours("\r\n");
        return alloc.buffer(length + ROOM_BYTES).writeBytes(octets, 0, length);
    }

    private void ours(CharSequence text) {
        byte[] into = room(text.length());
        for (int i = 0; i < text.length(); i++) {
            into[length++] = (byte) text.charAt(i);
        }
    }

    private void text(String part, CharSequence text, char lowest) {
        byte[] into = room(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < lowest && (c != '\t' || lowest != ' ') || c == 0x7f || c > 0xff) {
                throw new IllegalArgumentException(
                        part + ": character " + (int) c + " at " + i + " (expected: none that could end it)");
            }
            into[length++] = (byte) c;
        }
    }

    private byte[] room(int bytes) {
        if (octets.length - length < bytes) {
            byte[] larger = new byte[2 * octets.length + bytes];
            System.arraycopy(octets, 0, larger, 0, length);
            octets = larger;
        }
        return octets;
    }
}
