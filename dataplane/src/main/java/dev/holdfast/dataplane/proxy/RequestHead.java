package dev.holdfast.dataplane.proxy;

import dev.holdfast.routetable.match.RequestPath;
import dev.holdfast.routetable.match.RequestView;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpVersion;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A request as it is routed: the authority and the path of its target and of its {@code Host} (RFC 9112 §3.2).
 * Confined to its loop, and read before the head is edited for the backend.
 */
final class RequestHead implements RequestView {
    /** A request that cannot be routed at all. */
    static final class BadRequestException extends Exception {
        private static final long serialVersionUID = 1;

        BadRequestException(String reason) {
            super(reason, null, false, false);
        }

        String reason() {
            return String.valueOf(getMessage());
        }
    }

    private static final int HOST_CHARS_MAX = 253;

    private final HttpRequest request;
    private final String hostField;
    private final String host;
    private final String rawPath;
    private final String query;
    private final String path;
    /** Most requests meet no condition. */
    private @Nullable ConditionValues conditions;

    private RequestHead(HttpRequest request, String hostField, String host, String rawPath, String query, String path) {
        this.request = request;
        this.hostField = hostField;
        this.host = host;
        this.rawPath = rawPath;
        this.query = query;
        this.path = path;
    }

    /** As received, a character per octet. */
    HttpRequest request() {
        return request;
    }

    /** The authority as received, with its port; empty when HTTP/1.0 named none. */
    String hostField() {
        return hostField;
    }

    @Override
    public String host() {
        return host;
    }

    /** Byte for byte as received; {@code *} for {@code OPTIONS *}. */
    String rawPath() {
        return rawPath;
    }

    /** With its question mark, byte for byte; empty without one. */
    String query() {
        return query;
    }

    @Override
    public String path() {
        return path;
    }

    /** Reads the target and the host. */
    static RequestHead parse(HttpRequest request) throws BadRequestException {
        List<String> hosts = request.headers().getAll(HttpHeaderNames.HOST);
        boolean required = !request.protocolVersion().equals(HttpVersion.HTTP_1_0);
        if (hosts.size() > 1 || required && hosts.isEmpty()) {
            throw new BadRequestException("Host must stand in the request exactly once");
        }
        String hostField = hosts.isEmpty() ? "" : hosts.getFirst();
        if (required || !hosts.isEmpty()) {
            host(hostField);
        }
        String target = request.uri();
        if (target.startsWith("*")) {
            if (!target.equals("*") || !request.method().equals(HttpMethod.OPTIONS)) {
                throw new BadRequestException("The target \"*\" is for OPTIONS alone");
            }
            return new RequestHead(request, hostField, host(hostField), "*", "", "/");
        }
        if (target.charAt(0) != '/') {
            int authority = afterScheme(target);
            int end = firstOf(target, authority);
            hostField = target.substring(authority, end);
            if (hostField.isEmpty()) {
                throw new BadRequestException("The target is not a path and no http URL");
            }
            target = target.substring(end);
            target = target.startsWith("/") ? target : "/" + target;
        }
        int question = target.indexOf('?');
        String rawPath = question < 0 ? target : target.substring(0, question);
        RequestPath path = RequestPath.parse(rawPath);
        String value = path.value();
        if (value == null) {
            throw new BadRequestException("The path is ambiguous or malformed");
        }
        String query = question < 0 ? "" : target.substring(question);
        String host = hostField.isEmpty() ? "" : host(hostField);
        return new RequestHead(request, hostField, host, rawPath, query, value);
    }

    private static int afterScheme(String target) throws BadRequestException {
        if (target.regionMatches(true, 0, "http://", 0, 7)) {
            return 7;
        }
        if (target.regionMatches(true, 0, "https://", 0, 8)) {
            return 8;
        }
        throw new BadRequestException("The target is not a path and no http URL");
    }

    private static int firstOf(String target, int from) {
        int at = from;
        while (at < target.length() && target.charAt(at) != '/' && target.charAt(at) != '?') {
            at++;
        }
        return at;
    }

    /** The name of an authority: user information and names that DNS or a URL could not hold are refused. */
    static String host(String authority) throws BadRequestException {
        int nameEnd;
        if (authority.startsWith("[")) {
            nameEnd = authority.indexOf(']') + 1;
        } else {
            int colon = authority.indexOf(':');
            nameEnd = colon < 0 ? authority.length() : colon;
        }
        boolean valid = nameEnd > 0 && nameEnd <= HOST_CHARS_MAX + 1 && isPort(authority, nameEnd);
        for (int i = 0; valid && i < nameEnd; i++) {
            valid = isHostCharacter(authority.charAt(i), authority.charAt(0) == '[');
        }
        if (!valid) {
            throw new BadRequestException("Host is not a valid host name");
        }
        String name = authority.substring(0, nameEnd).toLowerCase(Locale.ROOT);
        return name.endsWith(".") && name.length() > 1 ? name.substring(0, name.length() - 1) : name;
    }

    private static boolean isHostCharacter(char c, boolean bracketed) {
        boolean hex = c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F';
        if (bracketed) {
            return hex || c == ':' || c == '.' || c == '[' || c == ']';
        }
        return hex || c >= 'g' && c <= 'z' || c >= 'G' && c <= 'Z' || c == '-' || c == '.' || c == '_';
    }

    private static boolean isPort(String authority, int from) {
        if (from == authority.length()) {
            return true;
        }
        if (authority.charAt(from) != ':' || authority.length() - from > 6) {
            return false;
        }
        int port = 0;
        for (int i = from + 1; i < authority.length(); i++) {
            char c = authority.charAt(i);
            if (c < '0' || c > '9') {
                return false;
            }
            port = port * 10 + c - '0';
        }
        return port <= 65_535 && authority.length() > from + 1;
    }

    /** Path and query in ASCII, for a URI of ours (RFC 3986 §2.1). */
    String pathAndQuery() {
        if (rawPath.equals("*")) {
            // No URI has it: it stands for the whole server.
            return "/";
        }
        StringBuilder text = new StringBuilder(rawPath.length() + query.length());
        for (char octet : (rawPath + query).toCharArray()) {
            if (octet < 0x7f) {
                text.append(octet);
            } else {
                text.append('%').append(HexFormat.of().withUpperCase().toHexDigits((byte) octet));
            }
        }
        return text.toString();
    }

    @Override
    public Collection<String> headerValues(String name) {
        return conditions().header(name);
    }

    @Override
    public Collection<String> queryValues(String name) {
        return conditions().parameter(name);
    }

    @Override
    public Collection<String> subprotocols() {
        return conditions().subprotocols();
    }

    private ConditionValues conditions() {
        ConditionValues known = conditions;
        if (known == null) {
            known = new ConditionValues(this);
            conditions = known;
        }
        return known;
    }

    /** The members of a list field, in order, without empty ones. */
    List<String> tokens(String name) {
        List<String> tokens = new ArrayList<>();
        for (String value : request.headers().getAll(name)) {
            for (String token : value.split(",", -1)) {
                if (!token.isBlank()) {
                    tokens.add(token.trim());
                }
            }
        }
        return tokens;
    }
}
