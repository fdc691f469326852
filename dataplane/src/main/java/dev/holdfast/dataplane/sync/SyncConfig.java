package dev.holdfast.dataplane.sync;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where tables come from and where the last one is kept.
 *
 * @param operator {@code http://127.0.0.1:PORT}
 * @param stateDirectory where the last known good table is kept; null keeps it in memory alone
 * @param keepAlive the operator's keep-alive interval; a stream that is silent for three of them is given up
 * @param reconnectMin the wait before the first attempt to reconnect; doubles with each failure, with jitter
 * @param reconnectMax the longest wait before an attempt to reconnect
 */
public record SyncConfig(
        URI operator, @Nullable Path stateDirectory, Duration keepAlive, Duration reconnectMin, Duration reconnectMax) {
    private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]");

    /** Refuses an operator beyond loopback, because the stream carries private keys, and times that make no sense. */
    public SyncConfig {
        String host = operator.getHost();
        String path = operator.getRawPath();
        boolean loopback = host != null && (LOOPBACK.contains(host) || host.matches("127(\\.[0-9]{1,3}){3}"));
        if (!"http".equals(operator.getScheme()) || !loopback || operator.getPort() < 1) {
            throw new IllegalArgumentException("operator: \"" + operator
                    + "\" (expected: http://127.0.0.1:PORT; the stream carries private keys, and this version has no TLS"
                    + " for it, so that the operator must run on the same host)");
        }
        if (path != null && !path.isEmpty() && !path.equals("/") || operator.getRawQuery() != null) {
            throw new IllegalArgumentException("operator: \"" + operator + "\" (expected: no path and no query)");
        }
        positive("keepAlive", keepAlive);
        positive("reconnectMin", reconnectMin);
        positive("reconnectMax", reconnectMax);
        if (reconnectMax.compareTo(reconnectMin) < 0) {
            throw new IllegalArgumentException(
                    "reconnectMax: " + reconnectMax + " (expected: at least reconnectMin, " + reconnectMin + ")");
        }
    }

    /** Keep-alives every 15 s, attempts to reconnect 100 ms to 10 s apart. */
    public static SyncConfig of(URI operator, @Nullable Path stateDirectory) {
        return new SyncConfig(
                operator, stateDirectory, Duration.ofSeconds(15), Duration.ofMillis(100), Duration.ofSeconds(10));
    }

    private static void positive(String field, Duration value) {
        if (value.isNegative() || value.isZero() || value.compareTo(Duration.ofHours(1)) > 0) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: more than zero, at most an hour)");
        }
    }
}
