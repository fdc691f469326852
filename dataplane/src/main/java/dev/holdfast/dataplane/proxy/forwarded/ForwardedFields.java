package dev.holdfast.dataplane.proxy.forwarded;

import io.netty.handler.codec.http.HttpHeaders;
import io.netty.util.AsciiString;
import io.netty.util.NetUtil;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Tells the backend about the way of a request. What an untrusted peer says is deleted first, with every spelling that a
 * backend could take for the same field: CGI and its heirs turn {@code -} into {@code _}.
 */
public final class ForwardedFields {
    private static final AsciiString FOR = AsciiString.cached("X-Forwarded-For");
    private static final AsciiString FORWARDED = AsciiString.cached("Forwarded");
    private static final AsciiString REAL_IP = AsciiString.cached("X-Real-IP");
    private static final AsciiString PROTO = AsciiString.cached("X-Forwarded-Proto");
    private static final AsciiString HOST = AsciiString.cached("X-Forwarded-Host");
    private static final AsciiString PORT = AsciiString.cached("X-Forwarded-Port");
    private static final AsciiString REQUEST_ID = AsciiString.cached("X-Request-ID");
    private static final Pattern UNQUOTED_NODE = Pattern.compile("[A-Za-z0-9._-]+");

    private ForwardedFields() {}

    /** Deletes, appends and sets, in place. */
    public static void apply(HttpHeaders headers, ClientInfo client) {
        deleteForged(headers, client.peerTrusted());
        if (headers.contains(FOR) && !headers.contains(FORWARDED)) {
            headers.set(FORWARDED, elements(headers.getAll(FOR)));
        }
        append(headers, FOR, text(client.peer().getAddress()));
        append(headers, FORWARDED, element(client));
        headers.set(REAL_IP, text(client.address()));
        setUnlessTrusted(headers, PROTO, client.scheme().text());
        if (!client.hostField().isEmpty()) {
            setUnlessTrusted(headers, HOST, client.hostField());
        }
        setUnlessTrusted(headers, PORT, Integer.toString(port(client)));
        headers.set(REQUEST_ID, client.requestId());
    }

    /** What is left after the deletion came from a trusted peer. */
    private static void setUnlessTrusted(HttpHeaders headers, AsciiString name, String value) {
        if (!headers.contains(name)) {
            headers.set(name, value);
        }
    }

    private static void append(HttpHeaders headers, AsciiString name, String value) {
        List<String> known = headers.contains(name) ? headers.getAll(name) : List.of();
        headers.set(name, known.isEmpty() ? value : String.join(", ", known) + ", " + value);
    }

    /**
     * What a trusted peer that speaks only the older field would have said in the newer: both must tell the same hops
     * (RFC 7239 §7.4). Fields, for there may be none.
     */
    private static List<String> elements(List<String> values) {
        StringBuilder elements = new StringBuilder();
        for (String hop : hops(values)) {
            elements.append(elements.isEmpty() ? "for=" : ", for=").append(node(hop));
        }
        return elements.isEmpty() ? List.of() : List.of(elements.toString());
    }

    private static void deleteForged(HttpHeaders headers, boolean peerTrusted) {
        List<String> forged = new ArrayList<>(4);
        for (Map.Entry<String, String> field : headers) {
            String name = field.getKey();
            char first = name.charAt(0);
            if ((first == 'x' || first == 'X' || first == 'f' || first == 'F') && isForged(name, peerTrusted)) {
                forged.add(name);
            }
        }
        forged.forEach(headers::remove);
    }

    private static boolean isForged(String name, boolean peerTrusted) {
        String known = name.toLowerCase(Locale.ROOT);
        String canonical = known.replace('_', '-');
        boolean certificate = canonical.startsWith("x-client-cert")
                || canonical.startsWith("x-ssl-")
                || canonical.startsWith("x-forwarded-client-cert");
        if (certificate) {
            return true;
        }
        boolean ours = canonical.startsWith("x-forwarded-")
                || canonical.equals("forwarded")
                || canonical.equals("x-real-ip")
                || canonical.equals("x-scheme")
                || canonical.equals("x-original-forwarded-for")
                || canonical.equals("x-request-id");
        return ours && (!peerTrusted || known.indexOf('_') >= 0);
    }

    private static List<String> hops(List<String> values) {
        List<String> hops = new ArrayList<>();
        for (String value : values) {
            for (String hop : value.split(",", -1)) {
                if (!hop.isBlank()) {
                    hops.add(hop.strip());
                }
            }
        }
        return hops;
    }

    /** A hop of {@code X-Forwarded-For} as a node: an IPv6 address in brackets, and in quotes what is no token (§6). */
    private static String node(String hop) {
        String node = NetUtil.isValidIpV6Address(hop) && !hop.startsWith("[") ? "[" + hop + "]" : hop;
        return UNQUOTED_NODE.matcher(node).matches()
                ? node
                : "\"" + node.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }

    /** One hop (RFC 7239 §4); agrees with what {@code X-Forwarded-For} says. */
    private static String element(ClientInfo client) {
        InetAddress address = client.peer().getAddress();
        String node = text(address);
        StringBuilder element = new StringBuilder(96).append("for=");
        if (address instanceof Inet6Address) {
            // §6: brackets, and quotes because a colon is no token.
            element.append("\"[").append(node).append("]\"");
        } else {
            element.append(node);
        }
        if (!client.hostField().isEmpty()) {
            String host = client.hostField();
            boolean quoted = host.indexOf(':') >= 0;
            element.append(";host=").append(quoted ? "\"" : "").append(host).append(quoted ? "\"" : "");
        }
        return element.append(";proto=").append(client.scheme().text()).toString();
    }

    /**
     * The port that the client used: a {@code Host} without one means the scheme's (RFC 9110 §4.2), whatever port the
     * connection reached this process on, because a Service in front may map ports. Without {@code Host} it is unknown,
     * and the listener's is the best that can be said.
     */
    private static int port(ClientInfo client) {
        String host = client.hostField();
        if (host.isEmpty()) {
            return client.listenerPort();
        }
        int colon = host.lastIndexOf(':');
        if (colon > host.lastIndexOf(']') && colon < host.length() - 1) {
            return Integer.parseInt(host.substring(colon + 1));
        }
        return client.scheme().defaultPort();
    }

    /** In the shortest form (RFC 5952), without the zone of a link-local address, which means nothing elsewhere. */
    private static String text(InetAddress address) {
        String text = NetUtil.toAddressString(address);
        int zone = text.indexOf('%');
        return zone < 0 ? text : text.substring(0, zone);
    }
}
