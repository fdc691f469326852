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
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads {@code nginx.ingress.kubernetes.io/…} of an Ingress, so that one written for ingress-nginx works as it is, or
 * says why not. An empty value means unset, as there.
 */
final class NginxAnnotations {
    static final String PREFIX = "nginx.ingress.kubernetes.io/";
    static final Set<String> HONOURED = Set.of(
            "affinity",
            "backend-protocol",
            "force-ssl-redirect",
            "load-balance",
            "proxy-connect-timeout",
            "proxy-read-timeout",
            "proxy-ssl-name",
            "proxy-ssl-secret",
            "proxy-ssl-verify",
            "session-cookie-max-age",
            "session-cookie-name",
            "session-cookie-path",
            "session-cookie-samesite",
            "ssl-redirect",
            "upstream-hash-by",
            "upstream-vhost");

    private final String namespace;
    private final IngressSettings settings;
    private final Findings findings;
    private @Nullable String cookieName;
    private boolean sticky;
    private boolean redirectsWithTls = true;
    private boolean redirectsAlways;
    private @Nullable String tlsAnnotation;
    private @Nullable Verification verification;
    private @Nullable String caSecret;
    private @Nullable String serverName;

    NginxAnnotations(String namespace, IngressSettings settings, Findings findings) {
        this.namespace = namespace;
        this.settings = settings;
        this.findings = findings;
    }

    void read(Map<String, String> annotations) {
        annotations.forEach((key, value) -> {
            if (key.startsWith(PREFIX) && !value.isBlank()) {
                read(key.substring(PREFIX.length()), value.strip(), OwnAnnotations.fieldPath(key));
            }
        });
        settings.redirect =
                redirectsAlways ? Redirect.ALWAYS : redirectsWithTls ? Redirect.WITH_CERTIFICATE : Redirect.NEVER;
        if (sticky) {
            settings.cookieName = cookieName == null ? "INGRESSCOOKIE" : cookieName;
        }
        finishTls(annotations);
    }

    private void read(String name, String value, String path) {
        switch (name) {
            case "proxy-connect-timeout" -> seconds(value, path, it -> settings.connect = it);
            case "proxy-read-timeout" ->
                seconds(value, path, it -> {
                    settings.handshake = it;
                    settings.idle = it;
                });
            case "affinity" -> affinity(value, path);
            case "session-cookie-name" ->
                cookie(path, () -> cookieName = new StickyCookie(value, "/", null, null).name(), value);
            case "session-cookie-path" -> cookie(path, () -> settings.cookiePath = cookiePath(value), value);
            case "session-cookie-max-age" -> seconds(value, path, it -> settings.cookieMaxAge = it);
            case "session-cookie-samesite" -> sameSite(value, path);
            case "backend-protocol" -> protocol(value, path);
            case "ssl-redirect" -> bool(value, path).ifPresent(on -> redirectsWithTls = on);
            case "force-ssl-redirect" -> bool(value, path).ifPresent(on -> redirectsAlways = on);
            case "upstream-vhost" -> host(value, path);
            case "load-balance" -> loadBalance(value, path);
            case "upstream-hash-by" -> hashBy(value, path);
            case "proxy-ssl-verify" -> verify(value, path);
            case "proxy-ssl-name" -> serverName(value, path);
            case "proxy-ssl-secret" -> caSecret(value, path);
            default -> other(name, value, path);
        }
    }

    private void other(String name, String value, String path) {
        if (NginxCatalogue.NEUTRAL.getOrDefault(name, any -> false).test(value)) {
            return;
        }
        String refused = NginxCatalogue.REFUSED.get(name);
        String ignored = NginxCatalogue.IGNORED.get(name);
        if (name.equals("canary")) {
            settings.atLeast(Fate.LEAVE_OUT);
            findings.add(DiagnosticCode.ANNOTATION_REFUSED, path, "is not honoured; " + refused);
        } else if (refused != null) {
            refuse(path, refused);
        } else if (ignored != null) {
            ignore(path, "has no effect; " + ignored);
        } else {
            findings.add(DiagnosticCode.ANNOTATION_IGNORED, path, () -> "has no effect; " + remedy(name));
        }
    }

    private static String remedy(String name) {
        Set<String> known = new TreeSet<>(HONOURED);
        known.addAll(NginxCatalogue.REFUSED.keySet());
        known.addAll(NginxCatalogue.IGNORED.keySet());
        return NearestName.of(name, known)
                .map(near -> "did you mean " + PREFIX + near + "?")
                .orElse("ingress-nginx does not know it either; remove it");
    }

    private void affinity(String value, String path) {
        if (value.equals("cookie")) {
            sticky = true;
        } else {
            invalid(path, value, "cookie", "no affinity");
        }
    }

    private void cookie(String path, Runnable read, String value) {
        try {
            read.run();
        } catch (IllegalArgumentException e) {
            invalid(path, value, "the name or path of a cookie", "the default");
        }
    }

    private static String cookiePath(String value) {
        return new StickyCookie("c", Values.headerValue("path", value), null, null).path();
    }

    private void sameSite(String value, String path) {
        switch (value.toLowerCase(Locale.ROOT)) {
            case "strict" -> settings.cookieSameSite = SameSite.STRICT;
            case "lax" -> settings.cookieSameSite = SameSite.LAX;
            case "none" -> settings.cookieSameSite = SameSite.NONE;
            default -> invalid(path, value, "None, Lax or Strict", "no SameSite attribute");
        }
    }

    private void protocol(String value, String path) {
        switch (value.toUpperCase(Locale.ROOT)) {
            case "HTTP" -> settings.protocol = Protocol.HTTP;
            case "HTTPS" -> settings.protocol = Protocol.HTTPS;
            default -> refuse(path, Values.shown(value) + " is not spoken here (expected: HTTP or HTTPS)");
        }
    }

