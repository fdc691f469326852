package dev.holdfast.dataplane;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * How long a data plane that ends goes on accepting: for its grace, and longer while clients still come. Who sends them has
 * not heard of its end then, and would meet a closed listener. None of its own tunnels has been told so far, so that no
 * client is one of those.
 */
final class AcceptGrace {
    private static final int GRACE_LOOKS = 20;
    /** Nobody sends any more when nobody has come for half the length of the grace. */
    private static final int QUIET_LOOKS = GRACE_LOOKS / 2;

    private final LongSupplier newcomers;
    private final Pause pause;
    private final Duration interval;
    private final long looksMax;

    /** Lets time go by. */
    interface Pause {
        void sleep(Duration time) throws InterruptedException;
    }

    /** @param newcomers counts the clients that have come */
    AcceptGrace(DrainConfig config, LongSupplier newcomers, Pause pause) {
        this.newcomers = newcomers;
        this.pause = pause;
        this.interval = config.acceptGrace().dividedBy(GRACE_LOOKS);
        this.looksMax =
                interval.isZero() ? 0 : GRACE_LOOKS + config.overtimeMax().dividedBy(interval);
    }

    /** Returns when it is over: whether clients still come nevertheless. */
    boolean await() throws InterruptedException {
        long known = newcomers.getAsLong();
        // Looks are counted, not time: a process that stood still has heard nobody, and they wait in the backlog.
        int quiet = 0;
        for (int looks = 1; looks <= looksMax; looks++) {
            pause.sleep(interval);
            long now = newcomers.getAsLong();
            quiet = now == known ? quiet + 1 : 0;
            known = now;
            if (looks >= GRACE_LOOKS && quiet >= QUIET_LOOKS) {
                return false;
            }
        }
        return looksMax > 0;
    }
}
