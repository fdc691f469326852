package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.proxy.http1.Framing;
import dev.holdfast.dataplane.proxy.tunnel.UpgradeRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpVersion;
import java.util.Base64;
import java.util.List;

/** Whether a request asks for a tunnel (RFC 6455 §4.2.1). */
sealed interface UpgradeClass {
    /** It asks for none that we offer: it is served as plain HTTP, without its {@code Upgrade}. */
    record Plain() implements UpgradeClass {}

    /** It asks for a WebSocket, completely. */
    record WebSocket(UpgradeRequest.Offer offer) implements UpgradeClass {}

    /** It asks for a WebSocket as no client may: 400, or 426 for another version. */
    record Refused(int status, String reason) implements UpgradeClass {}

    /** A plain request. */
    UpgradeClass PLAIN = new Plain();

    /** Classifies a request. HTTP/1.0 has no upgrade (RFC 9110 §7.8). */
    static UpgradeClass of(RequestHead head, Framing framing) {
        var request = head.request();
        if (!request.headers().contains(HttpHeaderNames.UPGRADE)
                || request.protocolVersion().equals(HttpVersion.HTTP_1_0)
                || !containsToken(head.tokens("Connection"), "upgrade")
                || !containsToken(head.tokens("Upgrade"), "websocket")) {
            return PLAIN;
        }
        List<String> keys = request.headers().getAll(HttpHeaderNames.SEC_WEBSOCKET_KEY);
        List<String> versions = request.headers().getAll(HttpHeaderNames.SEC_WEBSOCKET_VERSION);
        if (!request.method().equals(HttpMethod.GET)) {
            return new Refused(400, "A WebSocket handshake is a GET");
        }
        if (!(framing instanceof Framing.None)) {
            return new Refused(400, "A WebSocket handshake has no body");
        }
        if (keys.size() != 1 || !isKey(keys.getFirst())) {
            return new Refused(400, "A WebSocket handshake has one Sec-WebSocket-Key of 16 bytes in Base64");
        }
        for (String named : head.tokens("Connection")) {
            if (named.regionMatches(true, 0, "sec-websocket-", 0, 14)) {
                return new Refused(400, "Connection must not name fields of the WebSocket handshake");
            }
        }
        if (versions.size() != 1) {
            return new Refused(400, "A WebSocket handshake has one Sec-WebSocket-Version");
        }
        if (!versions.getFirst().equals("13")) {
            return new Refused(426, "The WebSocket version is 13");
        }
        List<String> extensions = head.tokens("Sec-WebSocket-Extensions").stream()
                .map(extension -> extension.split(";", 2)[0].trim())
                .toList();
        return new WebSocket(
                new UpgradeRequest.Offer(keys.getFirst(), head.tokens("Sec-WebSocket-Protocol"), extensions));
    }

    private static boolean containsToken(List<String> tokens, String token) {
        for (String one : tokens) {
            if (one.equalsIgnoreCase(token)) {
                return true;
            }
        }
        return false;
    }

    private static boolean isKey(String key) {
        try {
            return key.length() == 24 && Base64.getDecoder().decode(key).length == 16;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }
}
