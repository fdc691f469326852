package dev.holdfast.dataplane;

import java.time.Duration;

/**
 * How the data plane ends.
 *
 * @param acceptGrace how long new connections are still served after it turned unready, because endpoints and load
 *     balancers hear of that late
 * @param window over how long the close frames of the open tunnels are spread; what remains behind it is cut
 */
public record DrainConfig(Duration acceptGrace, Duration window) {
    /** 5 s of grace and a window of 30 s. */
    public static final DrainConfig DEFAULT = new DrainConfig(Duration.ofSeconds(5), Duration.ofSeconds(30));

    /** Refuses negative times and times over an hour. */
    public DrainConfig {
        bounded("drain.acceptGrace", acceptGrace);
        bounded("drain.window", window);
    }

    private static void bounded(String field, Duration value) {
        if (value.isNegative() || value.compareTo(Duration.ofHours(1)) > 0) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: zero to an hour)");
        }
    }
}
