package dev.holdfast.operator.compile;

import dev.holdfast.operator.compile.BackendResolver.Resolved;
import dev.holdfast.operator.compile.BackendResolver.Share;
import dev.holdfast.operator.compile.CompileResult.Subject;
import dev.holdfast.operator.compile.translate.ActionIntent;
import dev.holdfast.operator.compile.translate.ClassSelector;
import dev.holdfast.operator.compile.translate.IngressTranslator;
import dev.holdfast.operator.compile.translate.RouteIntent;
import dev.holdfast.operator.compile.translate.RouteIntent.Rank;
import dev.holdfast.operator.compile.translate.TlsIntent;
import dev.holdfast.operator.compile.translate.Translation;
import dev.holdfast.operator.compile.translate.Translation.Source;
import dev.holdfast.operator.compile.translate.WebSocketRouteTranslator;
import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.diagnostic.Findings;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.snapshot.ClusterSnapshot;
import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.VirtualHost;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Compiles the whole snapshot, every time; the result depends on nothing else and not on the order of its lists.
 * Remembers what the last compile parsed and built, which changes how long it takes and never what comes out: entries
 * that are equal to those of the last table are the same objects. Not thread-safe.
 */
public final class RouteTableCompiler {
    private RouteTable last = RouteTable.EMPTY;
    private @Nullable Certificates lastCertificates;

    /** Compiles a snapshot; never throws for what users wrote. */
    public CompileResult compile(ClusterSnapshot snapshot, CompileOptions options) {
        ClusterIndex cluster = new ClusterIndex(snapshot);
        Certificates certificates = new Certificates(cluster, lastCertificates);
        lastCertificates = certificates;
        Run run = new Run(new BackendResolver(cluster, certificates, options), certificates);
        List<Translation> translations = translate(snapshot, options);
        // A default backend yields to every rule, however young, so rules claim their hosts first.
        translations.forEach(translation -> run.claim(translation, Rank.RULE));
        translations.forEach(translation -> run.claim(translation, Rank.DEFAULT_BACKEND));
        translations.forEach(run::certificates);
        last = run.table(last);
        return new CompileResult(last, run.diagnostics(), run.subjects(translations), cluster.references());
    }

    /** Every object of our class, the oldest first. */
    private static List<Translation> translate(ClusterSnapshot snapshot, CompileOptions options) {
        ClassSelector classes = new ClassSelector(snapshot.classes(), options.controllerValue(), options.className());
        List<Translation> translations = new ArrayList<>();
        snapshot.ingresses().stream()
                .filter(classes::isOurs)
                .map(view -> guarded(Source.of("Ingress", view.meta()), () -> IngressTranslator.translate(view)))
                .forEach(translations::add);
        snapshot.webSocketRoutes().stream()
                .filter(classes::isOurs)
                .map(view -> guarded(
                        Source.of("WebSocketRoute", view.meta()), () -> WebSocketRouteTranslator.translate(view)))
                .forEach(translations::add);
        Collections.sort(translations);
        return translations;
    }

    /** One object that nobody foresaw must never keep the others from being served. */
    private static Translation guarded(Source source, Supplier<Translation> translation) {
        try {
            return translation.get();
        } catch (RuntimeException e) {
            Findings findings = new Findings(source.ref());
            findings.add(DiagnosticCode.INVALID_SPEC, "spec", unforeseen(e));
            return Translation.nothing(source, findings.list());
        }
    }

    private static String unforeseen(RuntimeException e) {
        return e instanceof IllegalArgumentException refusal
                ? String.valueOf(refusal.getMessage())
                : "cannot be compiled (" + e.getClass().getSimpleName() + "); please report it";
    }

    /** One compile. */
    private static final class Run {
        private final BackendResolver backends;
        private final Certificates certificates;
        private final HostAssembly hosts = new HostAssembly();
        private final Map<ResourceRef, Findings> findings = new TreeMap<>();
        private final Map<ActionIntent, Resolved> actions = new IdentityHashMap<>();
        private final Map<ResourceRef, Map<String, Long>> ready = new HashMap<>();
        private final Map<ResourceRef, Integer> routes = new HashMap<>();
        private final NavigableMap<String, Upstream> upstreams = new TreeMap<>();
        private final NavigableMap<String, EndpointGroup> groups = new TreeMap<>();
        private final Map<String, Certificate> certificatesById = new HashMap<>();

