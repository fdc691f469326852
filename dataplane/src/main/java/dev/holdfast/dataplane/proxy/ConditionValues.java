package dev.holdfast.dataplane.proxy;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the conditions of routes read of a request. The candidates for one path may be thousands, and a query is as long
 * as a client likes: each part is read once, when it is first asked for.
 */
final class ConditionValues {
    /** Beyond it a value is looked for by its hash. */
    private static final int FEW = 8;

    private final RequestHead head;
    private final Map<String, Collection<String>> headers = new HashMap<>();
    private @Nullable Map<String, Collection<String>> parameters;
    private @Nullable Collection<String> subprotocols;

    ConditionValues(RequestHead head) {
        this.head = head;
    }

    Collection<String> header(String name) {
        Collection<String> known = headers.get(name);
        if (known == null) {
            known = searchable(head.request().headers().getAll(name));
            headers.put(name, known);
        }
        return known;
    }

    Collection<String> parameter(String name) {
        Map<String, Collection<String>> known = parameters;
        if (known == null) {
            known = read(head.query());
            parameters = known;
        }
        return known.getOrDefault(name, List.of());
    }

    Collection<String> subprotocols() {
        Collection<String> known = subprotocols;
        if (known == null) {
            known = searchable(head.tokens("Sec-WebSocket-Protocol"));
            subprotocols = known;
        }
        return known;
    }

    private static Collection<String> searchable(Collection<String> values) {
        return values.size() <= FEW ? values : new LinkedHashSet<>(values);
    }

    /** The parameters of a query with its question mark. What stands between two {@code &} in a row is none. */
    private static Map<String, Collection<String>> read(String query) {
        Map<String, Collection<String>> parameters = new HashMap<>();
        int end;
        for (int start = 1; start < query.length(); start = end + 1) {
            int ampersand = query.indexOf('&', start);
            end = ampersand < 0 ? query.length() : ampersand;
            if (start < end) {
                add(parameters, query.substring(start, end));
            }
        }
        parameters.replaceAll((name, values) -> searchable(values));
        return parameters;
    }

    private static void add(Map<String, Collection<String>> parameters, String pair) {
        int equals = pair.indexOf('=');
        String name = decoded(equals < 0 ? pair : pair.substring(0, equals));
        String value = equals < 0 ? "" : decoded(pair.substring(equals + 1));
        if (name != null && value != null) {
            parameters.computeIfAbsent(name, first -> new ArrayList<>(1)).add(value);
        }
    }

    private static @Nullable String decoded(String text) {
        byte[] octets = text.getBytes(StandardCharsets.ISO_8859_1);
        int length = 0;
        for (int i = 0; i < octets.length; i++) {
            int octet = octets[i];
            if (octet == '%') {
                int high = i + 2 < octets.length ? Character.digit(octets[i + 1], 16) : -1;
                int low = i + 2 < octets.length ? Character.digit(octets[i + 2], 16) : -1;
                if (high < 0 || low < 0) {
                    return null;
                }
                octet = high << 4 | low;
                i += 2;
            }
            octets[length++] = (byte) octet;
        }
        return new String(octets, 0, length, StandardCharsets.UTF_8);
    }
}
