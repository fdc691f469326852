package dev.holdfast.e2e.soak;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.zip.CRC32C;

/**
 * A message that tells whose it is, the how manyth, and whether it is whole: tunnel (4 octets), number (8), body, and the
 * CRC-32C of all before it (4).
 *
 * @param number from 0 within its tunnel
 */
record SoakMessage(int tunnel, long number) {
    private static final int HEAD_BYTES = 12;
    private static final int CRC_BYTES = 4;
    private static final int LARGE_EVERY = 50;
    private static final int LARGE_BYTES = 48 * 1024;

    /** The octets to send; most are small, some span many reads. */
    ByteBuf encode(ByteBufAllocator allocator) {
        int bodyBytes = number % LARGE_EVERY == LARGE_EVERY - 1
                ? LARGE_BYTES
                : (int) Math.floorMod(number * 31 + tunnel, 1_000L);
        ByteBuf message = allocator.buffer(HEAD_BYTES + bodyBytes + CRC_BYTES);
        message.writeInt(tunnel).writeLong(number);
        byte[] body = new byte[bodyBytes];
        long state = number * 0x9E3779B97F4A7C15L + tunnel;
        for (int i = 0; i < bodyBytes; i++) {
            state = state * 6364136223846793005L + 1442695040888963407L;
            body[i] = (byte) (state >>> 56);
        }
        message.writeBytes(body);
        return message.writeInt(crc(message, message.readableBytes()));
    }

    /** The number of a message of this tunnel, or -1 if it is not what this tunnel sent. */
    static long numberOf(int tunnel, ByteBuf message) {
        int bytes = message.readableBytes();
        if (bytes < HEAD_BYTES + CRC_BYTES
                || message.getInt(message.readerIndex() + bytes - CRC_BYTES) != crc(message, bytes - CRC_BYTES)
                || message.getInt(message.readerIndex()) != tunnel) {
            return -1;
        }
        return message.getLong(message.readerIndex() + 4);
    }

    private static int crc(ByteBuf message, int length) {
        CRC32C crc = new CRC32C();
        crc.update(message.nioBuffer(message.readerIndex(), length));
        return (int) crc.getValue();
    }
}
