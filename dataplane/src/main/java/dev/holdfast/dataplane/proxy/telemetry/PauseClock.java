package dev.holdfast.dataplane.proxy.telemetry;

/**
 * How long tunnels were paused, all together, those that are paused now included: two tunnels that stand for a second
 * make two. Knows no single tunnel, so none pays memory for it. Its lock is taken when a tunnel pauses or goes on,
 * which costs system calls anyway, and contended only by a scrape.
 */
final class PauseClock {
    private final long originNanos = System.nanoTime();
    /** The sum of all ends less the sum of all beginnings, both since the origin; wraps without harm. */
    private long balanceNanos;

    private int now;

    synchronized void begin(long nanos) {
        balanceNanos -= nanos - originNanos;
        now++;
    }

    synchronized void end(long nanos) {
        balanceNanos += nanos - originNanos;
        now--;
    }

    synchronized int now() {
        return now;
    }

    synchronized long totalNanos(long nanos) {
        return balanceNanos + now * (nanos - originNanos);
    }
}
