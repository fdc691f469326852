package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Pod;
import java.time.Duration;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A data plane ends, and the cluster goes on sending clients to it: nobody tells its Service of the end. */
@Order(15)
@Timeout(300)
class LateEndpointsStory {
    private static final String TELLS_OF_ENDPOINTS = "kube-controller-manager";
    private static final String HOST = "late-endpoints.test";
    private static final int TUNNELS = 200;
    /** Twice the accept grace of the chart, and within that and half of the drain window of {@code e2e/cluster/values.yaml}. */
    private static final Duration LATE = Duration.ofSeconds(20);

    private static final Duration PATIENCE = Duration.ofSeconds(90);

    private final RealCluster cluster = RealCluster.get();

    @BeforeEach
    void ours() {
        cluster.needsOwn();
    }

    @AfterEach
    void endpointsAreToldAgain() {
        if (cluster.isOwn()) {
            cluster.signal(TELLS_OF_ENDPOINTS, "CONT");
        }
    }

    @Test
    void whoIsSentToADataPlaneThatEndsIsServed() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        Pod lost = release.dataPlanes().getFirst();
        String name = lost.getMetadata().getName();
        try (Traffic traffic = Traffic.start(cluster.nodePort(0, Release.HTTP_NODE_PORT), HOST, TUNNELS)) {
            cluster.signal(TELLS_OF_ENDPOINTS, "STOP");

            // When
            cluster.kubectl("-n", Release.NAMESPACE, "delete", "pod", name, "--wait=false");
            Thread.sleep(LATE);
            boolean stillListed =
                    cluster.readyEndpoints(Release.NAMESPACE, "holdfast-proxy").contains(name);
            cluster.signal(TELLS_OF_ENDPOINTS, "CONT");
            Release.await("its end", PATIENCE, () -> release.now(lost) == null);
            Release.await("all tunnels back", PATIENCE, () -> traffic.fleet().openTunnels() == TUNNELS);
            traffic.awaitEchoes();

            // Then
            traffic.stopRequests();
            System.out.printf(
                    Locale.ROOT,
                    "figure: a data plane ended, still listed as ready %d s later: %s: closes by code %s of %d tunnels, %s, %s%n",
                    LATE.toSeconds(),
                    stillListed,
                    traffic.fleet().codes(),
                    TUNNELS,
                    traffic.echoes(),
                    traffic.requests());
            assertThat(stillListed).as("it is listed as ready").isTrue();
            assertThat(traffic.fleet().codes().keySet()).containsExactly(1001);
            traffic.assertEveryTunnelEchoes();
            traffic.assertEveryRequestAnswered();
        }
        release.awaitSettled();
    }
}
