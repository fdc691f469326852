package dev.holdfast.operator.publish;

import java.net.InetSocketAddress;
import java.time.Duration;

/**
 * Where and how tables are served.
 *
 * @param listen a loopback address; port 0 takes any free one
 * @param keepAlive longest silence on a stream; a data plane gives a stream up after three times as long
 * @param writeDeadline how long one event may take to leave, plus a second per MiB
 * @param streamsMax most streams at a time; one more is answered 503
 */
public record StreamServerConfig(InetSocketAddress listen, Duration keepAlive, Duration writeDeadline, int streamsMax) {
    /** Refuses an address beyond loopback, because the stream carries private keys, and times that are not positive. */
    public StreamServerConfig {
        if (listen.getAddress() == null || !listen.getAddress().isLoopbackAddress()) {
            throw new IllegalArgumentException("stream.listen: " + listen
                    + " (expected: a loopback address such as 127.0.0.1:9901; the stream carries private keys, and this"
                    + " version has no TLS for it)");
        }
        positive("stream.keepAlive", keepAlive);
        positive("stream.writeDeadline", writeDeadline);
        if (streamsMax < 1 || streamsMax > 100_000) {
            throw new IllegalArgumentException("stream.streamsMax: " + streamsMax + " (expected: 1 to 100000)");
        }
    }

    /** Keep-alive every 15 s, a write deadline of 30 s, 1,000 streams. */
    public static StreamServerConfig of(InetSocketAddress listen) {
        return new StreamServerConfig(listen, Duration.ofSeconds(15), Duration.ofSeconds(30), 1_000);
    }

    private static void positive(String field, Duration value) {
        if (value.isNegative() || value.isZero() || value.compareTo(Duration.ofHours(1)) > 0) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: more than zero, at most an hour)");
        }
    }
}
