package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.proxy.forwarded.ClientInfo;
import dev.holdfast.dataplane.proxy.forwarded.ForwardedFields;
import dev.holdfast.dataplane.proxy.forwarded.Via;
import dev.holdfast.dataplane.proxy.http1.Framing;
import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.AsciiString;
import java.util.Iterator;

/** Turns a client's request into the one that a backend sees; plain requests and upgrades alike. */
final class RequestPreparation {
    private static final AsciiString HOST = AsciiString.cached("Host");
    private static final AsciiString LENGTH = AsciiString.cached("Content-Length");
    private static final AsciiString CODING = AsciiString.cached("Transfer-Encoding");

    private RequestPreparation() {}

    /**
     * Edits the request in place: hop-by-hop fields go first, so that no {@code Connection} can name a field that is set
     * here; then our fields, the route's changes, and at last what no change may touch.
     */
    static HttpRequest prepare(
            RequestHead head, Framing framing, Route route, RouteAction.Forward forward, ClientInfo client) {
        HttpRequest request = head.request();
        HttpHeaders headers = request.headers();
        boolean hadLength = headers.contains(HttpHeaderNames.CONTENT_LENGTH);
        HopByHop.strip(headers);
        ForwardedFields.apply(headers, client);
        Via.append(headers, request.protocolVersion());
        change(headers, forward.requestHeaders());
        HopByHop.strip(headers);
        if (request.protocolVersion().equals(HttpVersion.HTTP_1_0)) {
            headers.remove(HttpHeaderNames.EXPECT);
        }
        String rewritten = forward.rewrite().host();
        only(headers, HOST, rewritten != null ? rewritten : head.hostField());
        switch (framing) {
            case Framing.None none -> {
                if (hadLength) {
                    only(headers, LENGTH, "0");
                } else {
                    headers.remove(HttpHeaderNames.CONTENT_LENGTH);
                }
            }
            case Framing.Fixed fixed -> only(headers, LENGTH, Long.toString(fixed.bytes()));
            case Framing.Chunked chunked -> {
                headers.remove(HttpHeaderNames.CONTENT_LENGTH);
                headers.set(CODING, HttpHeaderValues.CHUNKED);
            }
            case Framing.UntilClose untilClose -> throw new IllegalArgumentException("no request ends so");
        }
        // Each hop speaks its own version (RFC 9112 §2.3).
        return request.setProtocolVersion(HttpVersion.HTTP_1_1)
                .setUri(path(forward.rewrite().path(), route.match().path(), head.rawPath()) + head.query());
    }

    /** Sets a field, and leaves it where it stands and as it is spelled if it is right already. */
    private static void only(HttpHeaders headers, AsciiString name, String value) {
        Iterator<? extends CharSequence> present = headers.valueCharSequenceIterator(name);
        boolean isRight = present.hasNext() && value.contentEquals(present.next()) && !present.hasNext();
        if (!isRight) {
            headers.set(name, value);
        }
    }

    /** Removes, sets, adds, in this order. */
    static void change(HttpHeaders headers, HeaderChanges changes) {
        if (changes.isEmpty()) {
            return;
        }
        changes.remove().forEach(headers::remove);
        changes.set().forEach(field -> headers.set(field.name(), field.value()));
        changes.add().forEach(field -> headers.add(field.name(), field.value()));
    }

    private static String path(Rewrite.Path rewrite, PathMatch match, String raw) {
        return switch (rewrite) {
            case Rewrite.Keep keep -> raw;
            case Rewrite.ReplaceFull full -> full.path();
            case Rewrite.ReplacePrefix replace -> {
                if (raw.equals("*")) {
                    // The whole server is below no prefix.
                    yield raw;
                }
                String rest = match.type() == PathMatch.Type.PREFIX ? afterElements(raw, elements(match.value())) : "";
                String prefix = replace.prefix();
                String start = prefix.endsWith("/") ? prefix.substring(0, prefix.length() - 1) : prefix;
                String path = start + rest;
                yield path.isEmpty() ? "/" : path;
            }
        };
    }

    private static int elements(String prefix) {
        return prefix.equals("/")
                ? 0
                : (int) prefix.chars().filter(c -> c == '/').count();
    }

    /**
     * What stands behind the first elements. Counted in the path as received, because what was matched is normalised and
     * may be shorter; both have the same elements, an encoded slash separates in neither.
     */
    private static String afterElements(String raw, int count) {
        int at = 0;
        for (int i = 0; i < count; i++) {
            int slash = raw.indexOf('/', at + 1);
            at = slash < 0 ? raw.length() : slash;
        }
        return raw.substring(at);
    }
}
