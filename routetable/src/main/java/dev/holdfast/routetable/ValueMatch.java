package dev.holdfast.routetable;

/**
 * A condition on one header or query parameter: some value of that name must equal {@code value}, or match it whole as
 * an RE2 expression. A name that is absent never matches.
 *
 * @param name header names are compared without case, query parameter names with
 */
public record ValueMatch(String name, Type type, String value) {
    /** How a value is compared. */
    public enum Type {
        /** Character by character. */
        EXACT,
        /** An RE2 expression for the whole value. */
        REGEX
    }

    /** Refuses an empty name and text beyond its bound. */
    public ValueMatch {
        Bounds.nonEmpty("name", name, Bounds.NAME_CHARS_MAX);
        Bounds.text("value", value, type == Type.REGEX ? Bounds.REGEX_CHARS_MAX : Bounds.VALUE_CHARS_MAX);
    }
}
