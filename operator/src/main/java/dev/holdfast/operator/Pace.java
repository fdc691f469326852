package dev.holdfast.operator;

import java.time.Duration;

/**
 * How long the compile loop waits before it takes a snapshot.
 *
 * @param first silence to wait for after a signal that comes alone; short, because an edit should be served at once
 * @param burst silence to wait for once a second signal came, so that a rollout is compiled a few times and not once per
 *     object
 * @param delayMax longest wait since the first signal, however many follow
 */
public record Pace(Duration first, Duration burst, Duration delayMax) {
    /** 2 ms after a lone signal, 10 ms in a burst, 500 ms at most. */
    public static final Pace DEFAULT = new Pace(Duration.ofMillis(2), Duration.ofMillis(10), Duration.ofMillis(500));

    /** Refuses waits that are negative or out of order. */
    public Pace {
        if (first.isNegative() || burst.compareTo(first) < 0 || delayMax.compareTo(burst) < 0) {
            throw new IllegalArgumentException("pace: first " + first + ", burst " + burst + ", delayMax " + delayMax
                    + " (expected: 0 <= first <= burst <= delayMax)");
        }
    }
}
