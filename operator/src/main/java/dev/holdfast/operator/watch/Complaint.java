package dev.holdfast.operator.watch;

import java.time.Duration;

/** Lets the same problem be told once a minute, and another at once: fabric8 tries again within seconds. Thread-safe. */
final class Complaint {
    private static final long PERIOD_NANOS = Duration.ofMinutes(1).toNanos();

    private boolean told;
    private int lastCode;
    private long lastNanos;

    /**
     * Whether to tell it now; then it counts as told.
     *
     * @param code the status that the API server answered with, 0 without an answer
     */
    synchronized boolean isDue(int code) {
        long now = System.nanoTime();
        if (told && code == lastCode && now - lastNanos < PERIOD_NANOS) {
            return false;
        }
        told = true;
        lastCode = code;
        lastNanos = now;
        return true;
    }
}
