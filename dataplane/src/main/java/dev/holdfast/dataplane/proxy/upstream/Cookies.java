package dev.holdfast.dataplane.proxy.upstream;

import java.util.ArrayList;
import java.util.List;

/** Reads request cookies (RFC 6265 §4.2), leniently: what is no pair is skipped. */
final class Cookies {
    private Cookies() {}

    /** Every value of a cookie, in order; names are compared with case. */
    static List<String> values(List<String> fields, String name) {
        List<String> values = new ArrayList<>(1);
        for (String field : fields) {
            int stop;
            for (int start = 0; start < field.length(); start = stop + 1) {
                int end = field.indexOf(';', start);
                stop = end < 0 ? field.length() : end;
                int equals = field.indexOf('=', start, stop);
                if (equals > start && isStripped(field, start, equals, name)) {
                    values.add(unquoted(field.substring(equals + 1, stop).strip()));
                }
            }
        }
        return values;
    }

    /** Whether a part of a field is a name, without regard to space around it; it copies nothing. */
    private static boolean isStripped(String field, int start, int end, String name) {
        int from = start;
        int to = end;
        while (from < to && Character.isWhitespace(field.charAt(from))) {
            from++;
        }
        while (to > from && Character.isWhitespace(field.charAt(to - 1))) {
            to--;
        }
        return to - from == name.length() && field.startsWith(name, from);
    }

    private static String unquoted(String value) {
        return value.length() >= 2 && value.startsWith("\"") && value.endsWith("\"")
                ? value.substring(1, value.length() - 1)
                : value;
    }
}
