package dev.holdfast.dataplane.proxy.tunnel;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.concurrent.FastThreadLocal;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Checks a backend's 101 against what the client asked for (RFC 6455 §4.1 and §4.2.2). */
final class SwitchingAnswer {
    private static final String GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    private static final List<CharSequence> HANDSHAKE_FIELDS = List.of(
            HttpHeaderNames.SEC_WEBSOCKET_ACCEPT,
            HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL,
            HttpHeaderNames.SEC_WEBSOCKET_EXTENSIONS);
    private static final FastThreadLocal<MessageDigest> SHA_1 = new FastThreadLocal<>() {
        @Override
        protected MessageDigest initialValue() {
            try {
                return MessageDigest.getInstance("SHA-1");
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException("every Java platform has SHA-1", e);
            }
        }
    };

    private SwitchingAnswer() {}

    /** Edits a valid 101 for the client; no configured header change may break what was just validated. */
    static void prepare(HttpResponse response, UpgradeResponses responses, @Nullable String stickyCookie) {
        HttpHeaders headers = response.headers();
        List<List<String>> validated =
                HANDSHAKE_FIELDS.stream().map(headers::getAll).toList();
        responses.prepare(response, stickyCookie);
        for (int i = 0; i < validated.size(); i++) {
            CharSequence name = HANDSHAKE_FIELDS.get(i);
            if (!headers.getAll(name).equals(validated.get(i))) {
                headers.remove(name);
                headers.add(name, validated.get(i));
            }
        }
        headers.set("Connection", "Upgrade");
        headers.set("Upgrade", "websocket");
    }

    /**
     * What is wrong with a 101.
     *
     * @return a short reason from a small fixed set, or null if it opens a tunnel
     */
    static @Nullable String fault(HttpResponse response, UpgradeRequest.Offer offer) {
        HttpHeaders headers = response.headers();
        if (!response.protocolVersion().equals(HttpVersion.HTTP_1_1)) {
            return "bad_101_version";
        }
        if (!hasToken(headers, HttpHeaderNames.CONNECTION, "upgrade")
                || !isOnly(headers, HttpHeaderNames.UPGRADE, "websocket")) {
            return "bad_101_upgrade";
        }
        if (headers.contains(HttpHeaderNames.CONTENT_LENGTH) || headers.contains(HttpHeaderNames.TRANSFER_ENCODING)) {
            return "bad_101_body";
        }
        List<String> accept = headers.getAll(HttpHeaderNames.SEC_WEBSOCKET_ACCEPT);
        if (accept.size() != 1 || !accept.getFirst().strip().equals(acceptFor(offer.key()))) {
            return "bad_101_accept";
        }
        List<String> subprotocol = headers.getAll(HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL);
        if (subprotocol.size() > 1
                || subprotocol.size() == 1
                        && !offer.subprotocols().contains(subprotocol.getFirst().strip())) {
            return "bad_101_subprotocol";
        }
        List<String> extensions = extensionNames(headers.getAll(HttpHeaderNames.SEC_WEBSOCKET_EXTENSIONS));
        return extensions.isEmpty() || lowerCase(offer.extensions()).containsAll(extensions)
                ? null
                : "bad_101_extension";
    }

    /** A set, for the client's extensions and the backend's may be many. */
    private static Set<String> lowerCase(List<String> names) {
        Set<String> lowerCase = HashSet.newHashSet(names.size());
        for (String name : names) {
            lowerCase.add(name.toLowerCase(Locale.ROOT));
        }
        return lowerCase;
    }

    /** The {@code Sec-WebSocket-Accept} that answers a key. */
    static String acceptFor(String key) {
        byte[] digest = SHA_1.get().digest((key + GUID).getBytes(StandardCharsets.US_ASCII));
        return Base64.getEncoder().encodeToString(digest);
    }

    /** The names in extension lists, in lower case; parameters, quoted or not, are skipped. */
    static List<String> extensionNames(List<String> fields) {
        List<String> names = new ArrayList<>();
        for (String field : fields) {
            StringBuilder name = new StringBuilder();
            boolean quoted = false;
            boolean parameters = false;
            for (int i = 0; i < field.length(); i++) {
                char c = field.charAt(i);
                if (quoted) {
                    if (c == '\\') {
                        i++;
                    } else {
                        quoted = c != '"';
                    }
                } else if (c == '"') {
                    quoted = true;
                } else if (c == ',') {
                    add(names, name);
                    parameters = false;
                } else if (c == ';') {
                    parameters = true;
                } else if (!parameters) {
                    name.append(c);
                }
            }
            add(names, name);
        }
        return names;
    }

    private static void add(List<String> names, StringBuilder name) {
        String text = name.toString().strip().toLowerCase(Locale.ROOT);
        name.setLength(0);
        if (!text.isEmpty()) {
            names.add(text);
        }
    }

    private static boolean hasToken(HttpHeaders headers, CharSequence name, String token) {
        return headers.containsValue(name, token, true);
    }

    private static boolean isOnly(HttpHeaders headers, CharSequence name, String token) {
        List<String> values = headers.getAll(name);
        return values.size() == 1 && values.getFirst().strip().equalsIgnoreCase(token);
    }
}
