package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.traffic.ReturningFleet;
import io.fabric8.kubernetes.api.model.Pod;
import java.net.URI;
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
    private static final Duration ABSENCE = Duration.ofSeconds(20);
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
        int port = cluster.nodePort(0, Release.HTTP_NODE_PORT);
        try (ReturningFleet fleet = new ReturningFleet();
                Probe probe = Probe.start(port, HOST, 4, 50)) {
            fleet.open(TUNNELS, URI.create("ws://" + HOST + ":" + port + "/"));

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
            release.serve("after-the-kill.test", "echo");
            double seconds = (System.nanoTime() - killed) / 1e9;

            // Then
            probe.stop();
            System.out.printf(
                    Locale.ROOT,
                    "figure: R08 every operator killed: drops %d of %d, plain requests %d, failed %d; a new route is served"
                            + " %.1f s after the kill%n",
                    fleet.endings().size(),
                    TUNNELS,
                    probe.requests(),
                    probe.failures(),
                    seconds);
            assertThat(fleet.endings()).isEmpty();
            assertThat(probe.requests()).as("plain requests").isPositive();
            assertThat(probe.failures()).as(probe.firstFailure()).isZero();
        }
    }

    @Test
    void withoutOperatorsNoTunnelEndsAndEveryRequestIsAnswered() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        int port = cluster.nodePort(0, Release.HTTP_NODE_PORT);
        try (ReturningFleet fleet = new ReturningFleet();
                Probe probe = Probe.start(port, HOST, 4, 50)) {
            fleet.open(TUNNELS, URI.create("ws://" + HOST + ":" + port + "/"));

            // When
            noOperators(release);
            long before = fleet.messagesBack();
            int asked = probe.requests();
            Thread.sleep(ABSENCE);

            // Then
            long messages = fleet.messagesBack() - before;
            int requests = probe.requests() - asked;
            probe.stop();
            System.out.printf(
                    Locale.ROOT,
                    "figure: R08 no operator for %d s: drops %d of %d, echoes %d, plain requests %d, failed %d%n",
                    ABSENCE.toSeconds(),
                    fleet.endings().size(),
                    TUNNELS,
                    messages,
                    requests,
                    probe.failures());
            assertThat(fleet.endings()).isEmpty();
            assertThat(messages).as("echoes").isGreaterThanOrEqualTo(TUNNELS);
            assertThat(requests).as("plain requests").isGreaterThanOrEqualTo(REQUESTS_MIN);
            assertThat(probe.failures()).as(probe.firstFailure()).isZero();
        }
    }

    @Test
    void aDataPlaneThatGoesWhileNoOperatorIsThereTellsItsTunnelsAndTheOneInItsPlaceIsNotReady() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        int port = cluster.nodePort(0, Release.HTTP_NODE_PORT);
        try (ReturningFleet fleet = new ReturningFleet();
                Probe probe = Probe.start(port, HOST, 4, 50)) {
            fleet.open(TUNNELS, URI.create("ws://" + HOST + ":" + port + "/"));
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
            Release.await("its tunnels back at the other", PATIENCE, () -> fleet.openTunnels() == TUNNELS);

            // Then
            probe.stop();
            long back = System.nanoTime();
            scaleOperators(Release.REPLICAS);
            release.awaitSettled();
            release.serve("after-the-absence.test", "echo");
            System.out.printf(
                    Locale.ROOT,
                    "figure: R17 a data plane replaced while no operator was there: closes by code %s of %d tunnels, plain"
                            + " requests %d, failed %d; the new one unready in %d of %d looks, 404s %d; all ready and served"
                            + " %.1f s after the operators' return%n",
                    fleet.codes(),
                    TUNNELS,
                    probe.requests(),
                    probe.failures(),
                    looks.unready,
                    looks.all,
                    looks.notFound,
                    (System.nanoTime() - back) / 1e9);
            assertThat(fleet.codes().keySet()).as("codes").isNotEmpty().isSubsetOf(GOING_AWAY, SERVICE_RESTART);
            assertThat(probe.requests()).as("plain requests").isGreaterThanOrEqualTo(REQUESTS_MIN);
            assertThat(probe.failures()).as(probe.firstFailure()).isZero();
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
        // The fleet first: requests under way weigh too.
        try (ReturningFleet fleet = opened(URI.create("ws://" + SCALED_HOST + ":" + port + "/"));
                Probe probe = Probe.start(port, SCALED_HOST, 4, 50)) {
            noOperators(release);

            // When: nobody tells the data plane
            cluster.kubectl("-n", Release.STORIES, "scale", "deployment/" + BACKEND, "--replicas=1");
            Release.await("one endpoint", PATIENCE, () -> backends() == 1);
            Release.await("the ends there", PATIENCE, () -> fleet.endings().size() >= TUNNELS / 2 - UNEVEN);
            Release.await("all tunnels back", PATIENCE, () -> fleet.openTunnels() == TUNNELS);
            int asked = probe.requests();
            Release.await("requests since", PATIENCE, () -> probe.requests() >= asked + REQUESTS_MIN);

            // Then
            probe.stop();
            long ended = fleet.endings().stream()
                    .map(ReturningFleet.Ending::client)
                    .distinct()
                    .count();
            System.out.printf(
                    Locale.ROOT,
                    "figure: R17 one of two endpoints gone while no operator was there: %d of %d tunnels ended, by code %s; plain"
                            + " requests %d, failed %d%n",
                    ended,
                    TUNNELS,
                    fleet.codes(),
                    probe.requests(),
                    probe.failures());
            assertThat(ended)
                    .as("clients whose tunnel ended: those of the endpoint that went")
                    .isBetween(TUNNELS / 2L - UNEVEN, TUNNELS / 2L + UNEVEN);
            assertThat(fleet.endings()).as("each of them once").hasSize(Math.toIntExact(ended));
            assertThat(probe.failures()).as(probe.firstFailure()).isZero();
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

    private static ReturningFleet opened(URI target) throws InterruptedException {
        ReturningFleet fleet = new ReturningFleet();
        fleet.open(TUNNELS, target);
        return fleet;
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
