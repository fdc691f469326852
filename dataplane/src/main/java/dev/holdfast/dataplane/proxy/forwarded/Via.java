package dev.holdfast.dataplane.proxy.forwarded;

import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpVersion;
import java.util.List;

/** The trace of a request through proxies (RFC 9110 §7.6.3). */
public final class Via {
    /**
     * How often a request may pass through a Holdfast. More than once is legitimate: a route may lead to another
     * cluster's. A loop ends here.
     */
    public static final int PASSES_MAX = 4;

    private static final String PSEUDONYM = "holdfast";

    private Via() {}

    /** Whether a request has been here too often to be anything but a loop. */
    public static boolean isLoop(HttpHeaders headers) {
        int passes = 0;
        for (String value : headers.getAll("via")) {
            for (String hop : value.split(",", -1)) {
                passes += hop.trim().endsWith(" " + PSEUDONYM) ? 1 : 0;
            }
        }
        return passes >= PASSES_MAX;
    }

    /** Adds this hop. */
    public static void append(HttpHeaders headers, HttpVersion received) {
        String hop = (received.equals(HttpVersion.HTTP_1_0) ? "1.0 " : "1.1 ") + PSEUDONYM;
        List<String> known = headers.getAll("via");
        headers.set("Via", known.isEmpty() ? hop : String.join(", ", known) + ", " + hop);
    }
}
