package dev.holdfast.e2e.soak;

import java.time.Duration;

/**
 * How long and how much.
 *
 * @param length from the first edit to the last
 * @param warmUp how much of it passes before slopes are taken
 * @param reportEvery how often a line is printed, memory collected and the gauges compared
 * @param dataPlanes processes that share the traffic
 * @param load what goes through them
 */
record SoakConfig(Duration length, Duration warmUp, Duration reportEvery, int dataPlanes, Load load) {
    /**
     * Background B of the scorecard, and R01.
     *
     * @param tunnels half over ws, half over wss; a tenth of them is closed and opened anew all the time
     * @param messagesPerSecond over all tunnels
     * @param requestsPerSecond plain requests, half over TLS
     * @param editsPerSecond edits of objects
     * @param tunnelsPerSecond tunnels closed and opened
     */
    record Load(int tunnels, int messagesPerSecond, int requestsPerSecond, int editsPerSecond, int tunnelsPerSecond) {
        static final Load BACKGROUND = new Load(2_000, 200, 100, 10, 10);
    }

    /** The whole load for this long, with a warm-up of a third, at most half an hour. */
    static SoakConfig lasting(Duration length) {
        Duration third = length.dividedBy(3);
        Duration warmUp = third.compareTo(Duration.ofMinutes(30)) < 0 ? third : Duration.ofMinutes(30);
        return new SoakConfig(length, warmUp, Duration.ofMinutes(1), 2, Load.BACKGROUND);
    }
}
