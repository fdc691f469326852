package dev.holdfast.operator.compile.translate;

import dev.holdfast.operator.compile.translate.BackendIntent.PortRef;
import dev.holdfast.operator.compile.translate.BackendIntent.ServiceBackend;
import dev.holdfast.operator.compile.translate.IngressSettings.Fate;
import dev.holdfast.operator.compile.translate.RouteIntent.Place;
import dev.holdfast.operator.compile.translate.RouteIntent.Rank;
import dev.holdfast.operator.compile.translate.RouteIntent.Redirect;
import dev.holdfast.operator.compile.translate.Translation.Source;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.diagnostic.Findings;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.snapshot.ClusterSnapshot.IngressView;
import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.RouteMatch;
import io.fabric8.kubernetes.api.model.networking.v1.HTTPIngressPath;
import io.fabric8.kubernetes.api.model.networking.v1.IngressBackend;
import io.fabric8.kubernetes.api.model.networking.v1.IngressRule;
import io.fabric8.kubernetes.api.model.networking.v1.IngressServiceBackend;
import io.fabric8.kubernetes.api.model.networking.v1.IngressTLS;
import io.fabric8.kubernetes.api.model.networking.v1.ServiceBackendPort;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Translates one Ingress (networking.k8s.io/v1). Used once. */
public final class IngressTranslator {
    private final IngressView ingress;
    private final Source source;
    private final Findings findings;
    private final IngressSettings settings = new IngressSettings();
    private final List<RouteIntent> routes = new ArrayList<>();
    private final Set<HostPattern> hosts = new TreeSet<>();
    private final Set<HostPattern> hostsWithRoot = new HashSet<>();
    private IngressTlsHosts tls = IngressTlsHosts.NONE;

    private IngressTranslator(IngressView ingress) {
        this.ingress = ingress;
        this.source = Source.of("Ingress", ingress.meta());
        this.findings = new Findings(source.ref());
    }

    /** What an Ingress of our class asks for. */
    public static Translation translate(IngressView ingress) {
        return new IngressTranslator(ingress).translate();
    }

    private Translation translate() {
        TreeMap<String, String> annotations = new TreeMap<>(ingress.meta().annotations());
        new NginxAnnotations(ingress.meta().namespace(), settings, findings).read(annotations);
        new OwnAnnotations(settings, findings).read(annotations);
        if (settings.fate == Fate.LEAVE_OUT) {
            return Translation.nothing(source, findings.list());
        }
        List<IngressRule> rules = nonNull(ingress.spec().getRules());
        IngressBackend defaultBackend = ingress.spec().getDefaultBackend();
        List<Optional<HostPattern>> ruleHosts = new ArrayList<>();
        for (int i = 0; i < rules.size(); i++) {
            Optional<HostPattern> host = host(rules.get(i), i);
            host.ifPresent(hosts::add);
            ruleHosts.add(host);
        }
        if (rules.isEmpty()) {
            hosts.add(HostPattern.ANY);
        }
        tls = IngressTlsHosts.read(nonNull(ingress.spec().getTls()), findings);
        tellOfHostsWithoutTls(ruleHosts);
        for (int i = 0; i < rules.size(); i++) {
            int index = i;
            IngressRule rule = rules.get(i);
            ruleHosts.get(i).ifPresent(host -> rule(host, rule, index, defaultBackend != null));
        }
        if (defaultBackend != null) {
            defaultBackend(defaultBackend, rules.isEmpty());
        } else if (rules.isEmpty()) {
            findings.add(
                    DiagnosticCode.INVALID_SPEC,
                    "spec.rules",
                    "missing (expected: rules, or a defaultBackend, or both)");
        }
        return new Translation(
                source, routes, tls.certificates(hosts, source.ref().namespace()), findings.list());
    }

    private Optional<HostPattern> host(@Nullable IngressRule rule, int index) {
        String host = rule == null ? null : rule.getHost();
        return host == null || host.isEmpty()
                ? Optional.of(HostPattern.ANY)
                : Values.host(host, "spec.rules[" + index + "].host", findings);
    }

