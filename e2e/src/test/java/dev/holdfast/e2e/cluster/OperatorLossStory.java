package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Pod;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** R08 and R17: operators killed, and absent. */
@Order(4)
@Timeout(400)
class OperatorLossStory {
    private static final int TUNNELS = 200;
    private static final String HOST = "loss.test";
    private static final String BACKEND = "loss";
    private static final String SCALED_HOST = "loss-scaled.test";
    private static final int REQUESTS_MIN = 100;
    /** How far two endpoints may be from half of the tunnels each. */
    private static final int UNEVEN = 4;

    private static final int GOING_AWAY = 1001;
    private static final int SERVICE_RESTART = 1012;
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    private final RealCluster cluster = RealCluster.get();

    @AfterEach
    void operatorsAreBack() {
        scaleOperators(Release.REPLICAS);
    }

    @Test
    void operatorsThatAreKilledAtOnceCostNothing() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        List<Pod> dataPlanes = release.dataPlanes();
        int port = cluster.nodePort(0, Release.HTTP_NODE_PORT);
        try (Traffic traffic = Traffic.start(port, HOST, TUNNELS)) {
            double fullTables = release.fullTables(dataPlanes);
            double streamsLost = release.streamsLost(dataPlanes);

            // When
            long killed = System.nanoTime();
            cluster.kubectl(
                    "-n",
                    Release.NAMESPACE,
                    "delete",
                    "pod",
                    "--selector=app.kubernetes.io/name=holdfast-operator",
                    "--grace-period=0",
                    "--force");
            release.awaitSettled("operator");
            // Nobody served it before: each data plane has it from a new operator.
            release.serve("after-the-kill-" + killed + ".test", "echo");
            double seconds = (System.nanoTime() - killed) / 1e9;
            traffic.awaitEchoes();

            // Then: what the new operators read is what the old ones had read, so its digest says that nothing is to be
            // sent
            // again; the edit came when both had read, and so as a delta
            traffic.stopRequests();
            double sentAgain = release.fullTables(dataPlanes) - fullTables;
            double resumed = release.streamsLost(dataPlanes) - streamsLost;
            System.out.printf(
                    Locale.ROOT,
                    "figure: R08 every operator killed: drops %d of %d, %s, %s; a new route is served"
                            + " %.1f s after the kill; streams of data planes lost %.0f, full tables sent again %.0f%n",
                    traffic.fleet().endings().size(),
                    TUNNELS,
                    traffic.echoes(),
                    traffic.requests(),
                    seconds,
                    resumed,
                    sentAgain);
            assertThat(resumed).as("streams lost").isGreaterThanOrEqualTo(dataPlanes.size());
            assertThat(sentAgain).as("full tables to data planes that had them").isZero();
            traffic.assertNoTunnelEnded();
            traffic.assertEveryRequestAnswered();
        }
    }

    @Test
    void withoutOperatorsNoTunnelEndsAndEveryRequestIsAnswered() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        int port = cluster.nodePort(0, Release.HTTP_NODE_PORT);
        try (Traffic traffic = Traffic.start(port, HOST, TUNNELS)) {
            // When
            noOperators(release);
            long before = traffic.fleet().messagesBack();
            int asked = traffic.probe().requests();
            Thread.sleep(RealCluster.outage());

            // Then
            long messages = traffic.fleet().messagesBack() - before;
            int requests = traffic.probe().requests() - asked;
            traffic.awaitEchoes();
            // Their return is no less of a change than their end.
            scaleOperators(Release.REPLICAS);
            release.awaitSettled("operator");
            traffic.awaitEchoes();
            traffic.stopRequests();
            System.out.printf(
                    Locale.ROOT,
                    "figure: R08 no operator for %d s: echoes %d, plain requests %d; their return included: drops %d of %d, %s, %s%n",
                    RealCluster.outage().toSeconds(),
                    messages,
                    requests,
                    traffic.fleet().endings().size(),
                    TUNNELS,
                    traffic.echoes(),
                    traffic.requests());
            traffic.assertNoTunnelEnded();
            assertThat(messages).as("echoes").isGreaterThanOrEqualTo(TUNNELS);
            assertThat(requests).as("plain requests").isGreaterThanOrEqualTo(REQUESTS_MIN);
            assertThat(traffic.probe().failures())
                    .as(traffic.probe().firstFailure())
                    .isZero();
        }
    }

    @Test
    void aDataPlaneThatGoesWhileNoOperatorIsThereTellsItsTunnelsAndTheOneInItsPlaceIsNotReady() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        int port = cluster.nodePort(0, Release.HTTP_NODE_PORT);
        try (Traffic traffic = Traffic.start(port, HOST, TUNNELS)) {
            noOperators(release);
            List<Pod> before = release.dataPlanes();
            Pod lost = before.getFirst();

            // When
            cluster.kubectl(
                    "-n", Release.NAMESPACE, "delete", "pod", lost.getMetadata().getName(), "--wait=false");
            Release.await(
                    "a data plane without a table",
                    PATIENCE,
                    () -> fresh(release, before).anyMatch(OperatorLossStory::hasStarted));
            Pod fresh = fresh(release, before).findFirst().orElseThrow();
            Looks looks = new Looks();
            Release.await("the end of the one that went", PATIENCE, () -> {
                looks.look(Release.isReady(release.now(fresh)), cluster.podPort(fresh, Release.HTTP));
                return release.now(lost) == null;
            });
            Release.await(
                    "its tunnels back at the other",
                    PATIENCE,
                    () -> traffic.fleet().openTunnels() == TUNNELS);
            traffic.awaitEchoes();

            // Then
            traffic.stopRequests();
            long back = System.nanoTime();
            scaleOperators(Release.REPLICAS);
            release.awaitSettled();
            release.serve("after-the-absence.test", "echo");
            double seconds = (System.nanoTime() - back) / 1e9;
            traffic.awaitEchoes();
            System.out.printf(
                    Locale.ROOT,
                    "figure: R17 a data plane replaced while no operator was there: closes by code %s of %d tunnels, %s, %s;"
                            + " the new one unready in %d of %d looks, 404s %d; all ready and served"
                            + " %.1f s after the operators' return%n",
                    traffic.fleet().codes(),
                    TUNNELS,
                    traffic.echoes(),
                    traffic.requests(),
                    looks.unready,
                    looks.all,
                    looks.notFound,
                    seconds);
            assertThat(traffic.fleet().codes().keySet())
                    .as("codes")
                    .isNotEmpty()
                    .isSubsetOf(GOING_AWAY, SERVICE_RESTART);
            traffic.assertEveryTunnelEchoes();
            traffic.assertEveryRequestAnswered();
            assertThat(looks.all).isPositive().isEqualTo(looks.unready);
            assertThat(looks.notFound).isZero();
        }
    }

    @Test
    void anEndpointThatGoesWhileNoOperatorIsThereTakesItsOwnTunnelsOnly() throws Exception {
        // Given: each of two endpoints has half of the tunnels
        Release release = Release.ready(cluster);
        release.echo(BACKEND, 2);
        release.serve(SCALED_HOST, BACKEND);
        int port = cluster.podPort(release.dataPlanes().getFirst(), Release.HTTP);
        Release.await(
                "requests to both",
                PATIENCE,
                () -> Probe.names(port, SCALED_HOST).size() == 2);
        try (Traffic traffic = Traffic.start(port, SCALED_HOST, TUNNELS)) {
            noOperators(release);

            // When: nobody tells the data plane
            cluster.kubectl("-n", Release.STORIES, "scale", "deployment/" + BACKEND, "--replicas=1");
            Release.await("one endpoint", PATIENCE, () -> backends() == 1);
            Release.await(
                    "the ends there", PATIENCE, () -> traffic.fleet().endings().size() >= TUNNELS / 2 - UNEVEN);
            Release.await("all tunnels back", PATIENCE, () -> traffic.fleet().openTunnels() == TUNNELS);
            traffic.awaitEchoes();
            int asked = traffic.probe().requests();
            Release.await("requests since", PATIENCE, () -> traffic.probe().requests() >= asked + REQUESTS_MIN);

            // Then
            traffic.stopRequests();
            long ended = traffic.fleet().endings().stream()
                    .map(ReturningFleet.Ending::client)
                    .distinct()
                    .count();
            System.out.printf(
                    Locale.ROOT,
                    "figure: R17 one of two endpoints gone while no operator was there: %d of %d tunnels ended, by code %s;"
                            + " %s, %s%n",
                    ended,
                    TUNNELS,
                    traffic.fleet().codes(),
                    traffic.echoes(),
                    traffic.requests());
            assertThat(ended)
                    .as("clients whose tunnel ended: those of the endpoint that went")
                    .isBetween(TUNNELS / 2L - UNEVEN, TUNNELS / 2L + UNEVEN);
            assertThat(traffic.fleet().endings()).as("each of them once").hasSize(Math.toIntExact(ended));
            traffic.assertEveryTunnelEchoes();
            assertThat(traffic.probe().failures())
                    .as(traffic.probe().firstFailure())
                    .isZero();
        }
    }

    @Test
    void aContainerThatRestartsWithoutAnOperatorServesTheTableItKept() throws Exception {
        // Given
        cluster.needsOwn();
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        noOperators(release);
        Pod dataPlane = release.dataPlanes().getFirst();
        int restarts = restarts(dataPlane);

        // When
        long killed = System.nanoTime();
        cluster.signal(dataPlane, "KILL");
        Release.await("a restart", PATIENCE, () -> restarts(release.now(dataPlane)) > restarts);
        Release.await("ready again", PATIENCE, () -> Release.isReady(release.now(dataPlane)));
        double seconds = (System.nanoTime() - killed) / 1e9;

        // Then
        int status = Probe.once(cluster.podPort(dataPlane, Release.HTTP), HOST);
        System.out.printf(
                Locale.ROOT,
                "figure: R17 a data plane killed while no operator was there: ready with its kept table after %.1f s%n",
                seconds);
        assertThat(status).isEqualTo(200);
    }

    private void noOperators(Release release) throws InterruptedException {
        scaleOperators(0);
        Release.await("no operator", PATIENCE, () -> release.operators().isEmpty());
    }

    private void scaleOperators(int replicas) {
        cluster.kubectl("-n", Release.NAMESPACE, "scale", "deployment/holdfast-operator", "--replicas=" + replicas);
    }

    private int backends() {
        return cluster.client()
                .pods()
                .inNamespace(Release.STORIES)
                .withLabel("app", BACKEND)
                .list()
                .getItems()
                .size();
    }

    /** The data planes that were not there before. */
    private static Stream<Pod> fresh(Release release, List<Pod> before) {
        Set<String> known =
                before.stream().map(pod -> pod.getMetadata().getUid()).collect(Collectors.toSet());
        return release.dataPlanes().stream()
                .filter(pod -> !known.contains(pod.getMetadata().getUid()));
    }

    private static boolean hasStarted(Pod pod) {
        return pod.getStatus().getContainerStatuses().stream()
                .anyMatch(container -> Boolean.TRUE.equals(container.getStarted()));
    }

    private static int restarts(Pod pod) {
        return pod.getStatus().getContainerStatuses().getFirst().getRestartCount();
    }

    /** What was seen of a data plane that has no table. */
    private static final class Looks {
        private int all;
        private int unready;
        private int notFound;

        void look(boolean ready, int port) {
            all++;
            unready += ready ? 0 : 1;
            notFound += Probe.once(port, HOST) == 404 ? 1 : 0;
        }
    }
}
