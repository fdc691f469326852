package dev.holdfast.dataplane.proxy;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.util.AsciiString;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Fields that end at each hop (RFC 9110 §7.6.1), and fields that no trailer may carry (§6.5.1). */
final class HopByHop {
    private static final Set<String> ALWAYS = Set.of(
            "connection",
            "keep-alive",
            "proxy-connection",
            "te",
            "transfer-encoding",
            "upgrade",
            "http2-settings",
            "trailer",
            "proxy-authenticate",
            "proxy-authorization");
    /** The same, with their hashes. */
    private static final AsciiString[] REMOVED =
            ALWAYS.stream().map(AsciiString::new).toArray(AsciiString[]::new);
    /** What {@code Connection} names of an honest peer. */
    private static final int FEW = 8;

    private static final Set<String> NEVER_TRAILERS = Set.of(
            "host",
            "content-length",
            "content-type",
            "content-encoding",
            "content-range",
            "authorization",
            "cookie",
            "set-cookie",
            "cache-control",
            "expect",
            "max-forwards",
            "age",
            "date",
            "expires",
            "location",
            "via",
            "forwarded",
            "x-real-ip",
            "x-request-id",
            "www-authenticate");

    private HopByHop() {}

    /** Removes them, and whatever {@code Connection} names. */
    static void strip(HttpHeaders headers) {
        if (headers.contains(HttpHeaderNames.CONNECTION)) {
            removeNamed(headers);
        }
        for (AsciiString name : REMOVED) {
            headers.remove(name);
        }
    }

    private static void removeNamed(HttpHeaders headers) {
        List<String> values = headers.getAll(HttpHeaderNames.CONNECTION);
        Set<String> many = isFew(values) ? null : new HashSet<>();
        for (String value : values) {
            for (String named : value.split(",", -1)) {
                String name = named.trim();
                if (!name.isEmpty()) {
                    if (many == null) {
                        headers.remove(name);
                    } else {
                        many.add(name.toLowerCase(Locale.ROOT));
                    }
                }
            }
        }
        if (many != null) {
            removePresent(headers, many);
        }
    }

    private static boolean isFew(List<String> values) {
        int names = values.size();
        for (String value : values) {
            int comma = value.indexOf(',');
            while (comma >= 0 && ++names <= FEW) {
                comma = value.indexOf(',', comma + 1);
            }
        }
        return names <= FEW;
    }

    /** Looks for no name that no field has: a peer may send thousands, and each look is a walk over what collides. */
    private static void removePresent(HttpHeaders headers, Set<String> named) {
        Set<String> present = new HashSet<>();
        for (Map.Entry<String, String> field : headers) {
            String name = field.getKey().toLowerCase(Locale.ROOT);
            if (named.contains(name)) {
                present.add(name);
            }
        }
        present.forEach(headers::remove);
    }

    /** Removes from a trailer section what would change how the message is read. */
    static HttpHeaders trailers(HttpHeaders trailers) {
        if (!trailers.isEmpty()) {
            for (Map.Entry<String, String> field : trailers.entries()) {
                String name = field.getKey().toLowerCase(Locale.ROOT).replace('_', '-');
                if (NEVER_TRAILERS.contains(name)
                        || ALWAYS.contains(name)
                        || name.startsWith("x-forwarded-")
                        || name.startsWith("x-client-cert")
                        || name.startsWith("x-ssl-")
                        || name.startsWith("sec-websocket-")) {
                    trailers.remove(field.getKey());
                }
            }
        }
        return trailers;
    }
}
