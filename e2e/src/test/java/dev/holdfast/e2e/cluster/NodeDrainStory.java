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

/** {@code kubectl drain} of a node that has a data plane. */
@Order(9)
@Timeout(400)
class NodeDrainStory {
    private static final String HOST = "drained.test";
    private static final int TUNNELS = 400;
    private static final Duration STRETCH = Duration.ofSeconds(5);

    private final RealCluster cluster = RealCluster.get();
    private String node = "";

    @BeforeEach
    void ours() {
        cluster.needsOwn();
    }

    @AfterEach
    void theNodeIsBack() {
        if (!node.isEmpty()) {
            cluster.kubectl("uncordon", node);
        }
    }

    @Test
    void aDrainedNodesTunnelsAreToldAndServiceGoesOn() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        Pod drained = release.aloneOnItsNode();
        node = drained.getSpec().getNodeName();
        int port = cluster.nodePort(0, Release.HTTP_NODE_PORT);
        try (Traffic traffic = Traffic.start(port, HOST, TUNNELS)) {
            // When
            long began = System.nanoTime();
            cluster.kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=200s");
            double seconds = (System.nanoTime() - began) / 1e9;
            Release.await(
                    "all tunnels back",
                    Duration.ofSeconds(60),
                    () -> traffic.fleet().openTunnels() == TUNNELS);
            traffic.awaitEchoes();

            // Then
            traffic.stopRequests();
            int ended = traffic.fleet().endings().size();
            int mostInASecond = traffic.fleet().returnsInASecondMax();
            int mostWithin = traffic.fleet().returnsWithinMax(STRETCH);
            System.out.printf(
                    Locale.ROOT,
                    "figure: node drained in %.0f s under %d tunnels: closes by code %s, reconnects %d, at most %d (%.1f %%) in a"
                            + " second and %d (%.1f %%) within %d, longest away %.2f s, %s, %s%n",
                    seconds,
                    TUNNELS,
                    traffic.fleet().codes(),
                    traffic.fleet().returns().size(),
                    mostInASecond,
                    100.0 * mostInASecond / Math.max(1, ended),
                    mostWithin,
                    100.0 * mostWithin / Math.max(1, ended),
                    STRETCH.toSeconds(),
                    traffic.fleet().longestAwaySeconds(),
                    traffic.echoes(),
                    traffic.requests());
            assertThat(traffic.fleet().codes().keySet()).isSubsetOf(1001, 1012);
            // The node port gives each tunnel to either data plane; as few as a quarter are no chance.
            assertThat(ended).as("tunnels of the drained data plane").isGreaterThanOrEqualTo(TUNNELS / 4);
            // They are told one by one, evenly over three quarters of the window of 40 s: a second has a thirtieth of
            // them, five have a sixth. The machine, which starts other pods meanwhile, may stand still for two seconds;
            // who tells them all within fifteen is caught by the five.
            assertThat(mostInASecond).as("reconnects in one second").isLessThanOrEqualTo(ended / 10);
            assertThat(mostWithin).as("reconnects within %s", STRETCH).isLessThanOrEqualTo(ended / 3);
            traffic.assertEveryTunnelEchoes();
            traffic.assertEveryRequestAnswered();
        }
    }
}
