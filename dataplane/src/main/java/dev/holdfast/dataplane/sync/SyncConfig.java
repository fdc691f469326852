package dev.holdfast.dataplane.sync;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Where tables come from and where the last one is kept.
 *
 * @param operator how the operator is reached and known
 * @param stateDirectory where the last known good table is kept; null keeps it in memory alone
 * @param keepAlive the operator's keep-alive interval; a stream that is silent for three of them is given up
 * @param reconnectMin the wait before the first attempt to reconnect; doubles with each failure, with jitter
 * @param reconnectMax the longest wait before an attempt to reconnect
 */
public record SyncConfig(
        OperatorAccess operator,
        @Nullable Path stateDirectory,
        Duration keepAlive,
        Duration reconnectMin,
        Duration reconnectMax) {
    /** Refuses times that make no sense. */
    public SyncConfig {
        positive("keepAlive", keepAlive);
        positive("reconnectMin", reconnectMin);
        positive("reconnectMax", reconnectMax);
        if (reconnectMax.compareTo(reconnectMin) < 0) {
            throw new IllegalArgumentException(
                    "reconnectMax: " + reconnectMax + " (expected: at least reconnectMin, " + reconnectMin + ")");
        }
    }

    /** An operator on this machine, without TLS. */
    public SyncConfig(
            URI operator,
            @Nullable Path stateDirectory,
            Duration keepAlive,
            Duration reconnectMin,
            Duration reconnectMax) {
        this(OperatorAccess.loopback(operator), stateDirectory, keepAlive, reconnectMin, reconnectMax);
    }

    /** Keep-alives every 15 s, attempts to reconnect 100 ms to 10 s apart. */
    public static SyncConfig of(OperatorAccess operator, @Nullable Path stateDirectory) {
        return new SyncConfig(
                operator, stateDirectory, Duration.ofSeconds(15), Duration.ofMillis(100), Duration.ofSeconds(10));
    }

    /** The same, of an operator on this machine, without TLS. */
    public static SyncConfig of(URI operator, @Nullable Path stateDirectory) {
        return of(OperatorAccess.loopback(operator), stateDirectory);
    }

    private static void positive(String field, Duration value) {
        if (value.isNegative() || value.isZero() || value.compareTo(Duration.ofHours(1)) > 0) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: more than zero, at most an hour)");
        }
    }
}
