package dev.holdfast.routetable;

import java.time.Duration;
import java.util.Collection;
import java.util.Map;

/**
 * The stated limit of every list, text and number in a table. A value beyond its bound is refused by the record that
 * would hold it, on both sides of the wire, with a message that names the field, the rule and what was found.
 */
public final class Bounds {
    /** Longest DNS name, in characters (RFC 1035 §2.3.4). */
    public static final int HOST_CHARS_MAX = 253;

    /** Longest path value of a match or rewrite, in characters. */
    public static final int PATH_CHARS_MAX = 1024;

    /** Longest regular expression, in characters; RE2 keeps matching linear, this keeps compiling cheap. */
    public static final int REGEX_CHARS_MAX = 512;

    /** Longest header name or subprotocol, in characters. */
    public static final int NAME_CHARS_MAX = 256;

    /** Longest header or query value, in characters. */
    public static final int VALUE_CHARS_MAX = 4096;

    /** Longest identifier of a route, upstream, endpoint group or certificate, in characters. */
    public static final int ID_CHARS_MAX = 1024;

    /** Most conditions of one kind (headers, query parameters, subprotocols) in one match. */
    public static final int CONDITIONS_MAX = 16;

    /** Most header changes of one kind in one route. */
    public static final int HEADER_CHANGES_MAX = 64;

    /** Most weighted upstreams of one route. */
    public static final int UPSTREAMS_PER_ROUTE_MAX = 32;

    /** Largest weight of one backend (Gateway API {@code BackendRef.weight}). */
    public static final int WEIGHT_MAX = 1_000_000;

    /** Most routes under one host. */
    public static final int ROUTES_PER_HOST_MAX = 20_000;

    /** Most endpoints of one group. */
    public static final int ENDPOINTS_PER_GROUP_MAX = 10_000;

    /** Most entries of one section of a table. */
    public static final int ENTRIES_PER_SECTION_MAX = 500_000;

    /** Largest PEM text (certificate chain, key or CA bundle), in characters; a Secret holds at most 1 MiB. */
    public static final int PEM_CHARS_MAX = 1 << 20;

    /** Longest timeout. */
    public static final Duration TIMEOUT_MAX = Duration.ofDays(365);

    private Bounds() {}

    /**
     * Returns {@code text} if it has at most {@code charsMax} characters, none of them NUL, and no half of a surrogate
     * pair: that has no UTF-8 and could not travel.
     */
    static String text(String field, String text, int charsMax) {
        if (text.length() > charsMax) {
            throw new IllegalArgumentException(
                    field + ": " + text.length() + " characters (expected: at most " + charsMax + ")");
        }
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean pair = Character.isHighSurrogate(c)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1));
            if (c == 0 || Character.isSurrogate(c) && !pair) {
                throw new IllegalArgumentException(
                        field + ": character " + (int) c + " at " + i + " (expected: Unicode text without NUL)");
            }
            i += pair ? 1 : 0;
        }
        return text;
    }

    /** Returns {@code text} if it is neither empty nor longer than {@code charsMax}. */
    static String nonEmpty(String field, String text, int charsMax) {
        if (text.isEmpty()) {
            throw new IllegalArgumentException(field + ": empty (expected: at least one character)");
        }
        return text(field, text, charsMax);
    }

    static void size(String field, Collection<?> values, int max) {
        if (values.size() > max) {
            throw new IllegalArgumentException(
                    field + ": " + values.size() + " entries (expected: at most " + max + ")");
        }
    }

    static void size(String field, Map<?, ?> values, int max) {
        size(field, values.keySet(), max);
    }

    static int range(String field, int value, int min, int max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException(field + ": " + value + " (expected: " + min + " to " + max + ")");
        }
        return value;
    }

    static Duration timeout(String field, Duration value) {
        if (value.isNegative() || value.isZero() || value.compareTo(TIMEOUT_MAX) > 0) {
            throw new IllegalArgumentException(
                    field + ": " + value + " (expected: more than zero, at most " + TIMEOUT_MAX.toDays() + " days)");
        }
        return value;
    }

    /** An HTTP field name or a WebSocket subprotocol: a token of RFC 9110 §5.6.2. */
    static String token(String field, String text) {
        nonEmpty(field, text, NAME_CHARS_MAX);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean alphanumeric = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9';
            if (!alphanumeric && "!#$%&'*+-.^_`|~".indexOf(c) < 0) {
                throw new IllegalArgumentException(
                        field + ": character " + (int) c + " at " + i + " (expected: a token of RFC 9110 §5.6.2)");
            }
        }
        return text;
    }

    /** Text that may stand in a header value: no control character except a tab (RFC 9110 §5.5). */
    static String fieldValue(String field, String text) {
        text(field, text, VALUE_CHARS_MAX);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < ' ' && c != '\t' || c == 0x7f) {
                throw new IllegalArgumentException(
                        field + ": control character " + (int) c + " at " + i + " (expected: none)");
            }
        }
        return text;
    }
}
