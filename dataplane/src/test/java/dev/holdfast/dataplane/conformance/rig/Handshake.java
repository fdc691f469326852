package dev.holdfast.dataplane.conformance.rig;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;

/** The words of the opening handshake (RFC 6455 §4), written from the RFC. */
public final class Handshake {
    /** The key of the RFC's example. */
    public static final String KEY = "dGhlIHNhbXBsZSBub25jZQ==";

    /** A masked text frame "Hello" (RFC 6455 §5.7). */
    public static final String MASKED_HELLO = latin1(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58);

    /** An unmasked text frame "Hello" (RFC 6455 §5.7). */
    public static final String HELLO = latin1(0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f);

    private Handshake() {}

    /** A valid request of the host {@code app.test}. */
    public static String request(String target) {
        return request(target, "");
    }

    /** A valid request with more fields, each with its line end. */
    public static String request(String target, String moreFields) {
        return "GET " + target + " HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + "\r\n" + moreFields + "\r\n";
    }

    /** The valid answer to a request. */
    public static String accept(SeenRequest request) {
        return accept(request, "");
    }

    /** The valid answer with more fields, each with its line end. */
    public static String accept(SeenRequest request, String moreFields) {
        return switching(acceptValue(request), moreFields);
    }

    /** The valid answer to a key, with more fields, each with its line end. */
    public static String acceptFor(String key, String moreFields) {
        return switching(acceptOf(key), moreFields);
    }

    private static String switching(String acceptValue, String moreFields) {
        return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Accept: " + acceptValue + "\r\n" + moreFields + "\r\n";
    }

    /** The value of {@code Sec-WebSocket-Accept} (§4.2.2). */
    public static String acceptValue(SeenRequest request) {
        String key = request.head().has("Sec-WebSocket-Key")
                ? request.head().values("Sec-WebSocket-Key").getFirst()
                : "";
        return acceptOf(key);
    }

    /** The accept value of a key. */
    public static String acceptOf(String key) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-1")
                    .digest((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").getBytes(StandardCharsets.ISO_8859_1));
            return Base64.getEncoder().encodeToString(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String latin1(int... bytes) {
        StringBuilder text = new StringBuilder();
        for (int b : bytes) {
            text.append((char) b);
        }
        return text.toString();
    }
}
