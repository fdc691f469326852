package dev.holdfast.routetable.match;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * The path of a request target in the one form that is matched: percent-encodings of unreserved characters decoded, the
 * others in upper case (RFC 3986 §6.2.2). What a backend could read as another path is refused, not repaired: dot
 * segments, empty segments, backslashes, control characters, a fragment, invalid UTF-8, each raw or encoded. An encoded
 * slash stays encoded, so it never separates.
 *
 * @param value the form to match; null when refused
 * @param refusal why it is refused; null when accepted
 */
public record RequestPath(@Nullable String value, @Nullable String refusal) {

    /**
     * Parses the path of a request target, without its query.
     *
     * @param raw as received; one character per byte or Unicode text, both are read
     */
    public static RequestPath parse(String raw) {
        if (raw.isEmpty() || raw.charAt(0) != '/') {
            return refused("it does not start with \"/\"");
        }
        int plain = plainPrefix(raw);
        if (plain == raw.length()) {
            return accepted(raw);
        }
        return normalise(raw);
    }

    private static RequestPath accepted(String value) {
        return new RequestPath(value, null);
    }

    private static RequestPath refused(String why) {
        return new RequestPath(null, "path: " + why);
    }

    /** How much of the path needs no second look: unreserved characters, sub-delimiters, single slashes, no dot or semicolon that follows one. */
    private static int plainPrefix(String raw) {
        char previous = 0;
        for (int i = 0; i < raw.length(); i++) {
            char c = raw.charAt(i);
            boolean afterSlash = previous == '/';
            if (afterSlash && (c == '/' || c == '.' || c == ';') || !isPlain(c)) {
                return i;
            }
            previous = c;
        }
        return raw.length();
    }

    private static boolean isPlain(char c) {
        return isUnreserved(c) || c == '/' || "!$&'()*+,;=:@".indexOf(c) >= 0;
    }

    private static boolean isUnreserved(int c) {
        return c >= 'a' && c <= 'z'
                || c >= 'A' && c <= 'Z'
                || c >= '0' && c <= '9'
                || c == '-'
                || c == '.'
                || c == '_'
                || c == '~';
    }

    private static RequestPath normalise(String raw) {
        StringBuilder path = new StringBuilder(raw.length() + 16);
        ByteBuffer decoded = ByteBuffer.allocate(raw.length() * 4);
        for (int i = 0; i < raw.length(); i++) {
            char c = raw.charAt(i);
            int octet = c;
            if (c == '%') {
                int high = i + 2 < raw.length() ? Character.digit(raw.charAt(i + 1), 16) : -1;
                int low = i + 2 < raw.length() ? Character.digit(raw.charAt(i + 2), 16) : -1;
                if (high < 0 || low < 0 || raw.charAt(i + 1) > 'f' || raw.charAt(i + 2) > 'f') {
                    return refused("\"%\" is not followed by two hexadecimal digits");
                }
                octet = high << 4 | low;
                i += 2;
            }
            if (octet < 0x20 || octet == 0x7f) {
                return refused("it has a control character");
            }
            if (octet == '\\') {
                return refused("it has a backslash");
            }
            if (c == '#' || c == '?' || c == ' ') {
                return refused("it has the character \"" + c + "\"");
            }
            if (Character.isSurrogate(c)) {
                if (i + 1 == raw.length() || !Character.isSurrogatePair(c, raw.charAt(i + 1))) {
                    return refused("it is not valid UTF-8");
                }
                encode(path, decoded, raw.substring(i, i + 2), StandardCharsets.UTF_8);
                i++;
                continue;
            }
            append(path, decoded, c == '%', octet, c);
        }
        if (!isUtf8(decoded)) {
            return refused("it is not valid UTF-8");
        }
        String value = path.toString();
        return hasAmbiguousSegment(value) ? refused("it has an empty segment, \".\" or \"..\"") : accepted(value);
    }

    private static void append(StringBuilder path, ByteBuffer decoded, boolean encoded, int octet, char c) {
        if (!encoded && c > 0x7f) {
            encode(path, decoded, String.valueOf(c), c > 0xff ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1);
            return;
        }
        decoded.put((byte) octet);
        if (!encoded || isUnreserved(octet)) {
            path.append((char) octet);
        } else {
            appendEncoded(path, octet);
        }
    }

    private static void encode(StringBuilder path, ByteBuffer decoded, String text, Charset charset) {
        for (byte b : text.getBytes(charset)) {
            decoded.put(b);
            appendEncoded(path, b & 0xff);
        }
    }

    private static void appendEncoded(StringBuilder path, int octet) {
        path.append('%').append("0123456789ABCDEF".charAt(octet >> 4)).append("0123456789ABCDEF".charAt(octet & 0xf));
    }

    private static boolean isUtf8(ByteBuffer bytes) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(bytes.flip());
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    /** Without parameters: what stands behind a semicolon some backends drop before they look for dots (RFC 3986 section 3.3). */
    private static int nameLength(String path, int start, int end) {
        for (int i = start; i < end; i++) {
            if (path.charAt(i) == ';' || path.startsWith("%3B", i)) {
                return i - start;
            }
        }
        return end - start;
    }

    private static boolean hasAmbiguousSegment(String path) {
        int start = 1;
        while (start <= path.length()) {
            int end = path.indexOf('/', start);
            boolean last = end < 0;
            end = last ? path.length() : end;
            int length = nameLength(path, start, end);
            boolean empty = length == 0 && !last;
            boolean dots = length == 1 && path.charAt(start) == '.' || length == 2 && path.startsWith("..", start);
            if (empty || dots) {
                return true;
            }
            start = end + 1;
        }
        return false;
    }
}
