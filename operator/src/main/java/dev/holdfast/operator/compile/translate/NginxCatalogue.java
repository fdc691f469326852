package dev.holdfast.operator.compile.translate;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * The annotations of ingress-nginx that this version does not honour: which must not be ignored, which may, and what to
 * use instead. The keys are those of its last release, old spellings included.
 */
final class NginxCatalogue {
    private static final Predicate<String> OFF =
            value -> Values.bool(value).filter(on -> !on).isPresent();

    // A list with every address in it: cert-manager writes one into each Ingress of its HTTP-01 solver.
    private static final Predicate<String> EVERYBODY = value ->
            Pattern.compile(",").splitAsStream(value).map(String::strip).anyMatch("0.0.0.0/0"::equals);

    /** Values that ask for what happens anyway, so that nobody needs to hear. */
    static final Map<String, Predicate<String>> NEUTRAL = Map.ofEntries(
            Map.entry("affinity-mode", "persistent"::equals),
            Map.entry("allowlist-source-range", EVERYBODY),
            Map.entry("auth-tls-verify-client", "off"::equals),
            Map.entry("canary", OFF),
            Map.entry("enable-cors", OFF),
            Map.entry("enable-global-auth", OFF),
            Map.entry("enable-modsecurity", OFF),
            Map.entry("enable-owasp-core-rules", OFF),
            Map.entry("from-to-www-redirect", OFF),
            Map.entry("proxy-buffering", "off"::equals),
            Map.entry("proxy-http-version", "1.1"::equals),
            Map.entry("proxy-request-buffering", "off"::equals),
            Map.entry("proxy-ssl-server-name", "on"::equals),
            Map.entry("satisfy", "all"::equals),
            Map.entry("service-upstream", OFF),
            Map.entry("ssl-passthrough", OFF),
            Map.entry("use-regex", OFF),
            Map.entry("whitelist-source-range", EVERYBODY));

    /** Those that bear on security or decide where traffic goes, with the remedy. */
    static final Map<String, String> REFUSED = refused();

    /** The others, with what to use instead. */
    static final Map<String, String> IGNORED = ignored();

    private NginxCatalogue() {}

    private static Map<String, String> refused() {
        Map<String, String> keys = new TreeMap<>();
        String auth =
                "this version has no authentication at the proxy; let the backend check, or remove the annotation";
        for (String key : names("""
                auth-always-set-cookie auth-cache-duration auth-cache-key auth-keepalive auth-keepalive-requests
                auth-keepalive-share-vars auth-keepalive-timeout auth-method auth-proxy-set-headers auth-realm
                auth-request-redirect auth-response-headers auth-secret auth-secret-type auth-signin
                auth-signin-redirect-param auth-type auth-url enable-global-auth satisfy""")) {
            keys.put(key, auth);
        }
        String clients =
                "this version asks clients for no certificate; let the backend check, or remove the annotation";
        for (String key : names("""
                auth-tls-error-page auth-tls-match-cn auth-tls-pass-certificate-to-upstream auth-tls-secret
                auth-tls-verify-client auth-tls-verify-depth""")) {
            keys.put(key, clients);
        }
        for (String key : names("allowlist-source-range whitelist-source-range denylist-source-range")) {
            keys.put(
                    key,
                    "this version does not filter by address; use a NetworkPolicy or a firewall, or remove the annotation");
        }
        for (String key :
                names("auth-snippet configuration-snippet modsecurity-snippet server-snippet stream-snippet")) {
            keys.put(
                    key,
                    "nginx configuration cannot be run here; use header filters of a WebSocketRoute, or remove the annotation");
        }
        for (String key : names("enable-modsecurity enable-owasp-core-rules")) {
            keys.put(key, "there is no web application firewall here; put one in front, or remove the annotation");
        }
        keys.put(
                "ssl-passthrough",
                "TLS ends at the proxy here; use holdfast.dev/backend-protocol: https, or remove the annotation");
        keys.put("canary", "the routes of this Ingress are left out; use weights of backendRefs in a WebSocketRoute");
        keys.put(
                "rewrite-target",
                "captures and host-wide expressions are not served; use holdfast.dev/rewrite-prefix or the URLRewrite filter of a WebSocketRoute");
        keys.put(
                "use-regex",
                "expressions are not served for an Ingress; use path type RegularExpression of a WebSocketRoute");
        return keys;
    }