    /** ingress-nginx tries the names in the certificates for a host that no entry names; here the entries decide. */
    private void tellOfHostsWithoutTls(List<Optional<HostPattern>> ruleHosts) {
        String path = tls.hostsPath();
        Map<HostPattern, Integer> left = new LinkedHashMap<>();
        for (int i = 0; i < ruleHosts.size(); i++) {
            HostPattern host = ruleHosts.get(i).orElse(HostPattern.ANY);
            if (!host.equals(HostPattern.ANY) && !tls.covers(host)) {
                left.putIfAbsent(host, i);
            }
        }
        if (path == null || left.isEmpty()) {
            return;
        }
        Map.Entry<HostPattern, Integer> first = left.entrySet().iterator().next();
        String others = left.size() == 1 ? "" : ", nor " + (left.size() - 1) + " more of the hosts of its rules";
        findings.add(
                DiagnosticCode.FIELD_IGNORED,
                path,
                "no tls entry of this object names " + first.getKey() + " (spec.rules[" + first.getValue() + "].host)"
                        + others
                        + ", so without a certificate that another object names, https presents the default one"
                        + " and http is not redirected; ingress-nginx tries the names in the certificates, too"
                        + " (expected: each host in tls.hosts, or one that has no TLS in an Ingress of its own)");
    }

    private void rule(HostPattern host, @Nullable IngressRule rule, int index, boolean hasDefault) {
        List<HTTPIngressPath> paths = rule == null || rule.getHttp() == null
                ? List.of()
                : nonNull(rule.getHttp().getPaths());
        if (paths.isEmpty() && !hasDefault) {
            findings.add(
                    DiagnosticCode.FIELD_IGNORED,
                    "spec.rules[" + index + "].http",
                    "missing, so host " + host + " has no route here (expected: http.paths, or a defaultBackend)");
        }
        for (int j = 0; j < paths.size(); j++) {
            String at = "spec.rules[" + index + "].http.paths[" + j + "]";
            Place place = new Place(Rank.RULE, index, j, at);
            HTTPIngressPath path = paths.get(j);
            match(path, at).ifPresent(match -> {
                if (match.equals(PathMatch.ALL)) {
                    hostsWithRoot.add(host);
                }
                add(host, match, path == null ? null : path.getBackend(), at + ".backend", place);
            });
        }
    }

    private Optional<PathMatch> match(@Nullable HTTPIngressPath path, String at) {
        String text = path == null || path.getPath() == null || path.getPath().isEmpty() ? "/" : path.getPath();
        String type = path == null || path.getPathType() == null ? "ImplementationSpecific" : path.getPathType();
        return switch (type) {
            case "Exact" -> Values.path(PathMatch.Type.EXACT, text, at + ".path", findings);
            case "Prefix", "ImplementationSpecific" -> Values.path(PathMatch.Type.PREFIX, text, at + ".path", findings);
            default -> {
                findings.add(
                        DiagnosticCode.UNSUPPORTED_VALUE,
                        at + ".pathType",
                        Values.shown(type) + " (expected: Exact, Prefix or ImplementationSpecific)");
                yield Optional.empty();
            }
        };
    }

    private void defaultBackend(IngressBackend backend, boolean alone) {
        for (HostPattern host : hosts) {
            if (!hostsWithRoot.contains(host)) {
                Rank rank = alone ? Rank.RULE : Rank.DEFAULT_BACKEND;
                Place place = new Place(rank, 0, 0, "spec.defaultBackend");
                add(host, PathMatch.ALL, backend, "spec.defaultBackend", place);
            }
        }
    }

    private void add(HostPattern host, PathMatch path, @Nullable IngressBackend backend, String at, Place place) {
        boolean covered = settings.redirect == Redirect.WITH_CERTIFICATE && tls.covers(host);
        Redirect redirect = covered ? Redirect.ALWAYS : settings.redirect;
        routes.add(new RouteIntent(host, RouteMatch.ofPath(path), action(path, backend, at), redirect, place));
    }

    private ActionIntent action(PathMatch path, @Nullable IngressBackend backend, String at) {
        Optional<ActionIntent> action = backend(path, backend, at)
                .map(service -> new ActionIntent.Forward(
                        List.of(service),
                        settings.rewrite(path),
                        HeaderChanges.NONE,
                        HeaderChanges.NONE,
                        settings.timeouts()));
        return settings.fate == Fate.REJECT || action.isEmpty()
                ? new ActionIntent.Reject("This route asks for something that cannot be served.")
                : action.get();
    }

