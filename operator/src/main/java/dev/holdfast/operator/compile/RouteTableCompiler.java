package dev.holdfast.operator.compile;

import dev.holdfast.operator.compile.BackendResolver.Resolved;
import dev.holdfast.operator.compile.BackendResolver.Share;
import dev.holdfast.operator.compile.CompileResult.Subject;
import dev.holdfast.operator.compile.translate.ActionIntent;
import dev.holdfast.operator.compile.translate.RouteIntent;
import dev.holdfast.operator.compile.translate.TlsIntent;
import dev.holdfast.operator.compile.translate.Translation;
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
import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Compiles the whole snapshot, every time; the result depends on nothing else and not on the order of its lists.
 * Remembers what the last compile parsed and built, which changes how long it takes and never what comes out: entries
 * that are equal to those of the last table are the same objects. Not thread-safe.
 */
public final class RouteTableCompiler {
    private final Translations memory = new Translations();
    private RouteTable last = RouteTable.EMPTY;
    private @Nullable CompileOptions lastOptions;
    private @Nullable Run lastRun;
    private @Nullable Certificates lastCertificates;

    /** Compiles a snapshot; never throws for what users wrote. */
    public CompileResult compile(ClusterSnapshot snapshot, CompileOptions options) {
        Run before = options.equals(lastOptions) ? lastRun : null;
        ClusterIndex cluster = new ClusterIndex(snapshot, before == null ? null : before.cluster);
        Certificates certificates = new Certificates(cluster, lastCertificates);
        lastCertificates = certificates;
        Run run = new Run(cluster, new BackendResolver(cluster, certificates, options), certificates, before);
        List<Translation> translations = memory.of(snapshot, options);
        translations.forEach(run::claim);
        run.hosts.tellLostDefaults();
        translations.forEach(run::certificates);
        last = run.table(last);
        lastRun = run;
        lastOptions = options;
        return new CompileResult(last, run.diagnostics(), run.subjects(translations), cluster.references());
    }

    /** One compile. */
    private static final class Run {
        private final ClusterIndex cluster;
        private final BackendResolver backends;
        private final Certificates certificates;
        private final HostAssembly hosts;
        private final Map<ResourceRef, Findings> findings = new HashMap<>();
        private final Map<ActionIntent, Kept> actions = new IdentityHashMap<>();
        private final Map<ActionIntent, Kept> lastActions;
        private final Map<ResourceRef, Map<String, Long>> ready = new HashMap<>();
        private final Map<ResourceRef, Integer> routes = new HashMap<>();
        private final NavigableMap<String, Upstream> upstreams = new TreeMap<>();
        private final NavigableMap<String, EndpointGroup> groups = new TreeMap<>();
        private final Map<String, Certificate> certificatesById = new HashMap<>();

        /**
         * A resolved action.
         *
         * @param needs what it was resolved from; null: more than can be compared
         */
        private record Kept(
                Resolved resolved,
                List<Diagnostic> diagnostics,
                @Nullable List<ClusterIndex.Behind> needs) {
            boolean isCurrent(ClusterIndex cluster) {
                if (needs == null) {
                    return false;
                }
                for (ClusterIndex.Behind need : needs) {
                    if (cluster.behind(need.ref) != need) {
                        return false;
                    }
                }
                return true;
            }
        }

        /** Takes over from {@code last} what depends on nothing that changed; null: nothing. */
        Run(ClusterIndex cluster, BackendResolver backends, Certificates certificates, @Nullable Run last) {
            this.cluster = cluster;
            this.backends = backends;
            this.certificates = certificates;
            this.hosts = new HostAssembly(last == null ? null : last.hosts);
            this.lastActions = last == null ? Map.of() : last.actions;
        }

        void claim(Translation translation) {
            ResourceRef owner = translation.source().ref();
            Findings found = findings.computeIfAbsent(owner, Findings::new);
            found.addAll(translation.diagnostics());
            for (RouteIntent intent : translation.routes()) {
                Kept kept = actions.get(intent.action());
                boolean isFirst = kept == null;
                if (kept == null) {
                    kept = keep(intent, owner);
                    actions.put(intent.action(), kept);
                }
                Resolved resolved = kept.resolved;
                if (isFirst) {
                    found.addAll(kept.diagnostics);
                    Map<String, Long> groupsReady = ready.computeIfAbsent(owner, key -> new HashMap<>());
                    resolved.shares()
                            .forEach(share ->
                                    groupsReady.computeIfAbsent(share.group().id(), id -> share.ready()));
                }
                hosts.claim(owner, intent, resolved, found);
            }
        }

        private void served(ResourceRef owner, RouteIntent intent) {
            routes.merge(owner, 1, Integer::sum);
            Kept kept = Objects.requireNonNull(actions.get(intent.action()), "what was claimed was resolved");
            for (Share share : kept.resolved.shares()) {
                upstreams.putIfAbsent(share.upstream().id(), share.upstream());
                groups.putIfAbsent(share.group().id(), share.group());
            }
        }

        private Kept keep(RouteIntent intent, ResourceRef owner) {
            Kept last = lastActions.get(intent.action());
            if (last != null && last.isCurrent(cluster)) {
                return last;
            }
            Findings own = new Findings(owner);
            Resolved resolved = resolve(intent, own);
            return new Kept(
                    resolved, own.list(), backends.needs(intent.action()).orElse(null));
        }

        private Resolved resolve(RouteIntent intent, Findings found) {
            try {
                return backends.resolve(intent.action(), intent.place().fieldPath(), found);
            } catch (RuntimeException e) {
                found.add(DiagnosticCode.INVALID_SPEC, intent.place().fieldPath(), Translations.unforeseen(e));
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
            hosts.forEachServed(this::served);
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
            List<Findings> told = new ArrayList<>();
            for (Findings found : findings.values()) {
                if (!found.isEmpty()) {
                    told.add(found);
                }
            }
            told.sort(Comparator.comparing(Findings::subject));
            return told.stream().flatMap(found -> found.list().stream()).toList();
        }

        Map<ResourceRef, Subject> subjects(List<Translation> translations) {
            Map<ResourceRef, Subject> subjects = HashMap.newHashMap(translations.size());
            for (Translation translation : translations) {
                subjects.putIfAbsent(translation.source().ref(), subject(translation));
            }
            return subjects;
        }

        private Subject subject(Translation translation) {
            ResourceRef owner = translation.source().ref();
            long endpoints = 0;
            for (long count : ready.getOrDefault(owner, Map.of()).values()) {
                endpoints += count;
            }
            return new Subject(
                    translation.source().uid(),
                    translation.source().generation(),
                    (int) Math.min(endpoints, Integer.MAX_VALUE),
                    routes.getOrDefault(owner, 0));
        }
    }
}
