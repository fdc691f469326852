package dev.holdfast.dataplane.proxy.upstream;

import java.nio.charset.StandardCharsets;

/** Hashes that are equal in every process, unlike {@link Object#hashCode}. Not for secrets. */
final class Hashes {
    private Hashes() {}

    /** FNV-1a, finished so that every input bit reaches every output bit. */
    static long of(byte[] bytes) {
        long hash = 0xcbf29ce484222325L;
        for (byte b : bytes) {
            hash = (hash ^ (b & 0xff)) * 0x100000001b3L;
        }
        return mix(hash);
    }

    /** The hash of a text's UTF-8 bytes. */
    static long of(String text) {
        return of(text.getBytes(StandardCharsets.UTF_8));
    }

    /** The finishing step of SplitMix64. */
    static long mix(long value) {
        long z = value;
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }
}
