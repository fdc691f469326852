package dev.holdfast.dataplane.proxy.forwarded;

import io.netty.handler.codec.http.HttpHeaders;
import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** Reads what trusted peers say of the client. Immutable. */
public final class TrustedProxies {
    private static final int REQUEST_ID_CHARS_MAX = 128;

    private final List<Cidr> trusted;

    /** Trusts these blocks. */
    public TrustedProxies(List<Cidr> trusted) {
        this.trusted = List.copyOf(trusted);
    }

    /** Whether an address is that of a trusted proxy. */
    public boolean isTrusted(InetAddress address) {
        return Cidr.anyContains(trusted, address);
    }

    /**
     * The client: the last address of {@code X-Forwarded-For} that no trusted proxy has, because everything before it
     * was written by someone we do not know. The peer itself if it is not trusted or says nothing usable.
     */
    public InetAddress client(InetAddress peer, HttpHeaders headers) {
        if (!isTrusted(peer)) {
            return peer;
        }
        InetAddress client = peer;
        String[] hops = String.join(",", headers.getAll("x-forwarded-for")).split(",", -1);
        for (int i = hops.length - 1; i >= 0; i--) {
            InetAddress hop = address(hops[i].trim());
            if (hop == null) {
                return client;
            }
            client = hop;
            if (!isTrusted(hop)) {
                return client;
            }
        }
        return client;
    }

    /** The scheme that the client used. */
    public static Scheme scheme(Scheme ofConnection, boolean peerTrusted, HttpHeaders headers) {
        if (!peerTrusted) {
            return ofConnection;
        }
        String said = headers.get("x-forwarded-proto");
        if (said == null) {
            return ofConnection;
        }
        int comma = said.indexOf(',');
        String first = (comma < 0 ? said : said.substring(0, comma)).trim();
        if (first.equalsIgnoreCase("https") || first.equalsIgnoreCase("wss")) {
            return Scheme.HTTPS;
        }
        return first.equalsIgnoreCase("http") || first.equalsIgnoreCase("ws") ? Scheme.HTTP : ofConnection;
    }

    /** The id that a trusted peer gave the request, or a new one of 32 hexadecimal digits. */
    public static String requestId(boolean peerTrusted, HttpHeaders headers) {
        String said = peerTrusted ? headers.get("x-request-id") : null;
        if (said != null && isRequestId(said)) {
            return said;
        }
        ThreadLocalRandom random = ThreadLocalRandom.current();
        char[] digits = new char[32];
        long bits = 0;
        for (int i = 0; i < 32; i++) {
            if (i % 16 == 0) {
                bits = random.nextLong();
            }
            digits[i] = "0123456789abcdef".charAt((int) (bits & 15));
            bits >>>= 4;
        }
        return new String(digits);
    }

    private static boolean isRequestId(String text) {
        if (text.isEmpty() || text.length() > REQUEST_ID_CHARS_MAX) {
            return false;
        }
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean alphanumeric = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9';
            if (!alphanumeric && "-_.:=+/".indexOf(c) < 0) {
                return false;
            }
        }
        return true;
    }

    private static @Nullable InetAddress address(String text) {
        String plain = text.startsWith("[") && text.endsWith("]") ? text.substring(1, text.length() - 1) : text;
        // Never a name: that would be a lookup that a client can cause.
        return NetUtil.isValidIpV4Address(plain) || NetUtil.isValidIpV6Address(plain)
                ? NetUtil.createInetAddressFromIpAddressString(plain)
                : null;
    }
}
