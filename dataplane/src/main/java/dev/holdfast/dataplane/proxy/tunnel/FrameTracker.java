package dev.holdfast.dataplane.proxy.tunnel;

import dev.holdfast.dataplane.proxy.telemetry.DirectionCounters;
import io.netty.buffer.ByteBuf;

/**
 * Follows the frames of one direction of a tunnel by their headers (RFC 6455 §5.2), so that a control frame of our own
 * can be put between two of them. Payload is neither read (but for the code of a Close) nor unmasked. Must see every
 * byte after the 101. On a violation it is {@link #lost} for good: a boundary is never guessed.
 */
final class FrameTracker {
    /** The code of a Close frame that has none (§7.4.1). */
    static final int NO_STATUS = 1005;

    private static final int OPCODE_CLOSE = 8;
    private static final int CONTROL_BYTES_MAX = 125;

    /** Which frames are expected. */
    enum Sender {
        /** Every frame is masked (§5.1). */
        CLIENT,
        /** No frame is masked. */
        BACKEND
    }

    private enum Stage {
        FIRST,
        SECOND,
        LENGTH,
        MASK,
        PAYLOAD
    }

    private final Sender sender;
    private final DirectionCounters counters;
    private Stage stage = Stage.FIRST;
    private boolean lost;
    private int opcode;
    /** Bytes of the length or of the masking key that are still to come. */
    private int headerLeft;
    /** Payload bytes of the current frame that are still to come; while its length is read, the part read so far. */
    private long payloadLeft;

    private int mask;
    /** Payload bytes of a Close frame that are taken into {@link #codeRead}: its first two. */
    private int codeBytes;

    private int codeRead;
    private int closeCode;
    private long frames;
    private long messages;

    /** Counts the messages that begin in {@code counters}. */
    FrameTracker(Sender sender, DirectionCounters counters) {
        this.sender = sender;
        this.counters = counters;
    }

    DirectionCounters counters() {
        return counters;
    }

    /** Whether the bytes seen so far end with a whole frame, or there are none. */
    boolean atBoundary() {
        return !lost && stage == Stage.FIRST;
    }

    /** Whether the bytes were no frames, so that boundaries are not known any more. */
    boolean lost() {
        return lost;
    }

    /** Whether a whole Close frame has passed. */
    boolean closeSeen() {
        return closeCode != 0;
    }

    /** The code of the Close frame that has passed; {@link #NO_STATUS} if it had none. */
    int closeCode() {
        return closeCode;
    }

    /** Whole frames seen. */
    long frames() {
        return frames;
    }

    /** Text and binary messages that have begun. */
    long messages() {
        return messages;
    }

    /** Follows all readable bytes of {@code bytes}; its indices stay. */
    void follow(ByteBuf bytes) {
        int end = bytes.writerIndex();
        int index = bytes.readerIndex();
        while (index < end && !lost) {
            index = step(bytes, index, end);
        }
    }

    /**
     * Follows bytes up to the first boundary; its indices stay.
     *
     * @return how many bytes were followed: up to and with the last of the frame under way, or all
     */
    int followToBoundary(ByteBuf bytes) {
        int end = bytes.writerIndex();
        int index = bytes.readerIndex();
        while (index < end && !lost) {
            index = step(bytes, index, end);
            if (stage == Stage.FIRST) {
                return index - bytes.readerIndex();
            }
        }
        return end - bytes.readerIndex();
    }

    private int step(ByteBuf bytes, int index, int end) {
        return switch (stage) {
            case FIRST -> {
                first(bytes.getByte(index));
                yield index + 1;
            }
            case SECOND -> {
                second(bytes.getByte(index));
                yield index + 1;
            }
            case LENGTH -> {
                length(bytes.getByte(index));
                yield index + 1;
            }
            case MASK -> {
                mask = mask << 8 | bytes.getByte(index) & 0xff;
                if (--headerLeft == 0) {
                    payload();
                }
                yield index + 1;
            }
            case PAYLOAD -> {
                int taken = (int) Math.min(payloadLeft, end - index);
                if (opcode == OPCODE_CLOSE) {
                    readCode(bytes, index, taken);
                }
                payloadLeft -= taken;
                if (payloadLeft == 0) {
                    frameEnd();
                }
                yield index + taken;
            }
        };
    }

    private void first(byte value) {
        opcode = value & 0x0f;
        boolean control = opcode >= 8;
        boolean known = opcode <= 2 || opcode >= 8 && opcode <= 10;
        boolean fin = (value & 0x80) != 0;
        lost = !known || control && !fin;
        if (counters.frame(opcode)) {
            messages++;
        }
        stage = Stage.SECOND;
    }

    private void second(byte value) {
        boolean masked = (value & 0x80) != 0;
        int length = value & 0x7f;
        if (masked != (sender == Sender.CLIENT) || opcode >= 8 && length > CONTROL_BYTES_MAX) {
            lost = true;
            return;
        }
        payloadLeft = 0;
        switch (length) {
            case 126 -> {
                headerLeft = 2;
                stage = Stage.LENGTH;
            }
            case 127 -> {
                headerLeft = 8;
                stage = Stage.LENGTH;
            }
            default -> {
                payloadLeft = length;
                lengthKnown();
            }
        }
    }

    private void length(byte value) {
        payloadLeft = payloadLeft << 8 | value & 0xff;
        if (--headerLeft == 0) {
            // The top bit of a 64-bit length must be 0.
            lost = payloadLeft < 0;
            lengthKnown();
        }
    }

    private void lengthKnown() {
        mask = 0;
        if (sender == Sender.CLIENT) {
            headerLeft = 4;
            stage = Stage.MASK;
        } else {
            payload();
        }
    }

    private void payload() {
        codeBytes = 0;
        codeRead = 0;
        stage = Stage.PAYLOAD;
        if (payloadLeft == 0) {
            frameEnd();
        }
    }

    private void readCode(ByteBuf bytes, int index, int taken) {
        for (int i = 0; i < taken && codeBytes < 2; i++) {
            int key = mask >>> 24 - 8 * codeBytes & 0xff;
            codeRead = codeRead << 8 | (bytes.getByte(index + i) ^ key) & 0xff;
            codeBytes++;
        }
    }

    private void frameEnd() {
        stage = Stage.FIRST;
        frames++;
        if (opcode == OPCODE_CLOSE && closeCode == 0) {
            closeCode = codeBytes == 2 && codeRead != 0 ? codeRead : NO_STATUS;
        }
    }
}
