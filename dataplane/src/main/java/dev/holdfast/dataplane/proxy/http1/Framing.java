package dev.holdfast.dataplane.proxy.http1;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How a body ends (RFC 9112 §6.3). */
public sealed interface Framing {
    /** There is no body. */
    record None() implements Framing {}

    /** After this many bytes, at least one. */
    record Fixed(long bytes) implements Framing {}

    /** With the last chunk. */
    record Chunked() implements Framing {}

    /** With the connection; answers only. */
    record UntilClose() implements Framing {}

    /** No body. */
    Framing NONE = new None();

    /** Chunked. */
    Framing CHUNKED = new Chunked();

    /** Until the connection ends. */
    Framing UNTIL_CLOSE = new UntilClose();

    /**
     * What the fields say, or null when they say nothing.
     *
     * @throws RefusedException if they contradict each other or are malformed; there is no lenient reading, because the
     *     next hop might have another one
     */
    static @Nullable Framing of(HttpHeaders headers, boolean isVersion10) throws RefusedException {
        List<String> codings = headers.getAll(HttpHeaderNames.TRANSFER_ENCODING);
        List<String> lengths = headers.getAll(HttpHeaderNames.CONTENT_LENGTH);
        if (!codings.isEmpty()) {
            if (isVersion10) {
                throw malformed("Transfer-Encoding in HTTP/1.0");
            }
            if (!lengths.isEmpty()) {
                throw malformed("Transfer-Encoding beside Content-Length");
            }
            requireChunkedAlone(String.join(",", codings));
            return CHUNKED;
        }
        if (lengths.isEmpty()) {
            return null;
        }
        long bytes = lengths.size() == 1 ? decimal(lengths.getFirst()) : -1;
        if (bytes < 0) {
            throw malformed("Content-Length is not one decimal number");
        }
        return bytes == 0 ? NONE : new Fixed(bytes);
    }

    private static void requireChunkedAlone(String value) throws RefusedException {
        String coding = value.trim();
        if (coding.equalsIgnoreCase("chunked")) {
            return;
        }
        String[] codings = coding.split(",", -1);
        for (int i = 0; i < codings.length; i++) {
            String one = codings[i].trim();
            boolean chunked = one.regionMatches(true, 0, "chunked", 0, 7);
            if (one.isEmpty() || chunked && (i < codings.length - 1 || one.length() > 7)) {
                throw malformed("chunked is not the last transfer coding");
            }
        }
        throw new RefusedException(new Refusal(501, "Transfer-Encoding is not supported"));
    }

    /** The number, or -1. Eighteen digits always fit. */
    private static long decimal(String text) {
        if (text.isEmpty() || text.length() > 18) {
            return -1;
        }
        long value = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < '0' || c > '9') {
                return -1;
            }
            value = value * 10 + (c - '0');
        }
        return value;
    }

    private static RefusedException malformed(String reason) {
        return new RefusedException(Refusal.malformed(reason));
    }
}
