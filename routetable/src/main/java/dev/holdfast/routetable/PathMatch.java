package dev.holdfast.routetable;

/**
 * What the path of a request must look like.
 *
 * @param type how {@code value} is read
 * @param value for {@code EXACT} and {@code PREFIX} a path that starts with {@code /}, percent-encoded as RFC 3986
 *     §6.2.2 normalises it; a {@code PREFIX} has no trailing slash except {@code /} itself. For {@code REGEX} an RE2
 *     expression that the whole path must match
 */
public record PathMatch(Type type, String value) {
    /** How a path is compared. */
    public enum Type {
        /** The whole path, case-sensitive. */
        EXACT,
        /** Whole elements: {@code /a} matches {@code /a} and {@code /a/b}, never {@code /ab}. */
        PREFIX,
        /** An RE2 expression for the whole path. */
        REGEX
    }

    /** Matches every path. */
    public static final PathMatch ALL = new PathMatch(Type.PREFIX, "/");

    /** Refuses a path without leading slash, a prefix with a trailing one, and text beyond its bound. */
    public PathMatch {
        Bounds.nonEmpty("path.value", value, type == Type.REGEX ? Bounds.REGEX_CHARS_MAX : Bounds.PATH_CHARS_MAX);
        if (type != Type.REGEX && value.charAt(0) != '/') {
            throw new IllegalArgumentException("path.value: \"" + value + "\" (expected: to start with \"/\")");
        }
        if (type == Type.PREFIX && value.length() > 1 && value.endsWith("/")) {
            throw new IllegalArgumentException("path.value: \"" + value + "\" (expected: no trailing \"/\")");
        }
    }

    /** An element-wise prefix; a trailing slash says nothing and is dropped, as for an Ingress. */
    public static PathMatch prefix(String path) {
        String value = path;
        while (value.length() > 1 && value.endsWith("/")) {
            value = value.substring(0, value.length() - 1);
        }
        return new PathMatch(Type.PREFIX, value);
    }

    /** The exact path. */
    public static PathMatch exact(String path) {
        return new PathMatch(Type.EXACT, path);
    }

    /** An RE2 expression for the whole path. */
    public static PathMatch regex(String expression) {
        return new PathMatch(Type.REGEX, expression);
    }
}
