package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Pod;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** R20: all pods of a component replaced under load. */
@Order(3)
@Timeout(480)
class RollingUpdateStory {
    private static final int TUNNELS = 1_000;
    private static final String HOST = "rolling.test";
    private static final int PROBES = 10;
    private static final long PROBE_PAUSE_MILLIS = 12;
    /** How many requests the scorecard wants to see answered. */
    private static final int REQUESTS = 30_000;

    private static final Duration ASKING_ON_MAX = Duration.ofSeconds(150);

    private final RealCluster cluster = RealCluster.get();

    @Test
    void theTunnelsOfReplacedDataPlanesAreToldAndComeBackBitByBit() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        int port = cluster.nodePort(0, Release.HTTP_NODE_PORT);
        try (ReturningFleet fleet = new ReturningFleet();
                Probe probe = Probe.start(port, HOST, PROBES, PROBE_PAUSE_MILLIS)) {
            fleet.open(TUNNELS / 2, URI.create("ws://" + HOST + ":" + port + "/"));
            fleet.open(
                    TUNNELS / 2,
                    URI.create("wss://" + HOST + ":" + cluster.nodePort(0, Release.HTTPS_NODE_PORT) + "/"));

            // When
            cluster.kubectl("-n", Release.NAMESPACE, "rollout", "restart", "deployment/holdfast-proxy");
            release.awaitRollout(Release.NAMESPACE, "holdfast-proxy");
            release.awaitSettled("proxy");
            Release.await("all tunnels back", Duration.ofSeconds(60), () -> fleet.openTunnels() == TUNNELS);
            int echoing = fleet.echoing(Traffic.ECHO_PATIENCE);
            askOn(probe);

            // Then
            int returns = fleet.returns().size();
            int mostInASecond = fleet.returnsInASecondMax();
            double longestAway = fleet.longestAwaySeconds();
            probe.stop();
            System.out.printf(
                    Locale.ROOT,
                    "figure: R20 data planes replaced under %d tunnels: closes by code %s, reconnects %d, at most %d (%.1f %%) in a"
                            + " second, longest away %.2f s, attempts refused %d; echoing afterwards %d, wrong echoes %d; plain"
                            + " requests %d, failed %d%n",
                    TUNNELS,
                    fleet.codes(),
                    returns,
                    mostInASecond,
                    100.0 * mostInASecond / Math.max(1, returns),
                    longestAway,
                    fleet.refused(),
                    echoing,
                    fleet.wrongEchoes(),
                    probe.requests(),
                    probe.failures());
            assertThat(fleet.codes().keySet()).as("codes").isSubsetOf(1001, 1012);
            assertThat(returns).as("reconnects").isGreaterThanOrEqualTo(TUNNELS);
            assertThat(mostInASecond).as("reconnects in one second").isLessThanOrEqualTo(returns / 10);
            assertThat(longestAway).as("seconds without a tunnel").isLessThan(30);
            assertThat(echoing).as("tunnels that carry something").isEqualTo(TUNNELS);
            assertThat(fleet.wrongEchoes()).as("echoes of something else").isZero();
            assertThat(probe.requests()).as("plain requests").isGreaterThanOrEqualTo(REQUESTS);
            assertThat(probe.failures()).as(probe.firstFailure()).isZero();
        }
    }

    @Test
    void replacedOperatorsDropNoTunnelAndWhatIsEditedMeanwhileIsServed() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        int port = cluster.nodePort(0, Release.HTTP_NODE_PORT);
        try (ReturningFleet fleet = new ReturningFleet();
                Probe probe = Probe.start(port, HOST, PROBES, PROBE_PAUSE_MILLIS)) {
            fleet.open(TUNNELS, URI.create("ws://" + HOST + ":" + port + "/"));
            List<Pod> dataPlanes = release.dataPlanes();
            double fullTables = release.fullTables(dataPlanes);
            double streamsLost = release.streamsLost(dataPlanes);

            // When
            cluster.kubectl("-n", Release.NAMESPACE, "rollout", "restart", "deployment/holdfast-operator");
            release.serve("edited-while-rolling.test", "echo");
            release.awaitRollout(Release.NAMESPACE, "holdfast-operator");
            release.awaitSettled("operator");
            release.serve("edited-after-rolling.test", "echo");
            int echoing = fleet.echoing(Traffic.ECHO_PATIENCE);
            askOn(probe);

            // Then
            probe.stop();
            Release.await(
                    "their streams lost",
                    Duration.ofSeconds(60),
                    () -> release.streamsLost(dataPlanes) >= streamsLost + dataPlanes.size());
            // Full tables are told, not judged: one is due to whoever missed the edit and meets an operator that began
            // after it. OperatorLossStory, where nothing is edited meanwhile, judges them.
            System.out.printf(
                    Locale.ROOT,
                    "figure: R20 operators replaced under %d tunnels: drops %d, echoing afterwards %d, echoes %d, wrong %d, plain requests"
                            + " %d, failed %d; streams of data planes lost %.0f, full tables sent again %.0f%n",
                    TUNNELS,
                    fleet.endings().size(),
                    echoing,
                    fleet.messagesBack(),
                    fleet.wrongEchoes(),
                    probe.requests(),
                    probe.failures(),
                    release.streamsLost(dataPlanes) - streamsLost,
                    release.fullTables(dataPlanes) - fullTables);
            assertThat(fleet.endings()).as("ended tunnels").isEmpty();
            assertThat(echoing).as("tunnels that carry something").isEqualTo(TUNNELS);
            assertThat(fleet.wrongEchoes()).as("echoes of something else").isZero();
            assertThat(probe.requests()).as("plain requests").isGreaterThanOrEqualTo(REQUESTS);
            assertThat(probe.failures()).as(probe.firstFailure()).isZero();
        }
    }

    /** Pods are soon replaced: the requests go on until there were enough. */
    private static void askOn(Probe probe) throws InterruptedException {
        long until = System.nanoTime() + ASKING_ON_MAX.toNanos();
        while (probe.requests() < REQUESTS && System.nanoTime() < until) {
            Thread.sleep(100);
        }
    }
}
