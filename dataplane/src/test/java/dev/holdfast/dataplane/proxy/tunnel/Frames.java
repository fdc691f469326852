package dev.holdfast.dataplane.proxy.tunnel;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Bytes of WebSocket frames. */
final class Frames {
    private static final byte[] KEY = {0x12, 0x34, 0x56, 0x78};

    private Frames() {}

    static byte[] text(String payload) {
        return frame(0x81, payload.getBytes(StandardCharsets.UTF_8), false);
    }

    static byte[] maskedText(String payload) {
        return frame(0x81, payload.getBytes(StandardCharsets.UTF_8), true);
    }

    static byte[] close(int code) {
        return frame(0x88, new byte[] {(byte) (code >>> 8), (byte) code}, false);
    }

    static byte[] maskedClose(int code) {
        return frame(0x88, new byte[] {(byte) (code >>> 8), (byte) code}, true);
    }

    static byte[] frame(int first, byte[] payload, boolean masked) {
        ByteBuffer bytes = ByteBuffer.allocate(14 + payload.length);
        bytes.put((byte) first);
        int mask = masked ? 0x80 : 0;
        if (payload.length < 126) {
            bytes.put((byte) (mask | payload.length));
        } else if (payload.length < 65_536) {
            bytes.put((byte) (mask | 126)).putShort((short) payload.length);
        } else {
            bytes.put((byte) (mask | 127)).putLong(payload.length);
        }
        if (masked) {
            bytes.put(KEY);
        }
        for (int i = 0; i < payload.length; i++) {
            bytes.put((byte) (masked ? payload[i] ^ KEY[i & 3] : payload[i]));
        }
        bytes.flip();
        byte[] out = new byte[bytes.remaining()];
        bytes.get(out);
        return out;
    }
}
