package dev.holdfast.operator.watch;

import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.snapshot.ClusterSnapshot;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ClassView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.EndpointSliceView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.IngressView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.Meta;
import dev.holdfast.operator.snapshot.ClusterSnapshot.SecretView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ServiceView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.WebSocketRouteView;
import dev.holdfast.operator.snapshot.ObjectSource;
import dev.holdfast.operator.snapshot.Views;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.fabric8.kubernetes.api.model.networking.v1.Ingress;
import io.fabric8.kubernetes.api.model.networking.v1.IngressClass;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.FilterWatchListDeletable;
import io.fabric8.kubernetes.client.dsl.MixedOperation;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cluster as a source of objects: one informer per kind, each keeping slim views. No snapshot is complete before the
 * first list of every kind is; after that a kind that cannot be read any more keeps its last state. WebSocketRoutes are
 * read untyped, so that one that cannot be read blocks no other, and a cluster that does not know them yet is served
 * without them until it does.
 */
public final class ClusterWatcher implements ObjectSource {
    /** A Secret of another type than kubernetes.io/tls is seen if it has this label with the value {@code true}. */
    public static final String SECRET_LABEL = "holdfast.dev/watch";

    private static final Logger LOG = LoggerFactory.getLogger(ClusterWatcher.class);
    private static final Duration COMPLAINT_PERIOD = Duration.ofSeconds(30);
    private static final String ROUTE_KIND = "WebSocketRoute";

    private static final ResourceDefinitionContext ROUTES = new ResourceDefinitionContext.Builder()
            .withGroup("holdfast.dev")
            .withVersion("v1alpha1")
            .withKind(ROUTE_KIND)
            .withPlural("websocketroutes")
            .withNamespaced(true)
            .build();