    private Optional<ServiceBackend> backend(PathMatch path, @Nullable IngressBackend backend, String at) {
        if (backend != null && backend.getResource() != null) {
            String kind = backend.getResource().getKind();
            findings.add(
                    DiagnosticCode.INVALID_KIND,
                    at + ".resource",
                    Values.shown(kind == null ? "" : kind)
                            + " (expected: a Service; use service.name and service.port)");
            return Optional.empty();
        }
        IngressServiceBackend service = backend == null ? null : backend.getService();
        if (service == null || service.getName() == null || service.getName().isEmpty()) {
            findings.add(
                    DiagnosticCode.INVALID_SPEC, at + ".service", "missing (expected: service.name and service.port)");
            return Optional.empty();
        }
        return port(service.getPort(), at)
                .map(port -> new ServiceBackend(
                        at + ".service", source.ref().namespace(), service.getName(), port, 1, settings.speech(path)));
    }

    private Optional<PortRef> port(@Nullable ServiceBackendPort port, String at) {
        Integer number = port == null ? null : port.getNumber();
        String name = port == null ? null : port.getName();
        if (number != null && number != 0) {
            return Optional.of(new PortRef.Number(number));
        }
        if (name != null && !name.isEmpty()) {
            return Optional.of(new PortRef.Name(name));
        }
        findings.add(DiagnosticCode.INVALID_SPEC, at + ".service.port", "missing (expected: number or name)");
        return Optional.empty();
    }

    private static <T> List<T> nonNull(@Nullable List<T> list) {
        return list == null ? List.of() : list;
    }

    /**
     * The hosts that {@code spec.tls} covers.
     *
     * @param hostsPath the hosts of the first entry that names a Secret; null when none does
     */
    private record IngressTlsHosts(
            TreeMap<HostPattern, TlsEntry> byHost,
            @Nullable TlsEntry everyHost,
            @Nullable String hostsPath) {
        static final IngressTlsHosts NONE = new IngressTlsHosts(new TreeMap<>(), null, null);

        /**
         * One entry of {@code spec.tls}.
         *
         * @param secret null: the default certificate
         */
        record TlsEntry(@Nullable String secret, String fieldPath) {}

        static IngressTlsHosts read(List<IngressTLS> entries, Findings findings) {
            TreeMap<HostPattern, TlsEntry> byHost = new TreeMap<>();
            TlsEntry everyHost = null;
            String hostsPath = null;
            for (int i = 0; i < entries.size(); i++) {
                IngressTLS entry = entries.get(i);
                String at = "spec.tls[" + i + "]";
                String secret = entry == null ? null : entry.getSecretName();
                TlsEntry named = new TlsEntry(secret == null || secret.isEmpty() ? null : secret, at + ".secretName");
                if (hostsPath == null && named.secret() != null) {
                    hostsPath = at + ".hosts";
                }
                List<String> names = entry == null ? List.of() : nonNull(entry.getHosts());
                for (int j = 0; j < names.size(); j++) {
                    String name = names.get(j) == null || names.get(j).isEmpty() ? "*" : names.get(j);
                    Values.host(name, at + ".hosts[" + j + "]", findings)
                            .ifPresent(host -> byHost.merge(
                                    host, named, (first, later) -> first.secret() == null ? later : first));
                }
                if (names.isEmpty() && (everyHost == null || everyHost.secret() == null)) {
                    everyHost = named;
                }
            }
            return new IngressTlsHosts(byHost, everyHost, hostsPath);
        }

        boolean covers(HostPattern host) {
            return of(host) != null;
        }

        /** The entry that names the host, else one for every host, else one that names its wildcard. */
        private @Nullable TlsEntry of(HostPattern host) {
            TlsEntry named = byHost.get(host);
            if (named == null) {
                named = everyHost;
            }
            int dot = host.value().indexOf('.');
            if (named == null && dot > 0 && !host.isWildcard() && !host.value().startsWith("[")) {
                named = byHost.get(new HostPattern("*" + host.value().substring(dot)));
            }
            return named;
        }

        /** The certificates that the hosts of the rules, and those that only {@code spec.tls} names, shall have. */
        List<TlsIntent> certificates(Set<HostPattern> ruleHosts, String namespace) {
            Set<HostPattern> all = new TreeSet<>(byHost.keySet());
            all.addAll(ruleHosts);
            List<TlsIntent> certificates = new ArrayList<>();
            for (HostPattern host : all) {
                TlsEntry named = of(host);
                String secret = named == null ? null : named.secret();
                if (named != null && secret != null) {
                    certificates.add(
                            new TlsIntent(host, new ResourceRef("Secret", namespace, secret), named.fieldPath()));
                }
            }
            return certificates;
        }
    }
}
