package dev.holdfast.dataplane.proxy;

import io.netty.handler.codec.http.HttpHeaders;
import java.time.Duration;
import java.util.Locale;

/** The field {@code Keep-Alive: timeout=5, max=100}, by which Node, Apache and others say how long they keep a connection. */
final class KeepAliveField {
    /** What the announced end comes earlier here than there: the way of a request, and timers that fire late. */
    private static final Duration MARGIN = Duration.ofSeconds(1);

    private static final String TIMEOUT = "timeout=";
    private static final int DIGITS_MAX = 9;

    private KeepAliveField() {}

    /** How long a connection may wait for its next request, never negative; without a readable field without end. */
    static long idleNanosMax(HttpHeaders fields) {
        String value = fields.get("Keep-Alive");
        if (value == null) {
            return Long.MAX_VALUE;
        }
        for (String parameter : value.toLowerCase(Locale.ROOT).split(",", 8)) {
            String seconds = parameter.strip();
            if (seconds.startsWith(TIMEOUT)) {
                return nanos(seconds.substring(TIMEOUT.length()));
            }
        }
        return Long.MAX_VALUE;
    }

    private static long nanos(String digits) {
        if (digits.isEmpty() || digits.length() > DIGITS_MAX || !digits.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return Long.MAX_VALUE;
        }
        Duration idle = Duration.ofSeconds(Long.parseLong(digits)).minus(MARGIN);
        return Math.max(0, idle.toNanos());
    }
}
