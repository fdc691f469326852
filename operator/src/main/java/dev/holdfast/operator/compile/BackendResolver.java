package dev.holdfast.operator.compile;

import dev.holdfast.operator.compile.translate.ActionIntent;
import dev.holdfast.operator.compile.translate.BackendIntent;
import dev.holdfast.operator.compile.translate.BackendIntent.InvalidBackend;
import dev.holdfast.operator.compile.translate.BackendIntent.PortRef;
import dev.holdfast.operator.compile.translate.BackendIntent.Protocol;
import dev.holdfast.operator.compile.translate.BackendIntent.ServiceBackend;
import dev.holdfast.operator.compile.translate.BackendIntent.Speech;
import dev.holdfast.operator.compile.translate.BackendIntent.TlsSettings;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.diagnostic.Findings;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ServicePort;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ServiceView;
import dev.holdfast.routetable.BackendTls;
import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteAction.WeightedUpstream;
import dev.holdfast.routetable.Upstream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Resolves what a route shall do to what it does: Services to upstreams, Secrets to authorities, failures to rejects. */
final class BackendResolver {
    private final ClusterIndex cluster;
    private final EndpointGroups groups;
    private final Certificates certificates;
    private final CompileOptions options;

    BackendResolver(ClusterIndex cluster, Certificates certificates, CompileOptions options) {
        this.cluster = cluster;
        this.groups = new EndpointGroups(cluster, options.loopbackEndpoints());
        this.certificates = certificates;
        this.options = options;
    }

    /** An action with the entries of the table that it needs. */
    record Resolved(RouteAction action, List<Share> shares) {}

    /** One backend, resolved. */
    record Share(Upstream upstream, EndpointGroup group, int weight, boolean usable) {
        long ready() {
            return group.endpoints().stream()
                    .filter(endpoint -> endpoint.state() == EndpointGroup.State.READY)
                    .count();
        }
    }

    Resolved resolve(ActionIntent intent, String fieldPath, Findings findings) {
        return switch (intent) {
            case ActionIntent.Reject reject -> new Resolved(new RouteAction.Reject(503, reject.reason()), List.of());
            case ActionIntent.Forward forward -> forward(forward, fieldPath, findings);
        };
    }

    private Resolved forward(ActionIntent.Forward forward, String fieldPath, Findings findings) {
        List<Share> shares = new ArrayList<>();
        long weights = 0;
        for (BackendIntent backend : forward.backends()) {
            shares.add(share(backend, findings));
            weights += backend.weight();
        }
        if (shares.stream().noneMatch(Share::usable)) {
            return new Resolved(new RouteAction.Reject(503, "No backend of this route can be used."), List.of());
        }
        if (weights == 0) {
            findings.add(
                    DiagnosticCode.ZERO_WEIGHT,
                    fieldPath,
                    "every backend has weight 0, so requests are answered with 503 (expected: one weight of 1 or more)");
            return new Resolved(new RouteAction.Reject(503, "No backend of this route takes traffic."), List.of());
        }
        List<WeightedUpstream> upstreams = shares.stream()
                .map(share -> new WeightedUpstream(share.upstream().id(), share.weight()))
                .toList();
        return new Resolved(
                new RouteAction.Forward(
                        upstreams,
                        forward.rewrite(),
                        forward.requestHeaders(),
                        forward.responseHeaders(),
                        forward.timeouts()),
                shares);
    }

    private Share share(BackendIntent intent, Findings findings) {
        return switch (intent) {
            case InvalidBackend invalid ->
                unusable(invalid.namespace(), invalid.service(), invalid.port(), invalid.weight());
            case ServiceBackend backend ->
                usable(backend, findings)
                        .orElseGet(() -> unusable(
                                backend.namespace(),
                                backend.service(),
                                backend.port().toString(),
                                backend.weight()));
        };
    }

    /** An upstream of its own without endpoints: the share answers 503 and nobody else's state is touched. */
    private static Share unusable(String namespace, String service, String port, int weight) {
        String id = namespace + "/" + service + ":" + port + "#unusable";
        return new Share(
                new Upstream(id, id, null, Balancing.DEFAULT), new EndpointGroup(id, List.of()), weight, false);
    }

