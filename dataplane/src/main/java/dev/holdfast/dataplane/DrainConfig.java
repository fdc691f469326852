package dev.holdfast.dataplane;

import java.time.Duration;
import java.time.temporal.ChronoUnit;

/**
 * How the data plane ends.
 *
 * @param acceptGrace how long new connections are still served after it turned unready, because endpoints and load
 *     balancers hear of that late; longer while clients still come, by {@link #overtimeMax} at most
 * @param window over how long the close frames of the open tunnels are spread, less that overtime; what remains behind
 *     it is cut
 */
public record DrainConfig(Duration acceptGrace, Duration window) {
    /** 5 s of grace and a window of 30 s. */
    public static final DrainConfig DEFAULT = new DrainConfig(Duration.ofSeconds(5), Duration.ofSeconds(30));

    private static final Duration OVERTIME_MAX = Duration.ofMinutes(1);

    /** Refuses negative times and times over an hour. */
    public DrainConfig {
        bounded("drain.acceptGrace", acceptGrace);
        bounded("drain.window", window);
    }

    /**
     * How much longer than its grace it accepts at most while clients still come: half of the window, and no more than a
     * minute, since what follows the API server tries again within that (client-go's back-off). Without a grace nobody is
     * waited for.
     */
    public Duration overtimeMax() {
        Duration half = window.dividedBy(2);
        Duration most = half.compareTo(OVERTIME_MAX) < 0 ? half : OVERTIME_MAX;
        return acceptGrace.isZero() ? Duration.ZERO : most;
    }

    /** What is taken from the window when it has accepted for so long, whole milliseconds. */
    Duration overtime(Duration accepted) {
        Duration beyond = accepted.minus(acceptGrace).truncatedTo(ChronoUnit.MILLIS);
        Duration most = overtimeMax();
        return beyond.isNegative() ? Duration.ZERO : beyond.compareTo(most) < 0 ? beyond : most;
    }

    private static void bounded(String field, Duration value) {
        if (value.isNegative() || value.compareTo(Duration.ofHours(1)) > 0) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: zero to an hour)");
        }
    }
}
