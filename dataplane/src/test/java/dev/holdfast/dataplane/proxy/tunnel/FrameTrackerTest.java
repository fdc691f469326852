package dev.holdfast.dataplane.proxy.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.proxy.telemetry.DirectionCounters;
import dev.holdfast.dataplane.proxy.tunnel.FrameTracker.Sender;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Following frames by their headers (RFC 6455 §5.2). */
class FrameTrackerTest {
    static Stream<Arguments> violations() {
        return Stream.of(
                Arguments.of("reserved data opcode", Sender.BACKEND, new byte[] {(byte) 0x83, 0}),
                Arguments.of("reserved control opcode", Sender.BACKEND, new byte[] {(byte) 0x8b, 0}),
                Arguments.of("fragmented control", Sender.BACKEND, new byte[] {0x09, 0}),
                Arguments.of("long control", Sender.BACKEND, new byte[] {(byte) 0x89, 126}),
                Arguments.of("masked by a backend", Sender.BACKEND, new byte[] {(byte) 0x81, (byte) 0x80}),
                Arguments.of("not masked by a client", Sender.CLIENT, new byte[] {(byte) 0x81, 0}),
                Arguments.of("length with its top bit set", Sender.BACKEND, new byte[] {
                    (byte) 0x82, 127, (byte) 0x80, 0, 0, 0, 0, 0, 0, 0
                }));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("violations")
    void aViolationLosesTheBoundariesForGood(String what, Sender sender, byte[] bytes) {
        // Given
        FrameTracker tracker = new FrameTracker(sender, new DirectionCounters());
        // When
        tracker.follow(Unpooled.wrappedBuffer(bytes));
        // Then
        assertThat(tracker.lost()).as(what).isTrue();
        tracker.follow(Unpooled.wrappedBuffer(Frames.text("fine")));
        assertThat(tracker.atBoundary()).isFalse();
    }

    static Stream<Arguments> frames() {
        return Stream.of(
                Arguments.of(Sender.BACKEND, Frames.text(""), false),
                Arguments.of(Sender.BACKEND, Frames.frame(0x01, new byte[125], false), false),
                Arguments.of(Sender.BACKEND, Frames.frame(0xc2, new byte[126], false), false),
                Arguments.of(Sender.BACKEND, Frames.frame(0x82, new byte[65_535], false), false),
                Arguments.of(Sender.CLIENT, Frames.frame(0x82, new byte[65_536], true), true),
                Arguments.of(Sender.CLIENT, Frames.frame(0x89, new byte[125], true), true),
                Arguments.of(Sender.CLIENT, Frames.frame(0x80, new byte[0], true), true));
    }

    @ParameterizedTest
    @MethodSource("frames")
    void aFrameEndsExactlyWithItsLastByte(Sender sender, byte[] frame, boolean masked) {
        for (int cut : new int[] {1, Math.min(2, frame.length - 1), frame.length - 1}) {
            // Given
            FrameTracker tracker = new FrameTracker(sender, new DirectionCounters());
            ByteBuf bytes = Unpooled.wrappedBuffer(frame);
            // When
            tracker.follow(bytes.slice(0, cut));
            // Then
            assertThat(tracker.atBoundary()).isFalse();
            tracker.follow(bytes.slice(cut, frame.length - cut));
            assertThat(tracker.atBoundary()).isTrue();
            assertThat(tracker.frames()).isEqualTo(1);
            assertThat(masked).isEqualTo(sender == Sender.CLIENT);
        }
    }

    @Test
    void theCodeOfACloseIsReadWithoutChangingIt() {
        // Given
        byte[] frame = Frames.maskedClose(4711);
        FrameTracker fromClient = new FrameTracker(Sender.CLIENT, new DirectionCounters());
        FrameTracker fromBackend = new FrameTracker(Sender.BACKEND, new DirectionCounters());
        // When
        fromClient.follow(Unpooled.wrappedBuffer(frame));
        fromBackend.follow(Unpooled.wrappedBuffer(Frames.frame(0x88, new byte[0], false)));
        // Then
        assertThat(fromClient.closeCode()).isEqualTo(4711);
        assertThat(fromBackend.closeCode()).isEqualTo(FrameTracker.NO_STATUS);
        assertThat(frame).isEqualTo(Frames.maskedClose(4711));
    }

    @Test
    void splitsAtRandomPlacesChangeNothing() {
        Random random = new Random(20261121);
        for (int round = 0; round < 300; round++) {
            // Given
            Sender sender = random.nextBoolean() ? Sender.CLIENT : Sender.BACKEND;
            ByteArrayOutputStream stream = new ByteArrayOutputStream();
            List<Integer> boundaries = new ArrayList<>();
            int count = 1 + random.nextInt(12);
            for (int i = 0; i < count; i++) {
                stream.writeBytes(randomFrame(random, sender));
                boundaries.add(stream.size());
            }
            ByteBuf bytes = Unpooled.wrappedBuffer(stream.toByteArray());
            FrameTracker tracker = new FrameTracker(sender, new DirectionCounters());
            int at = 0;
            while (at < stream.size()) {
                int length = Math.min(1 + random.nextInt(random.nextBoolean() ? 3 : 400), stream.size() - at);
                ByteBuf piece = bytes.slice(at, length);
                // When
                int used = tracker.followToBoundary(piece);
                // Then
                int from = at;
                int expected = boundaries.stream()
                        .filter(boundary -> boundary > from)
                        .findFirst()
                        .orElseThrow();
                assertThat(used).as("round %s at %s", round, at).isEqualTo(Math.min(length, expected - from));
                at += used;
                assertThat(tracker.atBoundary()).isEqualTo(boundaries.contains(at));
            }
            assertThat(tracker.frames()).isEqualTo(count);
        }
    }

    private static byte[] randomFrame(Random random, Sender sender) {
        boolean control = random.nextInt(4) == 0;
        int first = control ? 0x80 | 9 + random.nextInt(2) : (random.nextBoolean() ? 0x80 : 0) | random.nextInt(3);
        int length = control
                ? random.nextInt(126)
                : switch (random.nextInt(4)) {
                    case 0 -> 0;
                    case 1 -> random.nextInt(126);
                    case 2 -> 126 + random.nextInt(1_000);
                    default -> 65_536 + random.nextInt(100);
                };
        return Frames.frame(first, new byte[length], sender == Sender.CLIENT);
    }
}
