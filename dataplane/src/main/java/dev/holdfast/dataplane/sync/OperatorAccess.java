package dev.holdfast.dataplane.sync;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * How the operator is reached and known.
 *
 * @param urls {@code https://NAME:PORT}, where every address of the name is a replica, or {@code http://127.0.0.1:PORT}
 * @param caBundle PEM of the CAs that the operator's certificate may be from, read again when it changes; https only
 * @param token the token that says who this is, read for every request; https only
 */
public record OperatorAccess(
        List<URI> urls, @Nullable Path caBundle, @Nullable Path token) {
    private static final int URLS_MAX = 16;
    private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]");

    /** Refuses plain HTTP beyond loopback, because the stream carries private keys, and https that proves nothing. */
    public OperatorAccess {
        urls = List.copyOf(urls);
        if (urls.isEmpty() || urls.size() > URLS_MAX) {
            throw new IllegalArgumentException("operator: " + urls.size() + " URLs (expected: 1 to " + URLS_MAX + ")");
        }
        for (URI url : urls) {
            check(url);
            if (secure(url) && (caBundle == null || token == null)) {
                throw new IllegalArgumentException("operator: \"" + url
                        + "\" (expected: with https, --operator-ca and --operator-token as well; by the one the operator"
                        + " is known, by the other this data plane)");
            }
            if (!secure(url) && (caBundle != null || token != null)) {
                throw new IllegalArgumentException("operator: \"" + url
                        + "\" (expected: an https URL, since --operator-ca or --operator-token is given)");
            }
        }
    }

    /** An operator on this machine, without TLS. */
    static OperatorAccess loopback(URI url) {
        return new OperatorAccess(List.of(url), null, null);
    }

    private static void check(URI url) {
        String host = url.getHost();
        String path = url.getRawPath();
        boolean plain = "http".equals(url.getScheme()) && host != null && isLoopback(host);
        if (!plain && !secure(url) || host == null || url.getPort() < 1) {
            throw new IllegalArgumentException("operator: \"" + url
                    + "\" (expected: https://NAME:PORT, or http://127.0.0.1:PORT for an operator on the same machine; the"
                    + " stream carries private keys)");
        }
        boolean more = path != null && !path.isEmpty() && !path.equals("/");
        if (more || url.getRawQuery() != null || url.getRawUserInfo() != null || url.getRawFragment() != null) {
            throw new IllegalArgumentException(
                    "operator: \"" + url + "\" (expected: a scheme, a host and a port, nothing else)");
        }
    }

    private static boolean secure(URI url) {
        return "https".equals(url.getScheme());
    }

    static boolean isLoopback(String host) {
        return LOOPBACK.contains(host) || host.matches("127(\\.[0-9]{1,3}){3}");
    }

    /** The names that the operator's certificate may be for. */
    Set<String> names() {
        return urls.stream().map(url -> url.getHost().toLowerCase(Locale.ROOT)).collect(Collectors.toUnmodifiableSet());
    }
}
