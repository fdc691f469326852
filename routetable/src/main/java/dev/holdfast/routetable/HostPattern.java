package dev.holdfast.routetable;

import java.util.regex.Pattern;

/**
 * Which hosts a virtual host serves: one name, every name one label below a suffix ({@code *.example.com}), or any
 * host that no other pattern names ({@code *}).
 *
 * @param value lower case, without port and without trailing dot
 */
public record HostPattern(String value) implements Comparable<HostPattern> {
    /** Every host that no other pattern names. */
    public static final HostPattern ANY = new HostPattern("*");

    private static final Pattern NAME = Pattern.compile(
            "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*|\\[[0-9a-f:.]+\\]");

    /** Refuses what is neither a DNS name in lower case, a wildcard of one label, nor {@code *}. */
    public HostPattern {
        Bounds.nonEmpty("host", value, Bounds.HOST_CHARS_MAX);
        String name = value.startsWith("*.") ? value.substring(2) : value;
        if (!value.equals("*") && !NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "host: \"" + value + "\" (expected: a DNS name in lower case, \"*.\" and a DNS name, or \"*\")");
        }
    }

    /** Whether this is {@code *.suffix}. */
    public boolean isWildcard() {
        return value.startsWith("*.");
    }

    /** Whether this is {@code *}. */
    public boolean isAny() {
        return value.equals("*");
    }

    @Override
    public int compareTo(HostPattern other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value;
    }
}
