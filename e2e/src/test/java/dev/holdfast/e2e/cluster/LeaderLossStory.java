package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import java.time.Duration;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * R13: the replica that writes status stands still past its lease, and comes back believing that it leads; or it is killed.
 */
@Order(6)
@Timeout(300)
class LeaderLossStory {
    private static final String ROUTE = """
            apiVersion: holdfast.dev/v1alpha1
            kind: WebSocketRoute
            metadata: {name: led}
            spec:
              ingressClassName: holdfast
              hostnames: [led.test]
              rules: [{backendRefs: [{name: echo, port: %s}]}]
            """;
    private static final String HOST = "leader.test";
    private static final int TUNNELS = 50;
    private static final Duration PATIENCE = Duration.ofSeconds(90);
    private static final Duration TAKEOVER = Duration.ofSeconds(15);
    private static final int LEASE_SECONDS_MAX = 10;

    private final RealCluster cluster = RealCluster.get();

    @Test
    void anotherReplicaWritesStatusWhenTheLeaderStandsStill() throws Exception {
        // Given
        cluster.needsOwn();
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        Pod leader = leader(release);
        String before = holder();
        route("80", "Ready");
        try (Traffic traffic = Traffic.start(cluster.nodePort(0, Release.HTTP_NODE_PORT), HOST, TUNNELS)) {
            // When
            long paused = System.nanoTime();
            double takeoverSeconds;
            cluster.signal(leader, "STOP");
            try {
                awaitAnother(release, before);
                takeoverSeconds = (System.nanoTime() - paused) / 1e9;
                route("missing", "Ready=false");
            } finally {
                cluster.signal(leader, "CONT");
            }
            String after = holder();

            // Then: the old one, which left the route Ready, leads no more, and nothing that it writes undoes what the
            // new one wrote
            String written = since();
            int oldLeads = 0;
            int undone = 0;
            for (int i = 0; i < 40; i++) {
                oldLeads += holder().equals(after) ? 0 : 1;
                undone += since().equals(written) ? 0 : 1;
                Thread.sleep(250);
            }
            route("80", "Ready");
            release.awaitSettled();
            traffic.awaitEchoes();
            traffic.stopRequests();
            System.out.printf(
                    Locale.ROOT,
                    "figure: R13 leader paused: another leads after %.1f s (lease %d s), status written before and after its return,"
                            + " lease taken back %d times, status undone %d times; drops %d of %d, %s, %s%n",
                    takeoverSeconds,
                    leaseSeconds(),
                    oldLeads,
                    undone,
                    traffic.fleet().endings().size(),
                    TUNNELS,
                    traffic.echoes(),
                    traffic.requests());
            assertThat(oldLeads).isZero();
            assertThat(written).as("Ready, since").startsWith("False ");
            assertThat(undone)
                    .as("looks at another status than the new leader's")
                    .isZero();
            assertThat(leaseSeconds()).isLessThanOrEqualTo(LEASE_SECONDS_MAX);
            traffic.assertNoTunnelEnded();
            traffic.assertEveryRequestAnswered();
        }
    }

    @Test
    void aRouteStaysReadyWhenTheLeaderIsKilledAndItsNextEditIsAnswered() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        Pod leader = leader(release);
        String before = holder();
        route("80", "Ready");
        String readySince = since();
        try (Traffic traffic = Traffic.start(cluster.nodePort(0, Release.HTTP_NODE_PORT), HOST, TUNNELS)) {
            // When
            long killed = System.nanoTime();
            kill(leader);
            awaitAnother(release, before);
            double takeoverSeconds = (System.nanoTime() - killed) / 1e9;
            release.awaitSettled();

            // Then
            String readyStill = since();
            route("missing", "Ready=false");
            route("80", "Ready");
            traffic.awaitEchoes();
            traffic.stopRequests();
            System.out.printf(
                    Locale.ROOT,
                    "figure: R13 leader killed: another leads after %.1f s (lease %d s), the route was Ready all the time: %s;"
                            + " its next edits are answered; drops %d of %d, %s, %s%n",
                    takeoverSeconds,
                    leaseSeconds(),
                    readyStill.equals(readySince),
                    traffic.fleet().endings().size(),
                    TUNNELS,
                    traffic.echoes(),
                    traffic.requests());
            assertThat(readyStill).as("Ready since").isEqualTo(readySince);
            traffic.assertNoTunnelEnded();
            traffic.assertEveryRequestAnswered();
        }
    }

    private void kill(Pod leader) {
        if (cluster.isOwn()) {
            // Whoever is only deleted has time to hand its lease over.
            cluster.signal(leader, "KILL");
        }
        cluster.kubectl(
                "-n",
                Release.NAMESPACE,
                "delete",
                "pod",
                leader.getMetadata().getName(),
                "--grace-period=0",
                "--force");
    }

    private Pod leader(Release release) throws InterruptedException {
        Release.await("a leader", PATIENCE, () -> leads(release, holder()));
        return release.operators().stream()
                .filter(pod -> holder().startsWith(pod.getMetadata().getName()))
                .findFirst()
                .orElseThrow();
    }

    private void awaitAnother(Release release, String before) throws InterruptedException {
        Release.await("another leader", TAKEOVER, () -> !holder().equals(before) && leads(release, holder()));
    }

    /** Applies the route with this port, and waits for the condition. */
    private void route(String port, String condition) {
        cluster.apply(Release.STORIES, ROUTE.formatted(port));
        cluster.kubectl("-n", Release.STORIES, "wait", "--for=condition=" + condition, "wsr/led", "--timeout=60s");
    }

    /** Whether the route is Ready, and since when. */
    private String since() {
        return cluster.kubectl(
                "-n",
                Release.STORIES,
                "get",
                "wsr/led",
                "-o",
                "jsonpath={range .status.conditions[?(@.type==\"Ready\")]}{.status} {.lastTransitionTime}{end}");
    }

    private @Nullable Lease lease() {
        return cluster.client()
                .leases()
                .inNamespace(Release.NAMESPACE)
                .withName("holdfast-operator")
                .get();
    }

    private int leaseSeconds() {
        return Objects.requireNonNull(lease()).getSpec().getLeaseDurationSeconds();
    }

    private String holder() {
        Lease lease = lease();
        return lease == null ? "" : Objects.requireNonNullElse(lease.getSpec().getHolderIdentity(), "");
    }

    private static boolean leads(Release release, String holder) {
        return release.operators().stream()
                .anyMatch(pod -> holder.startsWith(pod.getMetadata().getName()));
    }
}
