package dev.holdfast.dataplane.conformance.rig;

import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * An answer as a client received it.
 *
 * @param interim the 1xx answers before it, 101 not among them
 * @param complete whether the body ended as its framing says
 * @param closeDelimited whether only the end of the stream ended the body
 */
public record RawResponse(
        Head head,
        byte[] body,
        List<Head.Field> trailers,
        List<Head> interim,
        boolean complete,
        boolean closeDelimited) {
    /** The status code. */
    public int status() {
        return Integer.parseInt(head.word(1));
    }

    /** The body, a character per byte. */
    public String text() {
        return new String(body, StandardCharsets.ISO_8859_1);
    }

    /** Whether the sender will close the connection. */
    public boolean closes() {
        return closeDelimited || head.tokens("Connection").contains("close");
    }
}
