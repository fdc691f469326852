package dev.holdfast.dataplane.proxy;

import io.netty.handler.codec.http.HttpHeaders;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Fields that end at each hop (RFC 9110 §7.6.1), and fields that no trailer may carry (§6.5.1). */
final class HopByHop {
    private static final List<String> ALWAYS = List.of(
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
        for (String value : headers.getAll("connection")) {
            for (String named : value.split(",", -1)) {
                String name = named.trim();
                if (!name.isEmpty()) {
                    headers.remove(name);
                }
            }
        }
        for (String name : ALWAYS) {
            headers.remove(name);
        }
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
