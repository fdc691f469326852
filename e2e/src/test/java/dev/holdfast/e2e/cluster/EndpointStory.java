package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.traffic.ReturningFleet;
import io.fabric8.kubernetes.api.model.Pod;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** R06: a Deployment goes from three pods to one and back. */
@Order(8)
@Timeout(300)
class EndpointStory {
    private static final String BACKEND = "scaled";
    private static final String HOST = "scaled.test";
    private static final int TUNNELS = 90;
    private static final int PODS = 3;
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    private final RealCluster cluster = RealCluster.get();

    @Test
    void tunnelsOfThePodsThatStayStayAndNoRequestGoesToOnesThatWent() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.echo(BACKEND, PODS);
        release.serve(HOST, BACKEND);
        List<Pod> dataPlanes = release.dataPlanes();
        int port = cluster.podPort(dataPlanes.getFirst(), Release.HTTP);
        Release.await(
                "requests to all pods", PATIENCE, () -> Probe.names(port, HOST).size() == PODS);
        try (ReturningFleet fleet = new ReturningFleet();
                Probe probe = Probe.start(port, HOST, 4, 50)) {
            fleet.open(TUNNELS, URI.create("ws://" + HOST + ":" + port + "/"));

            // When
            cluster.kubectl("-n", Release.STORIES, "scale", "deployment/" + BACKEND, "--replicas=1");
            Release.await("one pod", PATIENCE, () -> pods().size() == 1);
            // The ends take their time where the way to the data plane is a long one.
            Release.await(
                    "the ends at the pods that went",
                    PATIENCE,
                    () -> fleet.endings().size() >= TUNNELS * (PODS - 1) / PODS);
            Release.await("all tunnels back", PATIENCE, () -> fleet.openTunnels() == TUNNELS);
            int ended = fleet.endings().size();
            long clients = fleet.endings().stream()
                    .map(ReturningFleet.Ending::client)
                    .distinct()
                    .count();
            Set<String> after = Probe.names(port, HOST);
            cluster.kubectl("-n", Release.STORIES, "scale", "deployment/" + BACKEND, "--replicas=" + PODS);
            // The pod that stayed has every tunnel, so new ones are preferred.
            Release.await(
                    "requests to the new pods",
                    PATIENCE,
                    () -> Probe.names(port, HOST).size() >= PODS - 1);

            // Then
            probe.stop();
            System.out.printf(
                    Locale.ROOT,
                    "figure: R06 endpoints 3-1-3: %d tunnels, %d of them at the pod that stays: drops of those 0 = %d less %d that"
                            + " ended with their pods; %d ended when pods came; plain requests %d, failed %d%n",
                    TUNNELS,
                    TUNNELS / PODS,
                    TUNNELS * (PODS - 1) / PODS,
                    clients,
                    fleet.endings().size() - ended,
                    probe.requests(),
                    probe.failures());
            assertThat(after).as("pods that answer after the change").hasSize(1).noneMatch(name -> name.contains(" "));
            assertThat(clients)
                    .as("clients whose tunnel ended: those at the pods that went")
                    .isEqualTo(TUNNELS * (PODS - 1) / PODS);
            assertThat(fleet.endings()).as("more when pods came").hasSize(ended);
            assertThat(probe.requests()).as("plain requests").isPositive();
            assertThat(probe.failures()).as(probe.firstFailure()).isZero();
        }
    }

    private List<Pod> pods() {
        return cluster.client()
                .pods()
                .inNamespace(Release.STORIES)
                .withLabel("app", BACKEND)
                .list()
                .getItems();
    }
}
