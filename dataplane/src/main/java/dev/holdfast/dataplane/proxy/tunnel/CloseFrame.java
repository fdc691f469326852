package dev.holdfast.dataplane.proxy.tunnel;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A Close frame of our own (RFC 6455 §5.5.1).
 *
 * @param code for instance 1001, going away
 * @param reason at most 123 bytes of UTF-8
 */
public record CloseFrame(int code, String reason) {
    private static final int REASON_BYTES_MAX = 123;

    /** Refuses a code outside 1000 to 4999 and a reason that no control frame can hold. */
    public CloseFrame {
        if (code < 1000 || code > 4999) {
            throw new IllegalArgumentException("closeFrame.code: " + code + " (expected: 1000 to 4999)");
        }
        int bytes = reason.getBytes(StandardCharsets.UTF_8).length;
        if (bytes > REASON_BYTES_MAX) {
            throw new IllegalArgumentException(
                    "closeFrame.reason: " + bytes + " bytes (expected: at most " + REASON_BYTES_MAX + ")");
        }
    }

    /** The frame for a client: not masked. */
    ByteBuf unmasked(ByteBufAllocator alloc) {
        byte[] text = reason.getBytes(StandardCharsets.UTF_8);
        return alloc.buffer(4 + text.length)
                .writeByte(0x88)
                .writeByte(2 + text.length)
                .writeShort(code)
                .writeBytes(text);
    }

    /** The frame for a backend: masked with a fresh key (§5.3). */
    ByteBuf masked(ByteBufAllocator alloc) {
        byte[] text = reason.getBytes(StandardCharsets.UTF_8);
        byte[] payload = new byte[2 + text.length];
        payload[0] = (byte) (code >>> 8);
        payload[1] = (byte) code;
        System.arraycopy(text, 0, payload, 2, text.length);
        // The key guards caches on the way against chosen bytes of a hostile client; this payload is our own.
        int key = ThreadLocalRandom.current().nextInt();
        for (int i = 0; i < payload.length; i++) {
            payload[i] ^= (byte) (key >>> (24 - 8 * (i & 3)));
        }
        return alloc.buffer(6 + payload.length)
                .writeByte(0x88)
                .writeByte(0x80 | payload.length)
                .writeInt(key)
                .writeBytes(payload);
    }
}