    private Optional<Share> usable(ServiceBackend backend, Findings findings) {
        ResourceRef ref = new ResourceRef("Service", backend.namespace(), backend.service());
        ServiceView service = cluster.service(ref);
        if (service == null) {
            findings.add(
                    DiagnosticCode.BACKEND_NOT_FOUND,
                    backend.fieldPath() + ".name",
                    ref + " does not exist (expected: a Service in this namespace); create it or correct the name");
            return Optional.empty();
        }
        boolean external = service.type().equals("ExternalName");
        if (external && !options.allowExternalName()) {
            findings.add(
                    DiagnosticCode.REF_NOT_PERMITTED,
                    backend.fieldPath() + ".name",
                    ref + " is of type ExternalName, which this installation does not permit (expected: a Service with"
                            + " endpoints); an administrator can permit it");
            return Optional.empty();
        }
        ServicePort port = port(service, backend.port(), external);
        if (port == null) {
            findings.add(
                    DiagnosticCode.PORT_NOT_FOUND,
                    backend.fieldPath() + ".port",
                    ref + " has no TCP port " + backend.port() + " (expected: " + ports(service)
                            + "); correct the port or add it to the Service");
            return Optional.empty();
        }
        Optional<Protocol> protocol = protocol(backend, port, findings);
        if (protocol.isEmpty()) {
            return Optional.empty();
        }
        Optional<TlsOutcome> tls = tls(backend, protocol.get(), findings);
        if (tls.isEmpty()) {
            return Optional.empty();
        }
        String name = service.externalName();
        EndpointGroups.Resolved endpoints = external
                ? groups.external(service, name == null ? "" : name, port.port())
                : groups.resolve(service, port);
        Issue.tell(endpoints.issues(), backend.fieldPath(), findings);
        if (endpoints.group().endpoints().isEmpty() && !external) {
            findings.add(
                    DiagnosticCode.NO_ENDPOINTS,
                    backend.fieldPath(),
                    ref + " has no ready endpoint for port " + backend.port()
                            + ", so requests are answered with 503 (expected: at least one ready pod); check its selector and"
                            + " the readiness of its pods");
        }
        String id = endpoints.group().id() + variant(backend.speech(), tls.get().tls());
        Upstream upstream = new Upstream(
                id, endpoints.group().id(), tls.get().tls(), backend.speech().balancing());
        return Optional.of(new Share(upstream, endpoints.group(), backend.weight(), true));
    }

    private static @Nullable ServicePort port(ServiceView service, PortRef ref, boolean external) {
        for (ServicePort port : service.ports()) {
            boolean found = switch (ref) {
                case PortRef.Number number -> port.port() == number.port();
                case PortRef.Name name -> port.name().equals(name.name());
            };
            if (found) {
                return port;
            }
        }
        // An ExternalName Service need not declare ports.
        return external && service.ports().isEmpty() && ref instanceof PortRef.Number(int number)
                ? new ServicePort("", number, null)
                : null;
    }

    private static String ports(ServiceView service) {
        String ports = service.ports().stream()
                .limit(10)
                .map(port -> port.name().isEmpty() ? "" + port.port() : port.port() + " or " + port.name())
                .collect(Collectors.joining(", "));
        return ports.isEmpty() ? "one of its ports, but it has none" : ports;
    }

    private static Optional<Protocol> protocol(ServiceBackend backend, ServicePort port, Findings findings) {
        Protocol explicit = backend.speech().protocol();
        if (explicit != null) {
            return Optional.of(explicit);
        }
        String appProtocol =
                port.appProtocol() == null ? "" : port.appProtocol().toLowerCase(Locale.ROOT);
        return switch (appProtocol) {
            case "https", "wss", "kubernetes.io/wss" -> Optional.of(Protocol.HTTPS);
            case "kubernetes.io/h2c", "h2c", "h2", "http2", "grpc", "grpcs", "kubernetes.io/grpc" -> {
                findings.add(
                        DiagnosticCode.UNSUPPORTED_PROTOCOL,
                        backend.fieldPath() + ".port",
                        "port " + port.port() + " of Service " + backend.service() + " has appProtocol "
                                + port.appProtocol()
                                + " (expected: http, https, kubernetes.io/ws or kubernetes.io/wss); change it, or name the"
                                + " protocol at the backend");
                yield Optional.empty();
            }
            default -> Optional.of(Protocol.HTTP);
        };
    }

    /** What TLS to use; null is none. */
    private record TlsOutcome(@Nullable BackendTls tls) {}

    private Optional<TlsOutcome> tls(ServiceBackend backend, Protocol protocol, Findings findings) {
        TlsSettings settings = backend.speech().tls();
        if (protocol == Protocol.HTTP) {
            if (settings != null) {
                findings.add(
                        DiagnosticCode.INVALID_SPEC,
                        settings.fieldPath(),
                        "asks for TLS, but the backend is spoken to by http (expected: protocol https or wss, here or as"
                                + " appProtocol of the Service port); the backend gets no traffic until one of the two changes");
                return Optional.empty();
            }
            return Optional.of(new TlsOutcome(null));
        }
        if (settings == null) {
            return Optional.of(new TlsOutcome(new BackendTls(BackendTls.Verification.VERIFY, null, null)));
        }
        String authorities = null;
        if (settings.caSecret() != null) {
            Certificates.Result<String> result =
                    certificates.authorities(new ResourceRef("Secret", backend.namespace(), settings.caSecret()));
            if (result.issue() != null) {
                findings.add(
                        result.issue().code(),
                        settings.fieldPath(),
                        result.issue().message());
                return Optional.empty();
            }
            authorities = result.value();
        }
        return Optional.of(new TlsOutcome(new BackendTls(settings.verification(), authorities, settings.serverName())));
    }

    /** The default variant has no suffix. The suffix is made of what the user wrote, so a renewed CA does not change it. */
    private static String variant(Speech speech, @Nullable BackendTls tls) {
        if (tls == null && speech.balancing().equals(Balancing.DEFAULT)) {
            return "";
        }
        TlsSettings settings = speech.tls();
        String text = (tls == null ? "http" : "https") + "\n"
                + (settings == null
                        ? BackendTls.Verification.VERIFY + " null null"
                        : settings.verification() + " " + settings.caSecret() + " " + settings.serverName())
                + "\n" + speech.balancing();
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return "#" + HexFormat.of().formatHex(digest, 0, 4);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
