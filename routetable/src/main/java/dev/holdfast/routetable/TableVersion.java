package dev.holdfast.routetable;

/**
 * Names one table.
 *
 * @param sequence counts the versions of one publisher, for people; two replicas count differently
 * @param digest lower-case hexadecimal SHA-256 of the canonical encoding, the identity
 */
public record TableVersion(long sequence, String digest) {
    /** Refuses a negative sequence and a digest of another form. */
    public TableVersion {
        if (sequence < 0) {
            throw new IllegalArgumentException("version.sequence: " + sequence + " (expected: 0 or more)");
        }
        if (!digest.matches("[0-9a-f]{64}")) {
            throw new IllegalArgumentException("version.digest: " + digest.length()
                    + " characters (expected: 64 hexadecimal digits in lower case)");
        }
    }

    /** Parses what {@link #toString()} prints; it stands in {@code id:} and {@code Last-Event-ID}. */
    public static TableVersion parse(String text) {
        int dash = text.indexOf('-');
        if (dash < 1 || dash > 19) {
            throw new IllegalArgumentException("version: \"" + text + "\" (expected: sequence-digest)");
        }
        try {
            return new TableVersion(Long.parseLong(text.substring(0, dash)), text.substring(dash + 1));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("version: \"" + text + "\" (expected: sequence-digest)", e);
        }
    }

    /** Whether both name the same table. */
    public boolean isSameTable(TableVersion other) {
        return digest.equals(other.digest);
    }

    @Override
    public String toString() {
        return sequence + "-" + digest;
    }
}
