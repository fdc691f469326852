package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** R13: the replica that writes status stands still past its lease, and comes back believing that it leads. */
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
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    private final RealCluster cluster = RealCluster.get();

    @Test
    void anotherReplicaWritesStatusWhenTheLeaderStandsStill() throws Exception {
        // Given
        cluster.needsOwn();
        Release release = Release.ready(cluster);
        List<Pod> operators = release.operators();
        Release.await("a leader", PATIENCE, () -> leads(operators, holder()));
        String before = holder();
        Pod leader = operators.stream()
                .filter(pod -> before.startsWith(pod.getMetadata().getName()))
                .findFirst()
                .orElseThrow();
        cluster.apply(Release.STORIES, ROUTE.formatted("80"));
        cluster.kubectl("-n", Release.STORIES, "wait", "--for=condition=Ready", "wsr/led", "--timeout=60s");

        // When
        long paused = System.nanoTime();
        double takeoverSeconds;
        cluster.signal(leader, "STOP");
        try {
            Release.await("another leader", PATIENCE, () -> !holder().equals(before) && leads(operators, holder()));
            takeoverSeconds = (System.nanoTime() - paused) / 1e9;
            cluster.apply(Release.STORIES, ROUTE.formatted("missing"));
            cluster.kubectl("-n", Release.STORIES, "wait", "--for=condition=Ready=false", "wsr/led", "--timeout=60s");
        } finally {
            cluster.signal(leader, "CONT");
        }
        String after = holder();

        // Then: the old one leads no more, and nothing that it writes undoes what the new one wrote
        cluster.apply(Release.STORIES, ROUTE.formatted("80"));
        cluster.kubectl("-n", Release.STORIES, "wait", "--for=condition=Ready", "wsr/led", "--timeout=60s");
        release.awaitSettled();
        int oldLeads = 0;
        for (int i = 0; i < 40; i++) {
            oldLeads += holder().equals(after) ? 0 : 1;
            Thread.sleep(250);
        }
        System.out.printf(
                Locale.ROOT,
                "figure: R13 leader paused: another leads after %.1f s (lease 10 s), status written before and after its return,"
                        + " lease taken back %d times%n",
                takeoverSeconds,
                oldLeads);
        assertThat(oldLeads).isZero();
    }

    private String holder() {
        Lease lease = cluster.client()
                .leases()
                .inNamespace(Release.NAMESPACE)
                .withName("holdfast-operator")
                .get();
        return lease == null ? "" : Objects.requireNonNullElse(lease.getSpec().getHolderIdentity(), "");
    }

    private static boolean leads(List<Pod> operators, String holder) {
        return operators.stream()
                .anyMatch(pod -> holder.startsWith(pod.getMetadata().getName()));
    }
}
