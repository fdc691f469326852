package dev.holdfast.e2e.overload;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;

/** Follows a stream of frames from a server (RFC 6455 §5.2): where it stands, and the Close it ended with. */
final class Frames {
    private final ByteBuf head = Unpooled.buffer(16);
    private long payloadLeft;
    private int opcode;
    private long whole;
    private int closeCode;
    private int closeBytes;

    /** Reads on; the buffer is consumed, not released. */
    void follow(ByteBuf in) {
        while (in.isReadable()) {
            if (payloadLeft > 0) {
                int step = (int) Math.min(payloadLeft, in.readableBytes());
                if (opcode == 8) {
                    for (int i = 0; i < step; i++) {
                        int octet = in.readUnsignedByte();
                        if (closeBytes++ < 2) {
                            closeCode = closeCode << 8 | octet;
                        }
                    }
                } else {
                    in.skipBytes(step);
                }
                payloadLeft -= step;
                whole += payloadLeft == 0 ? 1 : 0;
            } else {
                head.writeByte(in.readByte());
                headByte();
            }
        }
    }

    private void headByte() {
        int have = head.readableBytes();
        if (have < 2) {
            return;
        }
        int length = head.getByte(1) & 0x7f;
        int masked = (head.getByte(1) & 0x80) != 0 ? 4 : 0;
        int need = masked + (length == 126 ? 4 : length == 127 ? 10 : 2);
        if (have == need) {
            opcode = head.getByte(0) & 0x0f;
            payloadLeft = length == 126 ? head.getUnsignedShort(2) : length == 127 ? head.getLong(2) : length;
            whole += payloadLeft == 0 ? 1 : 0;
            head.clear();
        }
    }

    /** Whether no frame is under way. */
    boolean atBoundary() {
        return payloadLeft == 0 && !head.isReadable();
    }

    /** Frames that are complete. */
    long whole() {
        return whole;
    }

    /** The code of the Close frame, 0 without one. */
    int closeCode() {
        return closeBytes >= 2 ? closeCode : 0;
    }

    /** A frame of {@code length} zeros; {@code masked} with a key of zeros. */
    static ByteBuf binary(int length, boolean masked) {
        return frame(0x82, new byte[length], masked);
    }

    /** A Close frame. */
    static ByteBuf close(int code, boolean masked) {
        return frame(0x88, new byte[] {(byte) (code >>> 8), (byte) code}, masked);
    }

    private static ByteBuf frame(int first, byte[] payload, boolean masked) {
        ByteBuf frame = Unpooled.buffer(payload.length + 14).writeByte(first);
        int mask = masked ? 0x80 : 0;
        if (payload.length < 126) {
            frame.writeByte(mask | payload.length);
        } else {
            frame.writeByte(mask | 126).writeShort(payload.length);
        }
        if (masked) {
            frame.writeInt(0);
        }
        return frame.writeBytes(payload);
    }
}
