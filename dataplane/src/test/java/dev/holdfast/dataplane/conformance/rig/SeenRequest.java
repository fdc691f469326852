package dev.holdfast.dataplane.conformance.rig;

import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A request as a backend received it.
 *
 * @param connection of the backend, counted from 0
 * @param complete whether the body ended as its framing says
 */
public record SeenRequest(int connection, Head head, byte[] body, List<Head.Field> trailers, boolean complete) {
    /** The method. */
    public String method() {
        return head.word(0);
    }

    /** The request target. */
    public String target() {
        return head.word(1);
    }

    /** The body, a character per byte. */
    public String text() {
        return new String(body, StandardCharsets.ISO_8859_1);
    }
}
