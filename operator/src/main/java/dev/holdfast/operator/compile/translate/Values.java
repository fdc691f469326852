package dev.holdfast.operator.compile.translate;

import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.diagnostic.Findings;
import dev.holdfast.routetable.Bounds;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.match.RequestPath;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;

/** Reads single values that users write; what cannot be read is noted and empty. */
final class Values {
    private static final int SHOWN_CHARS_MAX = 80;
    private static final java.util.regex.Pattern DURATION_PART =
            java.util.regex.Pattern.compile("([0-9]{1,9})(h|ms|m|s)");

    private Values() {}

    /** A value in quotes, cut. */
    static String shown(String value) {
        String cut = value.length() <= SHOWN_CHARS_MAX ? value : value.substring(0, SHOWN_CHARS_MAX) + "…";
        return "\"" + cut.replaceAll("\\p{Cntrl}", "�") + "\"";
    }

    /** A boolean as Go's strconv.ParseBool reads it, and ingress-nginx with it. */
    static Optional<Boolean> bool(String value) {
        return switch (value) {
            case "1", "t", "T", "TRUE", "true", "True" -> Optional.of(true);
            case "0", "f", "F", "FALSE", "false", "False" -> Optional.of(false);
            default -> Optional.empty();
        };
    }

    /**
     * A value that a header may have on the wire: what is not ASCII has no encoding that all recipients share (RFC 9110
     * section 5.5).
     *
     * @throws IllegalArgumentException for another; its message names {@code field}
     */
    static String headerValue(String field, String value) {
        for (int i = 0; i < value.length(); i++) {
            if (value.charAt(i) > '~') {
                throw new IllegalArgumentException(field + ": " + shown(value)
                        + " (expected: ASCII; encode the others, by percent signs for instance)");
            }
        }
        return value;
    }

    /** A host pattern. */
    static Optional<HostPattern> host(String text, String fieldPath, Findings findings) {
        try {
            return Optional.of(new HostPattern(text));
        } catch (IllegalArgumentException e) {
            invalidHost(text, fieldPath, findings);
            return Optional.empty();
        }
    }

    static void invalidHost(String text, String fieldPath, Findings findings) {
        findings.add(
                DiagnosticCode.INVALID_SPEC,
                fieldPath,
                shown(text) + " (expected: a DNS name in lower case such as chat.example.com, or \"*.\" and a DNS name,"
                        + " without scheme, port and path)");
    }

    /** A path condition, in the form in which requests are matched. */
    static Optional<PathMatch> path(PathMatch.Type type, String text, String fieldPath, Findings findings) {
        if (type == PathMatch.Type.REGEX) {
            return isRegex(text, fieldPath, findings) ? Optional.of(PathMatch.regex(text)) : Optional.empty();
        }
        RequestPath parsed = RequestPath.parse(encoded(text));
        if (parsed.value() == null) {
            String why = Objects.requireNonNullElse(parsed.refusal(), "").replaceFirst("^path: ", "");
            findings.add(
                    DiagnosticCode.INVALID_SPEC,
                    fieldPath,
                    shown(text) + ": " + why + ", and requests for such a path are refused (expected: a path such as"
                            + " /chat, percent-encoded, without query)");
            return Optional.empty();
        }
        try {
            return Optional.of(
                    type == PathMatch.Type.EXACT ? PathMatch.exact(parsed.value()) : PathMatch.prefix(parsed.value()));
        } catch (IllegalArgumentException e) {
            findings.add(DiagnosticCode.INVALID_SPEC, fieldPath, message(e));
            return Optional.empty();
        }
    }

    /** People write Unicode where requests carry percent-encoded UTF-8 (RFC 3987 §3.1). */
    private static String encoded(String path) {
        StringBuilder ascii = new StringBuilder(path.length());
        for (byte octet : path.getBytes(StandardCharsets.UTF_8)) {
            if (octet >= 0) {
                ascii.append((char) octet);
            } else {
                ascii.append('%').append(HexFormat.of().withUpperCase().toHexDigits(octet));
            }
        }
        return ascii.toString();
    }

    /** Whether a text is an expression that RE2 accepts, of at most {@link Bounds#REGEX_CHARS_MAX} characters. */
    static boolean isRegex(String text, String fieldPath, Findings findings) {
        if (text.isEmpty() || text.length() > Bounds.REGEX_CHARS_MAX) {
            findings.add(
                    DiagnosticCode.INVALID_SPEC,
                    fieldPath,
                    text.length() + " characters (expected: a RegularExpression of 1 to " + Bounds.REGEX_CHARS_MAX
                            + " characters; shorten it or split it into several matches)");
            return false;
        }
        int instructions = RegexCost.instructions(text);
        if (instructions > RegexCost.INSTRUCTIONS_MAX) {
            findings.add(
                    DiagnosticCode.INVALID_SPEC,
                    fieldPath,
                    shown(text) + ": its repetitions multiply to " + instructions + " steps (expected: at most "
                            + RegexCost.INSTRUCTIONS_MAX + "); use * or + instead of counts");
            return false;
        }
        try {
            Pattern.compile(text);
            return true;
        } catch (PatternSyntaxException e) {
            findings.add(
                    DiagnosticCode.INVALID_SPEC,
                    fieldPath,
                    shown(text) + ": " + e.getDescription()
                            + " (expected: an RE2 expression; it has no look-around and no back-references)");
            return false;
        }
    }

    /** A duration such as {@code 1h30m}; empty when it is none, zero or longer than {@link Bounds#TIMEOUT_MAX}. */
    static Optional<Duration> duration(String text) {
        Matcher part = DURATION_PART.matcher(text);
        Duration sum = Duration.ZERO;
        int end = 0;
        while (end < text.length() && text.length() <= 32) {
            if (!part.find(end) || part.start() != end) {
                return Optional.empty();
            }
            long amount = Long.parseLong(part.group(1));
            sum = sum.plus(
                    switch (part.group(2)) {
                        case "h" -> Duration.ofHours(amount);
                        case "m" -> Duration.ofMinutes(amount);
                        case "s" -> Duration.ofSeconds(amount);
                        default -> Duration.ofMillis(amount);
                    });
            end = part.end();
        }
        return inRange(sum) ? Optional.of(sum) : Optional.empty();
    }

    /** A whole number of seconds, as nginx writes it, or a duration with units. */
    static Optional<Duration> seconds(String text) {
        if (!text.matches("[0-9]{1,9}")) {
            return duration(text);
        }
        Duration seconds = Duration.ofSeconds(Long.parseLong(text));
        return inRange(seconds) ? Optional.of(seconds) : Optional.empty();
    }

    /** The message of a record that refused a value: {@code field: value (expected: …)}. */
    static String message(IllegalArgumentException e) {
        return Objects.requireNonNullElse(e.getMessage(), "not accepted");
    }

    private static boolean inRange(Duration duration) {
        return duration.isPositive() && duration.compareTo(Bounds.TIMEOUT_MAX) <= 0;
    }
}