    private void host(String value, String path) {
        try {
            settings.rewriteHost = new Rewrite(new Rewrite.Keep(), value).host();
        } catch (IllegalArgumentException e) {
            refuse(path, Values.shown(value) + " is no host name (expected: a name without variables)");
        }
    }

    private void loadBalance(String value, String path) {
        switch (value) {
            case "round_robin" -> settings.policy = Policy.ROUND_ROBIN;
            case "ewma" -> settings.policy = Policy.LEAST_TUNNELS;
            default ->
                ignore(
                        path,
                        Values.shown(value) + " has no effect, least tunnels is used (expected: round_robin or ewma); "
                                + "see holdfast.dev/balancing");
        }
    }

    private void hashBy(String value, String path) {
        if (value.equals("$remote_addr") || value.equals("$binary_remote_addr")) {
            settings.policy = Policy.CLIENT_ADDRESS_HASH;
        } else {
            ignore(
                    path,
                    Values.shown(value)
                            + " has no effect (expected: $remote_addr); use holdfast.dev/sticky-cookie instead");
        }
    }

    private void verify(String value, String path) {
        tlsAnnotation = path;
        switch (value) {
            case "on" -> verification = Verification.VERIFY;
            case "off" -> verification = Verification.SKIP;
            default -> refuse(path, Values.shown(value) + " (expected: on or off)");
        }
    }

    private void serverName(String value, String path) {
        tlsAnnotation = path;
        try {
            serverName = new BackendTls(Verification.VERIFY, null, value).serverName();
        } catch (IllegalArgumentException e) {
            refuse(path, Values.shown(value) + " (expected: a DNS name)");
        }
    }

    private void caSecret(String value, String path) {
        tlsAnnotation = path;
        String name = value.startsWith(namespace + "/") ? value.substring(namespace.length() + 1) : value;
        if (name.contains("/") || name.isEmpty()) {
            refuse(
                    path,
                    Values.shown(value) + " is not in the namespace of the Ingress (expected: " + namespace + "/NAME)");
        } else {
            caSecret = name;
        }
    }

    /**
     * HTTPS backends are not verified unless {@code proxy-ssl-verify} says so: that is what ingress-nginx does. Where our
     * own annotation chose TLS they are verified unless it says otherwise.
     */
    private void finishTls(Map<String, String> annotations) {
        String chosen = own(annotations, "backend-protocol");
        if (chosen.equals("http") || chosen.equals("ws")) {
            return;
        }
        boolean isOurs = !chosen.isEmpty();
        String protocolKey = PREFIX + "backend-protocol";
        if (settings.protocol != Protocol.HTTPS && !isOurs) {
            if (tlsAnnotation != null) {
                ignore(
                        tlsAnnotation,
                        "has no effect while the backend is spoken to without TLS; add " + protocolKey + ": HTTPS");
            }
            return;
        }
        if (isOurs && tlsAnnotation == null) {
            return;
        }
        boolean verifies = verification == null
                ? isOurs && !own(annotations, "backend-tls-verify").equals("false")
                : verification == Verification.VERIFY;
        settings.tlsFieldPath = tlsAnnotation == null ? OwnAnnotations.fieldPath(protocolKey) : tlsAnnotation;
        settings.verification = verifies ? Verification.VERIFY : Verification.SKIP;
        settings.serverName = serverName;
        settings.caSecret = verifies ? caSecret : null;
        if (caSecret != null && !verifies) {
            ignore(
                    OwnAnnotations.fieldPath(PREFIX + "proxy-ssl-secret"),
                    "has no effect without " + PREFIX
                            + "proxy-ssl-verify: \"on\", and a client certificate is never sent");
        }
        boolean isFromNginxAlone = !isOurs
                && own(annotations, "backend-tls-verify").isEmpty()
                && own(annotations, "backend-tls-ca-secret").isEmpty();
        if (verifies
                && isFromNginxAlone
                && annotations.getOrDefault(PREFIX + "proxy-ssl-secret", "").isBlank()) {
            ignore(
                    OwnAnnotations.fieldPath(PREFIX + "proxy-ssl-verify"),
                    "ingress-nginx ignores this without " + PREFIX
                            + "proxy-ssl-secret; here the backend's certificate is"
                            + " verified against the platform's authorities (expected: " + PREFIX
                            + "proxy-ssl-secret, or off)");
        }
    }

    private static String own(Map<String, String> annotations, String name) {
        return annotations.getOrDefault(OwnAnnotations.PREFIX + name, "").strip();
    }

    private void seconds(String value, String path, Consumer<Duration> target) {
        Optional<Duration> duration = Values.seconds(value);
        duration.ifPresent(target);
        if (duration.isEmpty()) {
            invalid(path, value, "a number of seconds more than 0, or a duration such as 30s", "the default");
        }
    }

    private Optional<Boolean> bool(String value, String path) {
        Optional<Boolean> on = Values.bool(value);
        if (on.isEmpty()) {
            invalid(path, value, "true or false", "the default");
        }
        return on;
    }

    private void invalid(String path, String value, String expected, String used) {
        findings.add(
                DiagnosticCode.INVALID_SPEC,
                path,
                Values.shown(value) + " (expected: " + expected + "); " + used + " is used instead");
    }

    private void ignore(String path, String message) {
        findings.add(DiagnosticCode.ANNOTATION_IGNORED, path, message);
    }

    private void refuse(String path, String why) {
        settings.atLeast(Fate.REJECT);
        findings.add(
                DiagnosticCode.ANNOTATION_REFUSED,
                path,
                "cannot be honoured, so all routes of the Ingress answer 503; " + why);
    }
}
