package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.traffic.ReturningFleet;
import io.fabric8.kubernetes.api.model.Pod;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
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
            assertThat(probe.failures()).as(probe.firstFailure()).isZero();
        }
    }

    @Test
    void withoutOperatorsDataPlanesServeWhatTheyHaveAndThoseThatHaveNothingAreNotReady() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.echo(BACKEND, 2);
        release.serve(HOST, BACKEND);
        int port = cluster.nodePort(0, Release.HTTP_NODE_PORT);
        try (ReturningFleet fleet = new ReturningFleet()) {
            fleet.open(TUNNELS, URI.create("ws://" + HOST + ":" + port + "/"));
            scaleOperators(0);
            Release.await("no operator", PATIENCE, () -> release.operators().isEmpty());
            List<Pod> before = release.dataPlanes();
            Pod lost = before.getFirst();

            // When: one data plane goes for good, one endpoint goes, one comes; nobody tells the others
            cluster.kubectl(
                    "-n", Release.NAMESPACE, "delete", "pod", lost.getMetadata().getName(), "--wait=false");
            Release.await(
                    "a data plane without a table",
                    PATIENCE,
                    () -> release.dataPlanes().stream().anyMatch(pod -> !isAmong(pod, before) && hasStarted(pod)));
            Release.await("its tunnels back at the other", PATIENCE, () -> fleet.openTunnels() == TUNNELS);
            Pod fresh = release.dataPlanes().stream()
                    .filter(pod -> !isAmong(pod, before))
                    .findFirst()
                    .orElseThrow();
            Pod kept = before.getLast();
            cluster.kubectl("-n", Release.STORIES, "scale", "deployment/" + BACKEND, "--replicas=1");
            Release.await("one endpoint", PATIENCE, () -> backends() == 1);
            int unready = 0;
            int served = 0;
            int rounds = 40;
            for (int i = 0; i < rounds; i++) {
                unready += Release.isReady(release.now(fresh)) ? 0 : 1;
                served += Probe.once(cluster.podPort(kept, Release.HTTP), HOST) == 200 ? 1 : 0;
                Thread.sleep(100);
            }
            int codesOtherThanWords = (int) fleet.endings().stream()
                    .filter(each -> each.code() == ReturningFleet.WITHOUT_A_WORD)
                    .count();

            // Then
            long back = System.nanoTime();
            scaleOperators(Release.REPLICAS);
            release.awaitSettled();
            release.serve("after-the-absence.test", "echo");
            System.out.printf(
                    Locale.ROOT,
                    "figure: R17 no operator: a new data plane unready in %d of %d looks, the other served %d of %d requests"
                            + " though an endpoint had gone, tunnels by code %s; all ready and served %.1f s after the operators'"
                            + " return%n",
                    unready,
                    rounds,
                    served,
                    rounds,
                    fleet.codes(),
                    (System.nanoTime() - back) / 1e9);
            assertThat(unready).isEqualTo(rounds);
            assertThat(served).isEqualTo(rounds);
            assertThat(codesOtherThanWords)
                    .as("those of the endpoint that went")
                    .isLessThan(TUNNELS);
        }
    }

    @Test
    void aContainerThatRestartsWithoutAnOperatorServesTheTableItKept() throws Exception {
        // Given
        cluster.needsOwn();
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        scaleOperators(0);
        Release.await("no operator", PATIENCE, () -> release.operators().isEmpty());
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

    private static boolean isAmong(Pod pod, List<Pod> pods) {
        return pods.stream()
                .anyMatch(other ->
                        other.getMetadata().getUid().equals(pod.getMetadata().getUid()));
    }

    private static boolean hasStarted(Pod pod) {
        return pod.getStatus().getContainerStatuses().stream()
                .anyMatch(container -> Boolean.TRUE.equals(container.getStarted()));
    }

    private static int restarts(Pod pod) {
        return pod.getStatus().getContainerStatuses().getFirst().getRestartCount();
    }
}
