package dev.holdfast.dataplane.proxy;

import java.time.Duration;

/**
 * What the front takes from a client before it ends the connection.
 *
 * @param requestLineBytesMax longer is 414
 * @param headBytesMax all header lines, or all trailer lines, together; more is 431
 * @param bodyBytesMax of a request; more is 413
 * @param headTimeout from the first byte of a head (or the accept) to its end
 * @param keepAliveTimeout between two requests of a connection
 * @param bodyBytesPerSecondMin a request body that we wait for and that stays below this average for
 *     {@code bodyGrace} is 408
 * @param bodyGrace how long a body may be slower
 * @param tlsHandshakeTimeout from the accept to the end of the TLS handshake
 * @param answerTimeout how long a client may leave an answer untaken; what it takes meanwhile counts only when it is half of
 *     what we hold for it, 32 KiB, so that a byte now and then is no way to keep it
 */
public record HttpLimits(
        int requestLineBytesMax,
        int headBytesMax,
        long bodyBytesMax,
        Duration headTimeout,
        Duration keepAliveTimeout,
        int bodyBytesPerSecondMin,
        Duration bodyGrace,
        Duration tlsHandshakeTimeout,
        Duration answerTimeout) {
    /** 16 KiB, 64 KiB, 1 GiB; 10 s, 75 s; 100 bytes a second after 20 s; 10 s; 60 s. */
    public static final HttpLimits DEFAULT = new HttpLimits(
            16 << 10,
            64 << 10,
            1L << 30,
            Duration.ofSeconds(10),
            Duration.ofSeconds(75),
            100,
            Duration.ofSeconds(20),
            Duration.ofSeconds(10),
            Duration.ofSeconds(60));

    /** Refuses limits that no request could meet. */
    public HttpLimits {
        require("http.requestLineBytesMax", requestLineBytesMax, 16);
        require("http.headBytesMax", headBytesMax, 64);
        require("http.bodyBytesMax", bodyBytesMax, 0);
        require("http.headTimeout", headTimeout.toMillis(), 1);
        require("http.keepAliveTimeout", keepAliveTimeout.toMillis(), 1);
        require("http.bodyBytesPerSecondMin", bodyBytesPerSecondMin, 0);
        require("http.bodyGrace", bodyGrace.toMillis(), 1);
        require("http.tlsHandshakeTimeout", tlsHandshakeTimeout.toMillis(), 1);
        require("http.answerTimeout", answerTimeout.toMillis(), 1);
    }

    /** The same with other times for a head and for TLS, for a slow body, and for an answer that is not taken. */
    public HttpLimits withTimeouts(Duration head, Duration body, Duration answer) {
        return new HttpLimits(
                requestLineBytesMax,
                headBytesMax,
                bodyBytesMax,
                head,
                keepAliveTimeout,
                bodyBytesPerSecondMin,
                body,
                head,
                answer);
    }

    private static void require(String field, long value, long min) {
        if (value < min) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: at least " + min + ")");
        }
    }
}