    private static Map<String, String> ignored() {
        Map<String, String> keys = new TreeMap<>();
        String nothing = "there is nothing like it here; remove it";
        for (String key : names("""
                connection-proxy-header custom-http-errors default-backend disable-proxy-intercept-errors enable-rewrite-log
                fastcgi-index fastcgi-params-configmap mirror-host mirror-request-body mirror-target
                modsecurity-transaction-id preserve-trailing-slash proxy-http-version proxy-ssl-ciphers proxy-ssl-protocols
                proxy-ssl-server-name proxy-ssl-verify-depth relative-redirects service-upstream ssl-ciphers
                ssl-prefer-server-ciphers use-port-in-redirects x-forwarded-prefix http2-push-preload""")) {
            keys.put(key, nothing);
        }
        for (String key : names("""
                limit-allowlist limit-burst-multiplier limit-connections limit-rate limit-rate-after limit-rpm limit-rps
                limit-whitelist""")) {
            keys.put(key, "nobody is held back here; limit in the backend or in front, or remove it");
        }
        for (String key : names("""
                app-root from-to-www-redirect permanent-redirect permanent-redirect-code temporal-redirect
                temporal-redirect-code""")) {
            keys.put(key, "the backend of this Ingress gets the requests; let it redirect, or remove it");
        }
        for (String key : names(
                "enable-access-log enable-opentelemetry opentelemetry-operation-name opentelemetry-trust-incoming-span")) {
            keys.put(key, "logs and traces are turned on for all routes (config.accessLog, config.tracing); remove it");
        }
        for (String key : names("proxy-next-upstream proxy-next-upstream-timeout proxy-next-upstream-tries")) {
            keys.put(key, "a connection that fails is tried at up to three endpoints anyway; remove it");
        }
        for (String key : names("""
                client-body-buffer-size proxy-buffer-size proxy-buffering proxy-buffers-number
                proxy-busy-buffers-size proxy-max-temp-file-size proxy-request-buffering""")) {
            keys.put(key, "bodies and tunnels are streamed with bounded memory, there is nothing to tune; remove it");
        }
        keys.put(
                "proxy-body-size",
                "a request may have a body of 1 GiB, and gets 413 beyond; let the backend bound it closer, or remove it");
        for (String key : names("""
                cors-allow-credentials cors-allow-headers cors-allow-methods cors-allow-origin cors-expose-headers
                cors-max-age enable-cors""")) {
            keys.put(key, "let the backend answer, or set response headers in a WebSocketRoute");
        }
        for (String key :
                names("proxy-cookie-domain proxy-cookie-path proxy-redirect-from proxy-redirect-to custom-headers")) {
            keys.put(key, "use the ResponseHeaderModifier filter of a WebSocketRoute");
        }
        for (String key : names(
                "canary-by-cookie canary-by-header canary-by-header-pattern canary-by-header-value canary-weight canary-weight-total")) {
            keys.put(key, "use weights of backendRefs, or header matches, in a WebSocketRoute");
        }
        for (String key : names("upstream-hash-by-subset upstream-hash-by-subset-size")) {
            keys.put(key, "use holdfast.dev/balancing: client-address-hash");
        }
        for (String key : names("""
                affinity-canary-behavior affinity-mode session-cookie-change-on-failure
                session-cookie-conditional-samesite-none session-cookie-domain session-cookie-secure""")) {
            keys.put(
                    key,
                    "a client stays with its endpoint until that one is gone, and the cookie is Secure over TLS; remove it");
        }
        keys.put("session-cookie-expires", "use session-cookie-max-age");
        keys.put("proxy-send-timeout", "proxy-read-timeout or holdfast.dev/idle-timeout bounds both directions");
        keys.put("server-alias", "the alias is not served; add a rule for that host");
        return keys;
    }

    private static String[] names(String text) {
        return text.strip().split("\\s+");
    }
}
