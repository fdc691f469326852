package dev.holdfast.dataplane.proxy.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.proxy.telemetry.DirectionCounters;
import dev.holdfast.dataplane.proxy.tunnel.FrameTracker.Sender;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Bytes of a tunnel from either side. A naive reading of the whole says where frames end and where the first violation
 * is; the tracker must say the same, wherever reads end, and change nothing.
 */
public final class FrameTrackerFuzz {
    private FrameTrackerFuzz() {}

    /** One run. */
    public static void fuzzerTestOneInput(byte[] input) {
        for (Sender sender : Sender.values()) {
            Expected expected = Expected.of(input, sender == Sender.CLIENT);
            FrameTracker whole = new FrameTracker(sender, new DirectionCounters());
            byte[] copy = input.clone();
            ByteBuf bytes = Unpooled.wrappedBuffer(copy);
            whole.follow(bytes);
            assertThat(bytes.readableBytes()).isEqualTo(input.length);
            assertThat(copy).as("only looked at").isEqualTo(input);
            compare(whole, expected, input.length);
            followInPieces(input, sender, expected);
        }
    }

    private static void followInPieces(byte[] input, Sender sender, Expected expected) {
        SplittableRandom random = new SplittableRandom(Arrays.hashCode(input));
        FrameTracker tracker = new FrameTracker(sender, new DirectionCounters());
        List<Integer> boundaries = new ArrayList<>();
        int at = 0;
        while (at < input.length) {
            int length = Math.min(input.length - at, 1 + random.nextInt(random.nextBoolean() ? 3 : 40));
            int used = tracker.followToBoundary(Unpooled.wrappedBuffer(input, at, length));
            assertThat(used).isBetween(1, length);
            at += used;
            if (tracker.atBoundary()) {
                boundaries.add(at);
            } else {
                assertThat(used).as("all of it, for no frame ended").isEqualTo(length);
            }
        }
        compare(tracker, expected, input.length);
        assertThat(boundaries).isEqualTo(expected.ends);
    }

    private static void compare(FrameTracker tracker, Expected expected, int length) {
        assertThat(tracker.lost()).as("lost").isEqualTo(expected.lost);
        assertThat(tracker.frames()).as("frames").isEqualTo(expected.ends.size());
        assertThat(tracker.closeCode()).as("close code").isEqualTo(expected.closeCode);
        assertThat(tracker.closeSeen()).as("close seen").isEqualTo(expected.closeCode != 0);
        boolean atEnd = length == 0 || !expected.ends.isEmpty() && expected.ends.getLast() == length;
        assertThat(tracker.atBoundary()).as("at a boundary").isEqualTo(!expected.lost && atEnd);
    }

    /**
     * @param ends how many bytes have passed when each frame ends
     */
    private record Expected(List<Integer> ends, boolean lost, int closeCode) {
        static Expected of(byte[] bytes, boolean masked) {
            List<Integer> ends = new ArrayList<>();
            int closeCode = 0;
            int at = 0;
            while (at < bytes.length) {
                int opcode = bytes[at] & 0x0f;
                boolean control = opcode >= 8;
                boolean known = opcode <= 2 || opcode >= 8 && opcode <= 10;
                if (!known || control && (bytes[at] & 0x80) == 0) {
                    return new Expected(ends, true, closeCode);
                }
                if (at + 1 == bytes.length) {
                    break;
                }
                int small = bytes[at + 1] & 0x7f;
                if ((bytes[at + 1] & 0x80) != 0 != masked || control && small > 125) {
                    return new Expected(ends, true, closeCode);
                }
                int wide = small == 126 ? 2 : small == 127 ? 8 : 0;
                int payloadAt = at + 2 + wide + (masked ? 4 : 0);
                BigInteger length = BigInteger.valueOf(small);
                if (wide > 0) {
                    if (at + 2 + wide > bytes.length) {
                        break;
                    }
                    length = new BigInteger(1, Arrays.copyOfRange(bytes, at + 2, at + 2 + wide));
                    if (length.bitLength() > 63) {
                        return new Expected(ends, true, closeCode);
                    }
                }
                BigInteger end = length.add(BigInteger.valueOf(payloadAt));
                if (end.compareTo(BigInteger.valueOf(bytes.length)) > 0) {
                    break;
                }
                if (opcode == 8 && closeCode == 0) {
                    closeCode = code(bytes, payloadAt, length.intValueExact(), masked);
                }
                at = end.intValueExact();
                ends.add(at);
            }
            return new Expected(ends, false, closeCode);
        }

        private static int code(byte[] bytes, int at, int length, boolean masked) {
            if (length < 2) {
                return FrameTracker.NO_STATUS;
            }
            int high = bytes[at] ^ (masked ? bytes[at - 4] : 0);
            int low = bytes[at + 1] ^ (masked ? bytes[at - 3] : 0);
            int code = (high & 0xff) << 8 | low & 0xff;
            return code == 0 ? FrameTracker.NO_STATUS : code;
        }
    }
}
