package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
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
    private static final int TUNNELS_OF_A_POD = TUNNELS / PODS;
    private static final int TUNNELS_THAT_GO = TUNNELS - TUNNELS_OF_A_POD;
    /**
     * Pods that went answer for so long. What is sent to one that ends at once is asked of another endpoint instead, and
     * nobody could tell that it had gone astray.
     */
    private static final int LINGER_SECONDS = 20;

    /** From the API server's word to the moment from which nothing new may go to a pod that went. */
    private static final Duration HEARD = Duration.ofSeconds(1);

    private static final Duration ARRIVING = Duration.ofSeconds(5);
    private static final int UPGRADES_MIN = 20;
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    private final RealCluster cluster = RealCluster.get();

    @Test
    void tunnelsOfThePodsThatStayStayAndNoRequestGoesToOnesThatWent() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.echo(BACKEND, PODS, LINGER_SECONDS);
        release.serve(HOST, BACKEND);
        int port = cluster.podPort(release.dataPlanes().getFirst(), Release.HTTP);
        Release.await(
                "requests to all pods", PATIENCE, () -> Probe.names(port, HOST).size() == PODS);
        Set<String> before = cluster.readyEndpoints(Release.STORIES, BACKEND);
        try (Traffic traffic = Traffic.start(port, HOST, TUNNELS)) {
            // When
            scale(1);
            Set<String> staying = awaitOneReady();
            Thread.sleep(HEARD);
            try (Traffic arrivals = Traffic.start(port, HOST, 1)) {
                arrivals.arrive(ARRIVING);
                Set<String> lingering = pods();
                lingering.retainAll(before);
                lingering.removeAll(staying);
                awaitTheirEnds(staying, traffic);
                arrivals.awaitEchoes();
                arrivals.stopRequests();
                int ended = traffic.fleet().endings().size();
                scale(PODS);
                // The pod that stayed has every tunnel, so new ones are preferred.
                Release.await(
                        "requests to the new pods",
                        PATIENCE,
                        () -> Probe.names(port, HOST).size() >= PODS - 1);

                // Then
                traffic.stopRequests();
                judgeThoseThatWereThere(traffic, ended);
                judgeArrivals(arrivals, staying, lingering.size());
            }
        }
    }

    private static void judgeThoseThatWereThere(Traffic traffic, int ended) {
        int all = traffic.fleet().endings().size();
        int clients = Math.toIntExact(traffic.fleet().endings().stream()
                .map(ReturningFleet.Ending::client)
                .distinct()
                .count());
        System.out.printf(
                Locale.ROOT,
                "figure: R06 endpoints 3-1-3: %d of %d tunnels ended with their pods, %d times, attempts to come back refused %d;"
                        + " drops at the pod that stays %d of %d; ended when pods came %d; %s, %s%n",
                clients,
                TUNNELS,
                ended,
                traffic.fleet().refused(),
                clients - TUNNELS_THAT_GO,
                TUNNELS_OF_A_POD,
                all - ended,
                traffic.echoes(),
                traffic.requests());
        assertThat(clients)
                .as("clients whose tunnel ended: those at the pods that went")
                .isEqualTo(TUNNELS_THAT_GO);
        assertThat(all).as("ends, when pods came too: each of them once").isEqualTo(clients);
        assertThat(traffic.fleet().refused())
                .as("refused attempts to come back")
                .isZero();
        traffic.assertEveryTunnelEchoes();
        traffic.assertEveryRequestAnswered();
    }

    /** A tunnel at a pod that went ends with it, and so tells where its upgrade had gone to. */
    private static void judgeArrivals(Traffic arrivals, Set<String> staying, int lingering) {
        int astray = arrivals.probe().answers().entrySet().stream()
                .filter(each -> !staying.contains(each.getKey()))
                .mapToInt(each -> each.getValue())
                .sum();
        System.out.printf(
                Locale.ROOT,
                "figure: R06 from %d s after the API server's word that endpoints are gone, %d of whose pods still answer: upgrades %d,"
                        + " refused %d, at pods that went %d, %s; %s, by pods that went %d%n",
                HEARD.toSeconds(),
                lingering,
                arrivals.tunnels(),
                arrivals.fleet().refused(),
                arrivals.fleet().endings().size(),
                arrivals.echoes(),
                arrivals.requests(),
                astray);
        assertThat(lingering).as("pods that went and could have answered").isEqualTo(PODS - 1);
        assertThat(arrivals.tunnels()).as("upgrades").isGreaterThanOrEqualTo(UPGRADES_MIN);
        assertThat(arrivals.fleet().refused()).as("refused upgrades").isZero();
        arrivals.assertNoTunnelEnded();
        arrivals.assertEveryRequestAnswered();
        assertThat(arrivals.probe().answers().keySet())
                .as("pods that answer, %d requests of others", astray)
                .isEqualTo(staying);
    }

    private void scale(int pods) {
        cluster.kubectl("-n", Release.STORIES, "scale", "deployment/" + BACKEND, "--replicas=" + pods);
    }

    /** Returns the pod's name as soon as the API server calls only this one ready. */
    private Set<String> awaitOneReady() throws InterruptedException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        Set<String> ready = cluster.readyEndpoints(Release.STORIES, BACKEND);
        while (ready.size() != 1) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("not within " + PATIENCE.toSeconds() + " s: one ready endpoint of " + ready);
            }
            Thread.sleep(20);
            ready = cluster.readyEndpoints(Release.STORIES, BACKEND);
        }
        return ready;
    }

    /** The ends take their time where the way to the data plane is a long one. */
    private void awaitTheirEnds(Set<String> staying, Traffic traffic) throws InterruptedException {
        Release.await("the end of the pods that went", PATIENCE, () -> pods().equals(staying));
        Release.await(
                "the ends of tunnels there",
                PATIENCE,
                () -> traffic.fleet().endings().size() >= TUNNELS_THAT_GO);
        Release.await("all tunnels back", PATIENCE, () -> traffic.fleet().openTunnels() == TUNNELS);
        traffic.awaitEchoes();
    }

    /** The pods that are there, also those that end. */
    private Set<String> pods() {
        return cluster.client().pods().inNamespace(Release.STORIES).withLabel("app", BACKEND).list().getItems().stream()
                .map(pod -> pod.getMetadata().getName())
                .collect(Collectors.toCollection(TreeSet::new));
    }
}