    private final KubernetesClient client;
    private final WatchConfig config;
    private final KindWatch.Context context;
    private final ScheduledExecutorService restarts = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("watch-restarts").factory());
    private final List<KindWatch<?>> watches = new ArrayList<>();
    private final List<ViewStore<IngressClass, ClassView>> classes = new ArrayList<>();
    private final List<ViewStore<Ingress, IngressView>> ingresses = new ArrayList<>();
    private final List<ViewStore<GenericKubernetesResource, WebSocketRouteView>> routes = new ArrayList<>();
    private final List<ViewStore<Service, ServiceView>> services = new ArrayList<>();
    private final List<ViewStore<EndpointSlice, EndpointSliceView>> slices = new ArrayList<>();
    private final List<ViewStore<Secret, SecretView>> secrets = new ArrayList<>();
    private final ChangeFilter filter = new ChangeFilter(this::signal);
    private final CompletableFuture<Void> routesKnown = new CompletableFuture<>();
    private final CompletableFuture<Void> routesAbsent = new CompletableFuture<>();
    private volatile @Nullable Runnable onChange;
    private volatile long lastEventNanos = System.nanoTime();

    /**
     * How one kind is watched.
     *
     * @param stores take one store per informer
     * @param reference what compile refers to the object by; null for a kind that it reads whole
     */
    private record Kind<T extends HasMetadata, V>(
            String name,
            List<ViewStore<T, V>> stores,
            ViewStore.Reading<T, V> reading,
            @Nullable Function<V, ResourceRef> reference) {}

    /** Watches through {@code client}, which stays open when this closes. */
    public ClusterWatcher(KubernetesClient client, WatchConfig config, MeterRegistry registry) {
        this.client = client;
        this.config = config;
        this.context = new KindWatch.Context(
                restarts,
                config.silenceMax(),
                kind -> Counter.builder("holdfast.operator.watch.errors")
                        .description("Watches that failed and are tried again, by kind")
                        .tag("kind", kind)
                        .register(registry)
                        .increment(),
                this::absent);
        Gauge.builder("holdfast.operator.last.event.age", this, ClusterWatcher::lastEventSeconds)
                .description("Seconds since the API server last reported a change that matters")
                .baseUnit("seconds")
                .register(registry);
    }

    /** Completes when the cluster knows WebSocketRoutes. */
    public CompletableFuture<Void> routesKnown() {
        return routesKnown;
    }

    /** Tells what the last compile read; changes of other Services and Secrets signal nothing. */
    public void references(Set<ResourceRef> references) {
        filter.references(references);
    }

    @Override
    public void start(Runnable signal) throws InterruptedException {
        this.onChange = signal;
        watchAll();
        watches.forEach(KindWatch::start);
        CompletableFuture<?>[] complete = watches.stream()
                .map(watch -> watch.kind().equals(ROUTE_KIND)
                        ? CompletableFuture.anyOf(watch.complete(), routesAbsent)
                        : watch.complete())
                .toArray(CompletableFuture[]::new);
        await(CompletableFuture.allOf(complete));
        LOG.info("watching namespaces={}", config.namespaces().isEmpty() ? "all" : config.namespaces());
    }

    @Override
    public ClusterSnapshot snapshot() {
        return new ClusterSnapshot(
                sorted(classes, ClassView::name),
                sorted(ingresses, view -> key(view.meta())),
                sorted(routes, view -> key(view.meta())),
                sorted(services, view -> key(view.meta())),
                sorted(slices, view -> key(view.meta())),
                sorted(secrets, view -> key(view.meta())));
    }

    @Override
    public void close() {
        onChange = null;
        restarts.shutdownNow();
        watches.forEach(KindWatch::close);
    }

    private void watchAll() {
        watch(
                new Kind<>("IngressClass", classes, reading(Views::ingressClass, IngressClass::new), null),
                List.of(client.network().v1().ingressClasses()));
        watch(
                new Kind<>("Ingress", ingresses, reading(Views::ingress, Ingress::new), null),
                scoped(client.network().v1().ingresses()));
        // The generated classes have no equals; the generation stands for the spec, and its hash where there is none.
        ViewStore.Reading<GenericKubernetesResource, WebSocketRouteView> routeReading = new ViewStore.Reading<>(
                Views::webSocketRoute,
                (object, view) -> List.of(view.meta(), specHash(object)),
                GenericKubernetesResource::new);
        watch(new Kind<>(ROUTE_KIND, routes, routeReading, null), scoped(client.genericKubernetesResources(ROUTES)));
        watch(
                new Kind<>(
                        "Service",
                        services,
                        reading(Views::service, Service::new),
                        view -> view.meta().ref("Service")),
                scoped(client.services()));
        watch(
                new Kind<>(
                        "EndpointSlice",
                        slices,
                        reading(Views::endpointSlice, EndpointSlice::new),
                        view -> new ResourceRef("Service", view.meta().namespace(), view.service())),
                scoped(client.discovery().v1().endpointSlices()));
        watch(
                new Kind<>(
                        "Secret",
                        secrets,
                        reading(Views::secret, Secret::new),
                        view -> view.meta().ref("Secret")),
                secretsWatched());
        watches.stream()
                .filter(watch -> watch.kind().equals(ROUTE_KIND))
                .forEach(watch -> watch.complete().thenRun(this::routesComplete));
    }

    /** Every Secret of the cluster would be a burden and a risk: only certificates, and those that say so. */
    private List<FilterWatchListDeletable<Secret, ?, ?>> secretsWatched() {
        List<FilterWatchListDeletable<Secret, ?, ?>> watched = new ArrayList<>();
        for (FilterWatchListDeletable<Secret, ?, ?> scope : scoped(client.secrets())) {
            watched.add(scope.withField("type", "kubernetes.io/tls"));
        }
        for (FilterWatchListDeletable<Secret, ?, ?> scope : scoped(client.secrets())) {
            watched.add(scope.withLabel(SECRET_LABEL, "true"));
        }
        return watched;
    }

    private <T extends HasMetadata> List<FilterWatchListDeletable<T, ?, ?>> scoped(MixedOperation<T, ?, ?> all) {
        if (config.namespaces().isEmpty()) {
            return List.of(all.inAnyNamespace());
        }
        List<FilterWatchListDeletable<T, ?, ?>> scopes = new ArrayList<>();
        config.namespaces().forEach(namespace -> scopes.add(all.inNamespace(namespace)));
        return scopes;
    }

    private <T extends HasMetadata, V> void watch(
            Kind<T, V> kind, List<? extends FilterWatchListDeletable<T, ?, ?>> scopes) {
        for (FilterWatchListDeletable<T, ?, ?> scope : scopes) {
            ViewStore<T, V> store =
                    new ViewStore<>(kind.reading, (before, after) -> changed(kind.reference, before, after));
            kind.stores.add(store);
            watches.add(new KindWatch<>(kind.name, scope, store, context));
        }
    }

    private <V> void changed(@Nullable Function<V, ResourceRef> reference, @Nullable V before, @Nullable V after) {
        lastEventNanos = System.nanoTime();
        if (reference == null) {
            signal();
            return;
        }
        if (before != null) {
            filter.changed(reference.apply(before));
        }
        if (after != null) {
            filter.changed(reference.apply(after));
        }
    }

    private void signal() {
        Runnable listener = onChange;
        if (listener != null) {
            listener.run();
        }
    }

    private void absent(String kind) {
        if (!kind.equals(ROUTE_KIND)) {
            LOG.warn("the API server does not know kind={}; is it Kubernetes 1.21 or later?", kind);
        } else if (routesAbsent.complete(null)) {
            LOG.warn(
                    "the cluster does not know WebSocketRoutes: Ingresses are served, WebSocketRoutes as soon as the CRD"
                            + " websocketroutes.holdfast.dev is installed");
        }
    }

    private void routesComplete() {
        if (routesKnown.complete(null) && routesAbsent.isDone()) {
            LOG.info("the cluster knows WebSocketRoutes now");
            signal();
        }
    }

    private void await(CompletableFuture<Void> complete) throws InterruptedException {
        while (true) {
            try {
                complete.get(COMPLAINT_PERIOD.toMillis(), TimeUnit.MILLISECONDS);
                return;
            } catch (TimeoutException e) {
                List<String> missing = watches.stream()
                        .filter(watch -> !watch.complete().isDone())
                        .map(KindWatch::kind)
                        .distinct()
                        .toList();
                LOG.warn("no table yet: still waiting for the first list of kinds={}", missing);
            } catch (ExecutionException e) {
                throw new IllegalStateException("a first list never fails, it is repeated", e);
            }
        }
    }

    private double lastEventSeconds() {
        return (System.nanoTime() - lastEventNanos) / 1e9;
    }

    private static int specHash(GenericKubernetesResource object) {
        Object spec = object.getAdditionalProperties().get("spec");
        return spec == null ? 0 : spec.hashCode();
    }

    private static <T extends HasMetadata, V> ViewStore.Reading<T, V> reading(Function<T, V> view, Supplier<T> stub) {
        return new ViewStore.Reading<>(view, (object, made) -> made, stub);
    }

    private static <T extends HasMetadata, V> Collection<V> values(
            List<ViewStore<T, V>> stores, Function<V, String> key) {
        Map<String, V> byKey = new TreeMap<>();
        stores.forEach(store -> store.views().forEach(view -> byKey.put(key.apply(view), view)));
        return byKey.values();
    }

    private static <T extends HasMetadata, V> List<V> sorted(List<ViewStore<T, V>> stores, Function<V, String> key) {
        return List.copyOf(values(stores, key));
    }

    private static String key(Meta meta) {
        return meta.namespace() + "/" + meta.name();
    }
}
