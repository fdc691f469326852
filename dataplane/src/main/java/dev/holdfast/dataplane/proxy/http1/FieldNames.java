package dev.holdfast.dataplane.proxy.http1;

import io.netty.util.AsciiString;
import io.netty.util.concurrent.FastThreadLocal;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Field names that this event loop has read before: nearly every message has the same ones, and a name that is known
 * brings its hash. A fixed number of places; a name that collides takes the place.
 */
final class FieldNames {
    private static final int PLACES = 512;
    private static final int NAME_BYTES_MAX = 40;

    private static final FastThreadLocal<FieldNames> OF_LOOP = new FastThreadLocal<>() {
        @Override
        protected FieldNames initialValue() {
            return new FieldNames();
        }
    };

    private final @Nullable AsciiString[] known = new AsciiString[PLACES];

    private FieldNames() {}

    static FieldNames ofLoop() {
        return OF_LOOP.get();
    }

    /** The name in the first octets of a line, spelled as it is there. */
    AsciiString name(byte[] line, int length) {
        if (length > NAME_BYTES_MAX) {
            return new AsciiString(line, 0, length, true);
        }
        int hash = length;
        for (int i = 0; i < length; i++) {
            hash = 31 * hash + line[i];
        }
        int place = (hash ^ hash >>> 15) & PLACES - 1;
        AsciiString name = known[place];
        if (name == null || !Arrays.equals(name.array(), 0, name.length(), line, 0, length)) {
            name = new AsciiString(line, 0, length, true);
            known[place] = name;
        }
        return name;
    }
}
