package dev.holdfast.routetable;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import org.jspecify.annotations.Nullable;

/** Key material. It prints as redacted wherever it is printed, and is compared in constant time. */
public final class SecretBytes {
    /** What stands in the place of a secret wherever something is printed. */
    public static final String REDACTED = "<redacted>";

    private final byte[] bytes;

    private SecretBytes(byte[] bytes) {
        this.bytes = bytes;
    }

    /** Copies {@code bytes}. */
    public static SecretBytes of(byte[] bytes) {
        return new SecretBytes(bytes.clone());
    }

    /** The UTF-8 bytes of a text, a PEM key for instance. */
    public static SecretBytes ofText(String text) {
        return new SecretBytes(text.getBytes(StandardCharsets.UTF_8));
    }

    /** A copy of the bytes. Never put it into a message. */
    public byte[] reveal() {
        return bytes.clone();
    }

    /** Length in bytes. */
    public int length() {
        return bytes.length;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof SecretBytes that && MessageDigest.isEqual(bytes, that.bytes);
    }

    @Override
    public int hashCode() {
        // The length alone: a hash code can reach a log, and must not narrow a guess.
        return bytes.length;
    }

    @Override
    public String toString() {
        return REDACTED;
    }
}
