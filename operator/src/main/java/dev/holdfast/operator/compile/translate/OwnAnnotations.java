package dev.holdfast.operator.compile.translate;

import dev.holdfast.operator.compile.translate.BackendIntent.Protocol;
import dev.holdfast.operator.compile.translate.IngressSettings.Fate;
import dev.holdfast.operator.compile.translate.RouteIntent.Redirect;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.diagnostic.Findings;
import dev.holdfast.operator.diagnostic.NearestName;
import dev.holdfast.routetable.BackendTls;
import dev.holdfast.routetable.BackendTls.Verification;
import dev.holdfast.routetable.Balancing.Policy;
import dev.holdfast.routetable.Balancing.SameSite;
import dev.holdfast.routetable.Balancing.StickyCookie;
import dev.holdfast.routetable.Rewrite;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * Reads {@code holdfast.dev/…} of an Ingress. A bad value of a tuning annotation leaves the default; one that decides
 * where traffic goes or how it is protected rejects the routes.
 */
final class OwnAnnotations {
    static final String PREFIX = "holdfast.dev/";
    static final Set<String> NAMES = Set.of(
            "backend-protocol",
            "connect-timeout",
            "handshake-timeout",
            "idle-timeout",
            "balancing",
            "sticky-cookie",
            "sticky-cookie-path",
            "sticky-cookie-max-age",
            "sticky-cookie-same-site",
            "rewrite-host",
            "rewrite-prefix",
            "ssl-redirect",
            "backend-tls-verify",
            "backend-tls-ca-secret",
            "backend-tls-server-name");

    private final IngressSettings settings;
    private final Findings findings;

    OwnAnnotations(IngressSettings settings, Findings findings) {
        this.settings = settings;
        this.findings = findings;
    }

    /** The path under which an annotation is reported. */
    static String fieldPath(String key) {
        return "metadata.annotations[" + key + "]";
    }

    void read(Map<String, String> annotations) {
        annotations.forEach((key, value) -> {
            if (key.startsWith(PREFIX)) {
                read(key.substring(PREFIX.length()), value.strip(), fieldPath(key));
            }
        });
        if (settings.verification == Verification.SKIP && settings.caSecret != null) {
            settings.atLeast(Fate.REJECT);
            findings.add(
                    DiagnosticCode.INVALID_SPEC,
                    fieldPath(PREFIX + "backend-tls-ca-secret"),
                    Values.shown(settings.caSecret)
                            + " has no effect with verification off (expected: verification on, or no"
                            + " CA); all routes of the Ingress answer 503 until one of the two is removed");
        }
        if (settings.cookieName == null && annotations.keySet().stream().anyMatch(OwnAnnotations::isCookieDetail)) {
            findings.add(
                    DiagnosticCode.ANNOTATION_IGNORED,
                    "metadata.annotations",
                    "holdfast.dev/sticky-cookie-… without holdfast.dev/sticky-cookie has no effect; name the cookie there");
        }
    }

    private static boolean isCookieDetail(String key) {
        return key.startsWith(PREFIX + "sticky-cookie-");
    }

    private void read(String name, String value, String path) {
        switch (name) {
            case "backend-protocol" -> protocol(value, path);
            case "connect-timeout" -> duration(value, path, it -> settings.connect = it);
            case "handshake-timeout" -> duration(value, path, it -> settings.handshake = it);
            case "idle-timeout" -> duration(value, path, it -> settings.idle = it);
            case "balancing" -> balancing(value, path);
            case "sticky-cookie" -> cookieName(value, path);
            case "sticky-cookie-path" -> cookiePath(value, path);
            case "sticky-cookie-max-age" -> duration(value, path, it -> settings.cookieMaxAge = it);
            case "sticky-cookie-same-site" -> sameSite(value, path);
            case "rewrite-host" -> rewriteHost(value, path);
            case "rewrite-prefix" -> rewritePrefix(value, path);
            case "ssl-redirect" ->
                bool(value, path).ifPresent(on -> settings.redirect = on ? Redirect.ALWAYS : Redirect.NEVER);
            case "backend-tls-verify" -> verify(value, path);
            case "backend-tls-ca-secret" -> caSecret(value, path);
            case "backend-tls-server-name" -> serverName(value, path);
            default -> unknown(name, path);
        }
    }

    private void unknown(String name, String path) {
        findings.add(DiagnosticCode.ANNOTATION_IGNORED, path, () -> {
            String remedy = NearestName.of(name, NAMES)
                    .map(near -> "did you mean " + PREFIX + near + "?")
                    .orElseGet(() -> "known are " + String.join(", ", new TreeSet<>(NAMES)));
            return "not known and without effect (" + remedy + ")";
        });
    }

