package dev.holdfast.operator.publish;

import java.net.InetSocketAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Where and how tables are served.
 *
 * @param listen port 0 takes any free one; a loopback address unless there is a guard
 * @param keepAlive longest silence on a stream; a data plane gives a stream up after three times as long
 * @param writeDeadline how long one event may take to leave, plus a second per MiB
 * @param streamsMax most streams at a time; one more is answered 503
 * @param guard TLS and identity; null for plain HTTP that anyone on this machine may ask
 */
public record StreamServerConfig(
        InetSocketAddress listen,
        Duration keepAlive,
        Duration writeDeadline,
        int streamsMax,
        @Nullable StreamGuard guard) {
    /** Refuses an address beyond loopback without a guard, because the stream carries keys; and times that make no sense. */
    public StreamServerConfig {
        boolean loopback = listen.getAddress() != null && listen.getAddress().isLoopbackAddress();
        if (guard == null && !loopback) {
            throw new IllegalArgumentException("stream.listen: " + listen
                    + " (expected: a loopback address such as 127.0.0.1:9901, or TLS and identity, which"
                    + " --data-plane-service-account NAMESPACE/NAME turns on; the stream carries private keys)");
        }
        if (listen.getAddress() == null) {
            throw new IllegalArgumentException("stream.listen: " + listen + " (expected: an address of this machine)");
        }
        positive("stream.keepAlive", keepAlive);
        positive("stream.writeDeadline", writeDeadline);
        if (streamsMax < 1 || streamsMax > 100_000) {
            throw new IllegalArgumentException("stream.streamsMax: " + streamsMax + " (expected: 1 to 100000)");
        }
    }

    /** Plain HTTP on loopback. */
    public StreamServerConfig(InetSocketAddress listen, Duration keepAlive, Duration writeDeadline, int streamsMax) {
        this(listen, keepAlive, writeDeadline, streamsMax, null);
    }

    /** Keep-alive every 15 s, a write deadline of 30 s, 1,000 streams, plain HTTP on loopback. */
    public static StreamServerConfig of(InetSocketAddress listen) {
        return new StreamServerConfig(listen, Duration.ofSeconds(15), Duration.ofSeconds(30), 1_000);
    }

    /** The same on another address. */
    public StreamServerConfig listeningOn(InetSocketAddress address) {
        return new StreamServerConfig(address, keepAlive, writeDeadline, streamsMax, guard);
    }

    /** The same on another address, with TLS and identity. */
    public StreamServerConfig guarded(InetSocketAddress address, StreamGuard by) {
        return new StreamServerConfig(address, keepAlive, writeDeadline, streamsMax, by);
    }

    private static void positive(String field, Duration value) {
        if (value.isNegative() || value.isZero() || value.compareTo(Duration.ofHours(1)) > 0) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: more than zero, at most an hour)");
        }
    }
}