        Run(BackendResolver backends, Certificates certificates) {
            this.backends = backends;
            this.certificates = certificates;
        }

        void claim(Translation translation, Rank rank) {
            ResourceRef owner = translation.source().ref();
            Findings found = findings.computeIfAbsent(owner, Findings::new);
            if (rank == Rank.RULE) {
                found.addAll(translation.diagnostics());
            }
            for (RouteIntent intent : translation.routes()) {
                if (intent.place().rank() != rank) {
                    continue;
                }
                Resolved resolved = actions.get(intent.action());
                if (resolved == null) {
                    resolved = resolve(intent, found);
                    actions.put(intent.action(), resolved);
                    Map<String, Long> groupsReady = ready.computeIfAbsent(owner, key -> new HashMap<>());
                    resolved.shares()
                            .forEach(share -> groupsReady.put(share.group().id(), share.ready()));
                }
                if (hosts.claim(owner, intent, resolved.action(), found)) {
                    routes.merge(owner, 1, Integer::sum);
                    for (Share share : resolved.shares()) {
                        upstreams.putIfAbsent(share.upstream().id(), share.upstream());
                        groups.putIfAbsent(share.group().id(), share.group());
                    }
                }
            }
        }

        private Resolved resolve(RouteIntent intent, Findings found) {
            try {
                return backends.resolve(intent.action(), intent.place().fieldPath(), found);
            } catch (RuntimeException e) {
                found.add(DiagnosticCode.INVALID_SPEC, intent.place().fieldPath(), unforeseen(e));
                return new Resolved(
                        new RouteAction.Reject(503, "This route asks for something that cannot be served."), List.of());
            }
        }

        void certificates(Translation translation) {
            ResourceRef owner = translation.source().ref();
            Findings found = findings.computeIfAbsent(owner, Findings::new);
            for (TlsIntent tls : translation.certificates()) {
                Certificates.Result<Certificate> result = certificates.certificate(tls.secret());
                if (result.value() != null) {
                    certificatesById.put(result.value().id(), result.value());
                }
                if (result.issue() != null) {
                    found.add(
                            result.issue().code(),
                            tls.fieldPath(),
                            result.issue().message());
                }
                hosts.certificate(owner, tls, result, found);
            }
        }

        RouteTable table(RouteTable last) {
            List<VirtualHost> built = hosts.virtualHosts();
            NavigableMap<String, VirtualHost> byName = new TreeMap<>();
            NavigableMap<String, Certificate> used = new TreeMap<>();
            for (VirtualHost host : built) {
                byName.put(host.host().value(), host);
                Certificate certificate = host.certificate() == null ? null : certificatesById.get(host.certificate());
                if (certificate != null) {
                    used.put(certificate.id(), certificate);
                }
            }
            return new RouteTable(
                    keep(byName, last.virtualHosts()),
                    keep(upstreams, last.upstreams()),
                    keep(groups, last.endpoints()),
                    keep(used, last.certificates()));
        }

        private static <T> NavigableMap<String, T> keep(NavigableMap<String, T> current, Map<String, T> last) {
            current.replaceAll((key, value) -> {
                T known = last.get(key);
                return value.equals(known) ? known : value;
            });
            return current;
        }

        List<Diagnostic> diagnostics() {
            return findings.values().stream()
                    .flatMap(found -> found.list().stream())
                    .toList();
        }

        Map<ResourceRef, Subject> subjects(List<Translation> translations) {
            return translations.stream()
                    .collect(Collectors.toMap(
                            translation -> translation.source().ref(), this::subject, (older, younger) -> older));
        }

        private Subject subject(Translation translation) {
            ResourceRef owner = translation.source().ref();
            long endpoints = ready.getOrDefault(owner, Map.of()).values().stream()
                    .mapToLong(Long::longValue)
                    .sum();
            return new Subject(
                    translation.source().generation(),
                    (int) Math.min(endpoints, Integer.MAX_VALUE),
                    routes.getOrDefault(owner, 0));
        }
    }
}