    private void protocol(String value, String path) {
        switch (value) {
            case "http", "ws" -> settings.protocol = Protocol.HTTP;
            case "https", "wss" -> settings.protocol = Protocol.HTTPS;
            default -> harmful(path, value, "http, https, ws or wss");
        }
    }

    private void balancing(String value, String path) {
        switch (value) {
            case "least-tunnels" -> settings.policy = Policy.LEAST_TUNNELS;
            case "round-robin" -> settings.policy = Policy.ROUND_ROBIN;
            case "client-address-hash" -> settings.policy = Policy.CLIENT_ADDRESS_HASH;
            default -> harmless(path, value, "least-tunnels, round-robin or client-address-hash", "least-tunnels");
        }
    }

    private void cookieName(String value, String path) {
        try {
            settings.cookieName = new StickyCookie(value, "/", null, null).name();
            settings.cookiePath = settings.cookiePath == null ? "/" : settings.cookiePath;
        } catch (IllegalArgumentException e) {
            harmless(path, value, "the name of a cookie, letters and digits", "no cookie");
        }
    }

    private void cookiePath(String value, String path) {
        try {
            String ascii = Values.headerValue("path", value);
            settings.cookiePath = new StickyCookie("c", ascii, null, null).path();
        } catch (IllegalArgumentException e) {
            harmless(path, value, "a path that starts with /, without ;", "/");
        }
    }

    private void sameSite(String value, String path) {
        switch (value) {
            case "Strict" -> settings.cookieSameSite = SameSite.STRICT;
            case "Lax" -> settings.cookieSameSite = SameSite.LAX;
            case "None" -> settings.cookieSameSite = SameSite.NONE;
            default -> harmless(path, value, "Strict, Lax or None", "no SameSite attribute");
        }
    }

    private void rewriteHost(String value, String path) {
        try {
            settings.rewriteHost = new Rewrite(new Rewrite.Keep(), value).host();
        } catch (IllegalArgumentException e) {
            harmful(path, value, "a host name, with or without a port");
        }
    }

    private void rewritePrefix(String value, String path) {
        try {
            settings.rewritePrefix = new Rewrite.ReplacePrefix(value).prefix();
        } catch (IllegalArgumentException e) {
            harmful(path, value, "a path that starts with /, percent-encoded, without query");
        }
    }

    private void verify(String value, String path) {
        settings.tlsFieldPath = path;
        switch (value) {
            case "true" -> settings.verification = Verification.VERIFY;
            case "false" -> settings.verification = Verification.SKIP;
            default -> harmful(path, value, "true or false");
        }
    }

    private void caSecret(String value, String path) {
        settings.tlsFieldPath = path;
        if (value.isEmpty() || value.contains("/")) {
            harmful(path, value, "the name of a Secret in the namespace of the Ingress");
        } else {
            settings.caSecret = value;
        }
    }

    private void serverName(String value, String path) {
        settings.tlsFieldPath = path;
        try {
            settings.serverName =
                    value.isEmpty() ? null : new BackendTls(Verification.VERIFY, null, value).serverName();
        } catch (IllegalArgumentException e) {
            harmful(path, value, "a DNS name");
        }
        if (value.isEmpty()) {
            harmful(path, value, "a DNS name");
        }
    }

    private void duration(String value, String path, Consumer<Duration> target) {
        Optional<Duration> duration = Values.duration(value);
        duration.ifPresent(target);
        if (duration.isEmpty()) {
            harmless(
                    path,
                    value,
                    "a duration with a unit such as 500ms, 30s, 10m or 1h30m, at most 365 days",
                    "the default");
        }
    }

    private Optional<Boolean> bool(String value, String path) {
        if (value.equals("true") || value.equals("false")) {
            return Optional.of(Boolean.valueOf(value));
        }
        harmless(path, value, "true or false", "the default");
        return Optional.empty();
    }

    private void harmless(String path, String value, String expected, String used) {
        findings.add(
                DiagnosticCode.INVALID_SPEC,
                path,
                Values.shown(value) + " (expected: " + expected + "); " + used + " is used instead");
    }

    private void harmful(String path, String value, String expected) {
        settings.atLeast(Fate.REJECT);
        findings.add(
                DiagnosticCode.INVALID_SPEC,
                path,
                Values.shown(value) + " (expected: " + expected
                        + "); all routes of the Ingress answer 503 until it is corrected");
    }
}
