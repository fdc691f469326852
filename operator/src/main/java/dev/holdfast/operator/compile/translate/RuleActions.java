package dev.holdfast.operator.compile.translate;

import dev.holdfast.operator.compile.translate.BackendIntent.InvalidBackend;
import dev.holdfast.operator.compile.translate.BackendIntent.PortRef;
import dev.holdfast.operator.compile.translate.BackendIntent.Protocol;
import dev.holdfast.operator.compile.translate.BackendIntent.ServiceBackend;
import dev.holdfast.operator.compile.translate.BackendIntent.Speech;
import dev.holdfast.operator.compile.translate.BackendIntent.TlsSettings;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.diagnostic.Findings;
import dev.holdfast.routetable.BackendTls.Verification;
import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.routetable.Timeouts;
import dev.holdfast.v1alpha1.websocketroutespec.Rules;
import dev.holdfast.v1alpha1.websocketroutespec.rules.BackendRefs;
import dev.holdfast.v1alpha1.websocketroutespec.rules.balancing.StickyCookie;
import io.fabric8.kubernetes.api.model.IntOrString;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What one rule of a WebSocketRoute does; the matches of the rule share it. */
final class RuleActions {
    private final String at;
    private final String namespace;
    private final Findings findings;
    private final RuleFilters filters;
    private final ActionIntent shared;

    RuleActions(Rules rule, String at, String namespace, Findings findings) {
        this.at = at;
        this.namespace = namespace;
        this.findings = findings;
        this.filters = RuleFilters.read(rule, at, findings);
        Balancing balancing = balancing(rule);
        List<BackendIntent> backends = backends(rule, balancing);
        this.shared = filters.valid()
                ? new ActionIntent.Forward(
                        backends,
                        filters.rewrite(),
                        filters.requestHeaders(),
                        filters.responseHeaders(),
                        timeouts(rule.getTimeouts()))
                : new ActionIntent.Reject("This route asks for something that cannot be served.");
    }

    /** The action for one match of the rule. */
    ActionIntent action(PathMatch path, String matchAt) {
        boolean replacesPrefix = filters.rewrite().path() instanceof Rewrite.ReplacePrefix;
        if (replacesPrefix && path.type() != PathMatch.Type.PREFIX) {
            findings.add(
                    DiagnosticCode.INVALID_SPEC,
                    matchAt + ".path.type",
                    "is not PathPrefix, but the rule rewrites by ReplacePrefixMatch (expected: PathPrefix, or ReplaceFullPath"
                            + " in the filter)");
            return new ActionIntent.Reject("This route asks for something that cannot be served.");
        }
        return shared;
    }

    private List<BackendIntent> backends(Rules rule, Balancing balancing) {
        List<BackendIntent> backends = new ArrayList<>();
        List<BackendRefs> refs = rule.getBackendRefs() == null ? List.of() : rule.getBackendRefs();
        for (int i = 0; i < refs.size(); i++) {
            BackendRefs ref = refs.get(i);
            if (ref != null) {
                backends.add(backend(ref, at + ".backendRefs[" + i + "]", balancing));
            }
        }
        return backends;
    }

    private BackendIntent backend(BackendRefs ref, String refAt, Balancing balancing) {
        int weight = ref.getWeight() == null ? 1 : ref.getWeight();
        Optional<PortRef> port = port(ref.getPort(), refAt);
        Protocol protocol = switch (ref.getProtocol()) {
            case null -> null;
            case HTTP, WS -> Protocol.HTTP;
            case HTTPS, WSS -> Protocol.HTTPS;
        };
        boolean valid = port.isPresent();
        TlsSettings tls = null;
        if (ref.getTls() != null) {
            Verification verification =
                    Boolean.FALSE.equals(ref.getTls().getVerify()) ? Verification.SKIP : Verification.VERIFY;
            String caSecret = ref.getTls().getCaSecretName();
            if (caSecret != null && verification == Verification.SKIP) {
                valid = false;
                findings.add(
                        DiagnosticCode.INVALID_SPEC,
                        refAt + ".tls.caSecretName",
                        "has no effect with verify false (expected: verify true, or no caSecretName)");
            }
            tls = new TlsSettings(
                    refAt + ".tls", verification, caSecret, ref.getTls().getServerName());
        }
        if (!valid || port.isEmpty()) {
            return new InvalidBackend(
                    namespace, ref.getName(), String.valueOf(ref.getPort().getValue()), weight);
        }
        return new ServiceBackend(
                refAt, namespace, ref.getName(), port.get(), weight, new Speech(protocol, tls, balancing));
    }

