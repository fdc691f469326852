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
            int start = 0;
            while (start < field.length()) {
                int end = field.indexOf(';', start);
                int stop = end < 0 ? field.length() : end;
                int equals = field.indexOf('=', start);
                if (equals > 0
                        && equals < stop
                        && field.substring(start, equals).strip().equals(name)) {
                    values.add(unquoted(field.substring(equals + 1, stop).strip()));
                }
                start = stop + 1;
            }
        }
        return values;
    }

    private static String unquoted(String value) {
        return value.length() >= 2 && value.startsWith("\"") && value.endsWith("\"")
                ? value.substring(1, value.length() - 1)
                : value;
    }
}
