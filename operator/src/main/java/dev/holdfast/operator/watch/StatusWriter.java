package dev.holdfast.operator.watch;

import dev.holdfast.operator.compile.CompileResult;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.publish.ApplyReports;
import dev.holdfast.operator.snapshot.ClusterSnapshot.WebSocketRouteView;
import dev.holdfast.routetable.TableVersion;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.networking.v1.Ingress;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.javaoperatorsdk.operator.Operator;
import io.javaoperatorsdk.operator.api.config.ControllerConfigurationOverrider;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.monitoring.micrometer.MicrometerMetrics;
import io.javaoperatorsdk.operator.processing.retry.GenericRetry;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Status and Events, written by two JOSDK reconcilers. They run on every replica with a full cache and write on the
 * leader only. Nothing here touches the path from snapshot to table: while the API server refuses writes, tables flow.
 */
public final class StatusWriter implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(StatusWriter.class);
    private static final String FIELD_MANAGER = "holdfast-operator";
    private static final int THREADS = 8;
    private static final Duration REPAIR_PERIOD = Duration.ofMinutes(5);
    private static final Duration STOP_WAIT = Duration.ofSeconds(3);

    private final KubernetesClient client;
    private final WatchConfig watch;
    private final StatusContext context;
    private final StatusFeed feed;
    private final AddressSource addresses;
    private final EventWriter events;
    private final SentStatuses sent = new SentStatuses();
    private final StatusKick<Ingress> ingressKick = new StatusKick<>("compiled-ingress");
    private final StatusKick<RouteStatusResource> routeKick = new StatusKick<>("compiled-route");
    // One per kind: an Operator takes no controller once it started, and the second kind may be known only later.
    private final Operator ingressOperator;
    private final Operator routeOperator;
    private volatile boolean closed;

    /**
     * What a writer needs.
     *
     * @param client a client of its own, which stays open when the writer closes
     * @param leader whether this replica may write
     */
    public record Wiring(KubernetesClient client, WatchConfig watch, BooleanSupplier leader, ApplyReports reports) {}

    /** Does nothing before {@link #start}. */
    public StatusWriter(Wiring wiring, StatusConfig config, MeterRegistry registry) {
        this.client = wiring.client();
        this.watch = wiring.watch();
        this.feed = new StatusFeed(config, wiring.reports(), this::kick);
        this.context = new StatusContext(feed, wiring.leader(), config, sent, registry);
        this.addresses = new AddressSource(config, feed::repeat);
        this.events = new EventWriter(client, InstantSource.system());
        this.ingressOperator = josdk(config, registry);
        this.routeOperator = josdk(config, registry);
    }

    private Operator josdk(StatusConfig config, MeterRegistry registry) {
        return new Operator(override -> override.withKubernetesClient(client)
                .withCloseClientOnStop(false)
                .checkingCRDAndValidateLocalModel(false)
                .withConcurrentReconciliationThreads(THREADS)
                .withMetrics(MicrometerMetrics.withoutPerResourceMetrics(registry))
                .withUseSSAToPatchPrimaryResource(config.patch() == StatusConfig.Patch.SERVER_SIDE_APPLY)
                .withStopOnInformerErrorDuringStartup(false)
                .withReconciliationTerminationTimeout(STOP_WAIT)
                .withInformerStoppedHandler((informer, problem) -> {
                    if (!closed) {
                        LOG.error("an informer of the status writer stopped; status stands still", problem);
                    }
                }));
    }

    /** Starts to write, in the background; WebSocketRoutes once the cluster knows them. */
    public void start(CompletableFuture<Void> routesKnown) {
        addresses.start(client);
        feed.start();
        background(IngressReconciler.KIND, ingressOperator, this::registerIngresses);
        routesKnown.thenRun(() -> background(WebSocketRouteReconciler.KIND, routeOperator, this::registerRoutes));
    }

    private void registerIngresses(String scope) {
        register(
                ingressOperator,
                scope,
                new IngressReconciler(context, ingressKick.source(scope), addresses, events),
                "ingress-status",
                new SlimStatusStore<>(ingress -> ingress.setSpec(null)));
    }

    private void registerRoutes(String scope) {
        register(
                routeOperator,
                scope,
                new WebSocketRouteReconciler(context, routeKick.source(scope), InstantSource.system()),
                "websocketroute-status",
                new SlimStatusStore<>(route -> {}));
    }

    /**
     * Takes a finished compile; does not block.
     *
     * @param routes every WebSocketRoute that there is, of whatever class
     */
    public void compiled(CompileResult result, TableVersion version, List<WebSocketRouteView> routes) {
        feed.compiled(result, version, routes);
        events.retain(result.subjects().keySet());
        sent.retain(result.subjects().keySet());
    }

    /** Looks at every object again, for this replica became the leader. */
    public void lead() {
        feed.lead();
    }

    @Override
    public void close() {
        closed = true;
        feed.close();
        addresses.close();
        ingressOperator.stop();
        routeOperator.stop();
    }

    /**
     * One controller per scope: an informer removes from its store what its own list lacks, so that two namespaces with
     * one store would wipe each other's objects.
     */
    private <P extends HasMetadata> void register(
            Operator josdk, String scope, Reconciler<P> reconciler, String name, SlimStatusStore<P> store) {
        boolean all = scope.equals(WatchConfig.ALL);
        josdk.register(reconciler, (ControllerConfigurationOverrider<P> override) -> {
            override.withName(all ? name : name + "-" + scope)
                    .withFieldManager(FIELD_MANAGER)
                    .withItemStore(store)
                    // A status that somebody else wrote last, an earlier leader for instance, is seen and put right at
                    // once.
                    .withGenerationAware(false)
                    .withReconciliationMaxInterval(REPAIR_PERIOD)
                    .withRetry(new GenericRetry().withoutMaxAttempts().setMaxInterval(30_000));
            if (!all) {
                override.settingNamespace(scope);
            }
        });
    }

    private void background(String kind, Operator josdk, Consumer<String> register) {
        Thread.ofVirtual().name("status-start").start(() -> {
            try {
                watch.scopes().forEach(register);
                josdk.start();
                LOG.info("status of kind={} is written", kind);
            } catch (RuntimeException e) {
                if (!closed) {
                    LOG.error("status of kind={} cannot be written", kind, e);
                }
            }
        });
    }

    private void kick(ResourceRef ref) {
        if (closed) {
            return;
        }
        if (ref.kind().equals(IngressReconciler.KIND)) {
            ingressKick.kick(ref);
        } else {
            routeKick.kick(ref);
        }
    }
}
