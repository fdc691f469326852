package dev.holdfast.e2e.overload;

import java.time.Duration;

/**
 * Times that the scorecard asks for. One that is met with room to spare on any machine is asserted as it is; the others
 * only where {@code -Doverload.idle=true} says that the machine is the test's alone: a shared one measures its neighbours.
 */
final class Scorecard {
    private static final boolean IDLE = Boolean.getBoolean("overload.idle");

    private Scorecard() {}

    /** {@code wanted} on an idle machine, {@code tolerated} elsewhere. */
    static double limit(double wanted, double tolerated) {
        return IDLE ? wanted : tolerated;
    }

    /** {@code wanted} on an idle machine, {@code tolerated} elsewhere. */
    static Duration limit(Duration wanted, Duration tolerated) {
        return IDLE ? wanted : tolerated;
    }
}