    private Optional<PortRef> port(IntOrString port, String refAt) {
        Integer number = port.getIntVal();
        String name = port.getStrVal();
        if (number != null && number >= 1 && number <= 65_535) {
            return Optional.of(new PortRef.Number(number));
        }
        if (name != null && name.matches("[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")) {
            return Optional.of(new PortRef.Name(name));
        }
        findings.add(
                DiagnosticCode.INVALID_SPEC,
                refAt + ".port",
                Values.shown(String.valueOf(port.getValue()))
                        + " (expected: a number from 1 to 65535, or the name of a port, at most 15 characters in lower case)");
        return Optional.empty();
    }

    private Timeouts timeouts(dev.holdfast.v1alpha1.websocketroutespec.rules.@Nullable Timeouts timeouts) {
        if (timeouts == null) {
            return Timeouts.DEFAULT;
        }
        String timeoutsAt = at + ".timeouts";
        return new Timeouts(
                duration(timeouts.getConnect(), timeoutsAt + ".connect").orElse(Timeouts.DEFAULT.connect()),
                duration(timeouts.getHandshake(), timeoutsAt + ".handshake").orElse(Timeouts.DEFAULT.handshake()),
                duration(timeouts.getIdle(), timeoutsAt + ".idle").orElse(Timeouts.DEFAULT.idle()));
    }

    private Optional<Duration> duration(@Nullable String text, String fieldPath) {
        if (text == null) {
            return Optional.empty();
        }
        Optional<Duration> duration = Values.duration(text);
        if (duration.isEmpty()) {
            findings.add(
                    DiagnosticCode.INVALID_SPEC,
                    fieldPath,
                    Values.shown(text)
                            + " (expected: a duration such as 30s or 1h30m, more than zero, at most 365 days);"
                            + " the default is used instead");
        }
        return duration;
    }

    private Balancing balancing(Rules rule) {
        if (rule.getBalancing() == null) {
            return Balancing.DEFAULT;
        }
        Balancing.Policy policy = switch (rule.getBalancing().getPolicy()) {
            case null -> Balancing.Policy.LEAST_TUNNELS;
            case LEASTTUNNELS -> Balancing.Policy.LEAST_TUNNELS;
            case ROUNDROBIN -> Balancing.Policy.ROUND_ROBIN;
            case CLIENTADDRESSHASH -> Balancing.Policy.CLIENT_ADDRESS_HASH;
        };
        return new Balancing(policy, cookie(rule.getBalancing().getStickyCookie(), at + ".balancing.stickyCookie"));
    }

    private Balancing.@Nullable StickyCookie cookie(@Nullable StickyCookie cookie, String cookieAt) {
        if (cookie == null) {
            return null;
        }
        Balancing.SameSite sameSite = switch (cookie.getSameSite()) {
            case null -> null;
            case STRICT -> Balancing.SameSite.STRICT;
            case LAX -> Balancing.SameSite.LAX;
            case NONE -> Balancing.SameSite.NONE;
        };
        try {
            Duration maxAge = duration(cookie.getMaxAge(), cookieAt + ".maxAge").orElse(null);
            String path = Values.headerValue("stickyCookie.path", cookie.getPath());
            return new Balancing.StickyCookie(cookie.getName(), path, maxAge, sameSite);
        } catch (IllegalArgumentException e) {
            findings.add(DiagnosticCode.INVALID_SPEC, cookieAt, Values.message(e) + "; no cookie is used");
            return null;
        }
    }
}
