package dev.holdfast.routetable;

import org.jspecify.annotations.Nullable;

/**
 * What changes in the request line and the host on the way to the backend.
 *
 * @param host the {@code Host} that the backend sees; null leaves the client's
 */
public record Rewrite(Path path, @Nullable String host) {
    /** Changes nothing. */
    public static final Rewrite NONE = new Rewrite(new Keep(), null);

    /** Refuses a host that is not a name with an optional port. */
    public Rewrite {
        if (host != null) {
            Bounds.nonEmpty("rewrite.host", host, Bounds.HOST_CHARS_MAX + 6);
            if (!host.matches("[A-Za-z0-9._\\-]+(:[0-9]{1,5})?|\\[[0-9A-Fa-f:.]+\\](:[0-9]{1,5})?")) {
                throw new IllegalArgumentException(
                        "rewrite.host: \"" + host + "\" (expected: a host name, with or without a port)");
            }
        }
    }

    /** What becomes of the path; the query string always stays. */
    public sealed interface Path permits Keep, ReplacePrefix, ReplaceFull {}

    /** The path goes on byte for byte. */
    public record Keep() implements Path {}

    /** The elements that a PREFIX match consumed are replaced, the rest stays (Gateway API {@code ReplacePrefixMatch}). */
    public record ReplacePrefix(String prefix) implements Path {
        /** Refuses what is not a path. */
        public ReplacePrefix {
            requirePath("rewrite.path.replacePrefixMatch", prefix);
        }
    }

    /** The whole path is replaced (Gateway API {@code ReplaceFullPath}). */
    public record ReplaceFull(String path) implements Path {
        /** Refuses what is not a path. */
        public ReplaceFull {
            requirePath("rewrite.path.replaceFullPath", path);
        }
    }

    private static void requirePath(String field, String path) {
        Bounds.nonEmpty(field, path, Bounds.PATH_CHARS_MAX);
        if (!path.matches("/[\\x21\\x24-\\x3b\\x3d\\x40-\\x5b\\x5d\\x5f\\x61-\\x7a\\x7e]*")) {
            throw new IllegalArgumentException(field + ": \"" + path
                    + "\" (expected: a path that starts with \"/\", percent-encoded, without query and fragment)");
        }
    }
}
