package dev.holdfast.dataplane.proxy.forwarded;

import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.AsciiString;
import java.util.List;

/** The trace of a request through proxies (RFC 9110 §7.6.3). */
public final class Via {
    /**
     * How often a request may pass through a Holdfast. More than once is legitimate: a route may lead to another
     * cluster's. A loop ends here.
     */
    public static final int PASSES_MAX = 4;

    private static final AsciiString NAME = AsciiString.cached("Via");
    private static final String PSEUDONYM = "holdfast";

    private Via() {}

    /** Whether a request has been here too often to be anything but a loop. */
    public static boolean isLoop(HttpHeaders headers) {
        if (!headers.contains(NAME)) {
            return false;
        }
        int passes = 0;
        for (String value : headers.getAll(NAME)) {
            for (String hop : value.split(",", -1)) {
                passes += hop.trim().endsWith(" " + PSEUDONYM) ? 1 : 0;
            }
        }
        return passes >= PASSES_MAX;
    }

    /** Adds this hop. */
    public static void append(HttpHeaders headers, HttpVersion received) {
        String hop = received.equals(HttpVersion.HTTP_1_0) ? "1.0 " + PSEUDONYM : "1.1 " + PSEUDONYM;
        List<String> known = headers.contains(NAME) ? headers.getAll(NAME) : List.of();
        headers.set(NAME, known.isEmpty() ? hop : String.join(", ", known) + ", " + hop);
    }
}
