package dev.holdfast.dataplane.proxy.http1;

import io.netty.util.concurrent.FastThreadLocal;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Classes of octets (RFC 9110 §5.6) and the line that the event loop is working on. */
final class Octets {
    private static final boolean[] TOKEN = new boolean[256];
    private static final FastThreadLocal<byte[]> SCRATCH = new FastThreadLocal<>() {
        @Override
        protected byte[] initialValue() {
            return new byte[8 << 10];
        }
    };

    static {
        for (int c = '0'; c <= 'z'; c++) {
            TOKEN[c] = c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a';
        }
        for (char c : "!#$%&'*+-.^_`|~".toCharArray()) {
            TOKEN[c] = true;
        }
    }

    private Octets() {}

    static boolean isToken(byte octet) {
        return TOKEN[octet & 0xff];
    }

    /** What may stand in a field value: no control octet except a tab. */
    static boolean isFieldValue(byte octet) {
        return octet >= 0x20 && octet != 0x7f || octet < 0 || octet == '\t';
    }

    static int hexDigit(byte octet) {
        return octet < 0 ? -1 : Character.digit(octet, 16);
    }

    static boolean isUtf8(byte[] octets, int from, int to) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(octets, from, to - from));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    /** Space for one line, valid until the next call on this thread. */
    static byte[] scratch(int length) {
        byte[] scratch = SCRATCH.get();
        if (scratch.length < length) {
            scratch = new byte[Math.max(length, 2 * scratch.length)];
            SCRATCH.set(scratch);
        }
        return scratch;
    }
}
