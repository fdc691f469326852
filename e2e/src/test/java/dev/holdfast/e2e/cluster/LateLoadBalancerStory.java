package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Pod;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Each node serves what comes to it by itself ({@code externalTrafficPolicy: Local}, the chart's default). The only data
 * plane of one ends, and a load balancer that asks nodes for their health now and then goes on sending to it.
 */
@Order(17)
@Timeout(300)
class LateLoadBalancerStory {
    private static final String HOST = "late-balancer.test";
    private static final String SERVICE = "holdfast-proxy";
    /** Twice the accept grace of the chart, and within that and half of the drain window of {@code e2e/cluster/values.yaml}. */
    private static final Duration LATE = Duration.ofSeconds(20);

    private static final Duration PATIENCE = Duration.ofSeconds(90);

    private final RealCluster cluster = RealCluster.get();
    private @Nullable String cordoned;

    @AfterEach
    void everyNodeTakesEverything() {
        if (cordoned != null) {
            cluster.kubectl("uncordon", cordoned);
        }
        policy("Cluster");
    }

    @Test
    void whoIsSentToANodeWhoseOnlyDataPlaneEndsIsServed() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        Pod lost = release.aloneOnItsNode();
        String node = lost.getSpec().getNodeName();
        policy("Local");
        cordoned = node;
        cluster.kubectl("cordon", node);
        int port = cluster.nodePort(node, Release.HTTP_NODE_PORT);
        Release.awaitStatus(port, HOST, 200, PATIENCE);
        try (Probe probe = Probe.start(port, HOST, 4, 50)) {

            // When
            cluster.kubectl(
                    "-n", Release.NAMESPACE, "delete", "pod", lost.getMetadata().getName(), "--wait=false");
            Thread.sleep(LATE);

            // Then
            probe.stop();
            boolean elsewhere = release.dataPlanes().stream()
                    .noneMatch(pod -> node.equals(pod.getSpec().getNodeName()));
            System.out.printf(
                    Locale.ROOT,
                    "figure: the only data plane of a node ended, clients went on coming to that node for %d s: plain requests %d, failed %d%n",
                    LATE.toSeconds(),
                    probe.requests(),
                    probe.failures());
            assertThat(elsewhere).as("the node has no other data plane").isTrue();
            assertThat(probe.requests()).isGreaterThanOrEqualTo(100);
            assertThat(probe.failures()).as(probe.firstFailure()).isZero();
        }
        release.awaitSettled();
    }

    private void policy(String policy) {
        cluster.kubectl(
                "-n",
                Release.NAMESPACE,
                "patch",
                "service",
                SERVICE,
                "--patch",
                "{\"spec\": {\"externalTrafficPolicy\": \"" + policy + "\"}}");
    }
}
