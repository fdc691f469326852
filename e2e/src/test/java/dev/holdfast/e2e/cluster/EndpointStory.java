package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.traffic.ReturningFleet;
import io.fabric8.kubernetes.api.model.Pod;
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
        try (Traffic traffic = Traffic.start(port, HOST, TUNNELS)) {
            // When
            cluster.kubectl("-n", Release.STORIES, "scale", "deployment/" + BACKEND, "--replicas=1");
            Release.await("one pod", PATIENCE, () -> pods().size() == 1);
            // The ends take their time where the way to the data plane is a long one.
            Release.await(
                    "the ends at the pods that went",
                    PATIENCE,
                    () -> traffic.fleet().endings().size() >= TUNNELS * (PODS - 1) / PODS);
            Release.await("all tunnels back", PATIENCE, () -> traffic.fleet().openTunnels() == TUNNELS);
            int ended = traffic.fleet().endings().size();
            long clients = traffic.fleet().endings().stream()
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
            traffic.stopRequests();
            System.out.printf(
                    Locale.ROOT,
                    "figure: R06 endpoints 3-1-3: %d tunnels, %d of them at the pod that stays: drops of those 0 = %d less %d that"
                            + " ended with their pods; %d ended when pods came; %s%n",
                    TUNNELS,
                    TUNNELS / PODS,
                    TUNNELS * (PODS - 1) / PODS,
                    clients,
                    traffic.fleet().endings().size() - ended,
                    traffic.requests());
            assertThat(after).as("pods that answer after the change").hasSize(1).noneMatch(name -> name.contains(" "));
            assertThat(clients)
                    .as("clients whose tunnel ended: those at the pods that went")
                    .isEqualTo(TUNNELS * (PODS - 1) / PODS);
            assertThat(traffic.fleet().endings()).as("more when pods came").hasSize(ended);
            traffic.assertEveryRequestAnswered();
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
