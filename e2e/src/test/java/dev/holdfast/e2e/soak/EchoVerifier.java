package dev.holdfast.e2e.soak;

import io.netty.buffer.ByteBuf;
import java.util.HashSet;
import java.util.Set;

/** Follows the echo of one tunnel: every message once, whole and in order. One thread. */
final class EchoVerifier {
    private static final int MISSING_MAX = 10_000;

    private final int tunnel;
    private final Tally tally;
    private final Set<Long> missing = new HashSet<>();
    private long sent;
    private long expected;

    EchoVerifier(int tunnel, Tally tally) {
        this.tunnel = tunnel;
        this.tally = tally;
    }

    /** The next message to send. */
    SoakMessage next() {
        tally.sent.increment();
        return new SoakMessage(tunnel, sent++);
    }

    /** How many messages are under way. */
    long outstanding() {
        return sent - expected + missing.size();
    }

    /** Judges what came back. */
    void received(ByteBuf message) {
        long number = SoakMessage.numberOf(tunnel, message);
        if (number < 0 || number >= sent) {
            tally.corrupted.increment();
            tally.complain("tunnel " + tunnel + ": corrupted message of " + message.readableBytes()
                    + " octets where number " + expected + " was expected");
        } else if (number >= expected) {
            for (; expected < number && missing.size() < MISSING_MAX; expected++) {
                missing.add(expected);
            }
            expected = number + 1;
            tally.back.increment();
        } else if (missing.remove(number)) {
            tally.reordered.increment();
            tally.complain("tunnel " + tunnel + ": message " + number + " came after " + (expected - 1));
        } else {
            tally.duplicated.increment();
            tally.complain("tunnel " + tunnel + ": message " + number + " came again");
        }
    }

    /** Counts what has not come back as lost; after this nothing is under way. */
    void finish() {
        long lost = outstanding();
        if (lost > 0) {
            tally.lost.add(lost);
            tally.complain("tunnel " + tunnel + ": " + lost + " of " + sent + " messages did not come back");
        }
        missing.clear();
        expected = sent;
    }
}
