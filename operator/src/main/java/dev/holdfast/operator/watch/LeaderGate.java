package dev.holdfast.operator.watch;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.api.model.OwnerReferenceBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectionConfigBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElector;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaderElectionRecord;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaseLock;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether this replica writes status. Every replica compiles and serves; losing the lease costs nothing but the right to
 * write, so the process never ends for it and stands for election again. Not JOSDK's own election: that one gates more
 * than writing and leaves the process after a loss.
 */
public final class LeaderGate implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LeaderGate.class);
    private static final Duration RELEASE_WAIT = Duration.ofSeconds(5);

    private final KubernetesClient client;
    private final LeaderConfig config;
    private final Runnable onGain;
    private final ScheduledExecutorService threads = Executors.newScheduledThreadPool(
            2, Thread.ofPlatform().daemon().name("leader-election-", 0).factory());
    private volatile boolean leading;
    private volatile long renewedNanos;
    private volatile boolean closed;
    private @Nullable CompletableFuture<?> election;

    /** Does nothing before {@link #start()}; calls {@code onGain} on a thread of its own when leadership begins. */
    public LeaderGate(KubernetesClient client, LeaderConfig config, MeterRegistry registry, Runnable onGain) {
        this.client = client;
        this.config = config;
        this.onGain = onGain;
        Gauge.builder("holdfast.operator.leader", this, gate -> gate.isLeader() ? 1 : 0)
                .description("1 while this replica writes status")
                .register(registry);
    }

    /**
     * Whether this replica may write now. Not after its lease ran out: the elector may hang in a request to a server that
     * does not answer, and another replica may lead by then.
     */
    public boolean isLeader() {
        return leading && !closed && isLeaseValid();
    }

    /** Stands for election until closed. */
    public synchronized void start() {
        if (closed) {
            return;
        }
        Duration retry = config.lease().dividedBy(6);
        LeaderElector elector = new LeaderElector(
                client,
                new LeaderElectionConfigBuilder()
                        .withName(config.name())
                        .withLock(new NotedLock(config))
                        .withLeaseDuration(config.lease())
                        .withRenewDeadline(renewDeadline())
                        .withRetryPeriod(retry)
                        .withReleaseOnCancel(true)
                        .withLeaderCallbacks(new LeaderCallbacks(this::gained, this::lost, this::elected))
                        .build(),
                threads);
        CompletableFuture<?> next = elector.start();
        election = next;
        next.whenComplete((nothing, problem) -> again(retry));
    }

    /** Gives leadership up, if it is held, so that another replica need not wait for the lease to run out. */
    @Override
    public void close() {
        CompletableFuture<?> last;
        synchronized (this) {
            closed = true;
            last = election;
        }
        if (last != null) {
            last.cancel(true);
            awaitRelease();
        }
        threads.shutdownNow();
    }

    /** The elector releases the lease on its executor after the cancel; without a wait the client would close first. */
    private void awaitRelease() {
        try {
            threads.schedule(() -> {}, 0, TimeUnit.MILLISECONDS).get(RELEASE_WAIT.toMillis(), TimeUnit.MILLISECONDS);
            for (int i = 0; leading && i < 50; i++) {
                Thread.sleep(20);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            LOG.warn("the lease may not be released: {}", e.toString());
        }
    }

    /** Until the renewal is overdue, not until others may take the lease: what is on its way then still arrives in time. */
    private boolean isLeaseValid() {
        return System.nanoTime() - renewedNanos < renewDeadline().toNanos();
    }

    private Duration renewDeadline() {
        return config.lease().multipliedBy(2).dividedBy(3);
    }

    /** When the lease that is about to be written begins: the elector may have noted the time long before it writes. */
    private static long beginning(LeaderElectionRecord election) {
        Duration age = Duration.between(election.getRenewTime(), ZonedDateTime.now(ZoneOffset.UTC));
        return System.nanoTime() - Math.max(0, age.toNanos());
    }

    private void renewed(long fromNanos) {
        boolean resumes = leading && !closed && !isLeaseValid();
        renewedNanos = fromNanos;
        if (resumes && isLeader()) {
            LOG.info("the lease is renewed after it ran out, this replica writes on identity={}", config.identity());
            threads.execute(onGain);
        }
    }

    private final class NotedLock extends LeaseLock {
        private List<OwnerReference> owners = List.of();

        NotedLock(LeaderConfig config) {
            super(config.namespace(), config.name(), config.identity());
        }

        /** The owner is asked for each time: a Lease of one that is gone would be collected at once. */
        @Override
        public synchronized void create(KubernetesClient client, LeaderElectionRecord election) {
            long from = beginning(election);
            owners = owners();
            super.create(client, election);
            renewed(from);
        }

        /** An update is a merge: it leaves the owner that the Lease has. */
        @Override
        protected ObjectMetaBuilder getObjectMeta(String resourceVersion) {
            ObjectMetaBuilder metadata = super.getObjectMeta(resourceVersion);
            return resourceVersion == null ? metadata.withOwnerReferences(owners) : metadata;
        }

        @Override
        public synchronized void update(KubernetesClient client, LeaderElectionRecord election) {
            long from = beginning(election);
            super.update(client, election);
            renewed(from);
        }
    }

    private List<OwnerReference> owners() {
        if (config.owner() == null) {
            return List.of();
        }
        ConfigMap owner = client.configMaps()
                .inNamespace(config.namespace())
                .withName(config.owner())
                .get();
        return owner == null
                ? List.of()
                : List.of(new OwnerReferenceBuilder()
                        .withApiVersion("v1")
                        .withKind("ConfigMap")
                        .withName(config.owner())
                        .withUid(owner.getMetadata().getUid())
                        .build());
    }

    private void gained() {
        leading = true;
        LOG.info("this replica writes status now identity={}", config.identity());
        onGain.run();
    }

    private void lost() {
        leading = false;
        LOG.info("this replica writes no status any more identity={}", config.identity());
    }

    private void elected(String identity) {
        LOG.info("status is written by identity={}", identity);
    }

    private void again(Duration delay) {
        leading = false;
        if (!closed) {
            threads.schedule(this::start, delay.toMillis(), TimeUnit.MILLISECONDS);
        }
    }
}
