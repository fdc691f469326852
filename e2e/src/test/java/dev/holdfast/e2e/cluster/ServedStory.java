package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.traffic.RawGet;
import io.fabric8.kubernetes.api.model.networking.v1.Ingress;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** From the API server's answer to the moment from which the last of the data planes serves by the new object. */
@Order(2)
@Timeout(600)
class ServedStory {
    private static final int INGRESSES = 100;
    private static final int ROUNDS = 3;
    private static final long MILLIS_MAX = 100;
    /** Until an edit's conditions and reports are written: two cores that write those of the last one are late for the next. */
    private static final Duration PACE = Duration.ofMillis(200);

    private static final long POLL_MILLIS = 4;
    private static final Duration SETTLING = Duration.ofSeconds(60);
    private static final long PATIENCE_NANOS = Duration.ofSeconds(30).toNanos();

    private final RealCluster cluster = RealCluster.get();

    @Test
    void anAppliedIngressIsServedByEveryDataPlaneWithinATenthOfASecond() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        List<Integer> ports = release.dataPlanes().stream()
                .map(pod -> cluster.podPort(pod, Release.HTTP))
                .toList();
        // Four JVMs that were just installed compile themselves on the machine's two cores, as does this one: told, not
        // judged.
        tell("the first ones after the installation, without a pause", measure(release, ports, "first", Duration.ZERO));

        // When
        List<List<Double>> rounds = new ArrayList<>();
        for (int round = 1; round <= ROUNDS; round++) {
            rounds.add(measure(release, ports, "served-" + round, PACE));
            tell("one each " + PACE.toMillis() + " ms", rounds.getLast());
        }

        // Then: the machine that measures is the one that serves, so one round of the three may meet what else it does
        assertThat(rounds).allSatisfy(round -> assertThat(round).hasSize(INGRESSES));
        assertThat(rounds.stream()
                        .map(round -> at(round, 0.99))
                        .sorted()
                        .toList()
                        .get(ROUNDS / 2))
                .as("the middle p99 of %d rounds, in ms", ROUNDS)
                .isLessThanOrEqualTo(MILLIS_MAX);
    }

    private static void tell(String which, List<Double> millis) {
        System.out.printf(
                Locale.ROOT,
                "figure: %d Ingresses, %s, from the API server's answer until every data plane serves it:"
                        + " p50 %.0f ms, p99 %.0f ms, at most %.0f ms%n",
                INGRESSES,
                which,
                at(millis, 0.5),
                at(millis, 0.99),
                at(millis, 1));
    }

    /**
     * The times until each was served by every data plane, in ascending order; none of the Ingresses is there, or served,
     * afterwards.
     */
    private List<Double> measure(Release release, List<Integer> ports, String name, Duration pause) throws Exception {
        List<Double> millis = new ArrayList<>();
        try {
            for (int i = 0; i < INGRESSES; i++) {
                millis.add(measureOne(release, ports, name + "-" + i));
                Thread.sleep(pause);
            }
        } finally {
            cluster.client().network().v1().ingresses().inNamespace(Release.STORIES).list().getItems().stream()
                    .filter(each -> each.getMetadata().getName().startsWith(name))
                    .forEach(each -> cluster.client().resource(each).delete());
        }
        for (int port : ports) {
            Release.awaitStatus(port, name + "-" + (INGRESSES - 1) + ".test", 404, SETTLING);
        }
        Collections.sort(millis);
        return millis;
    }

    private double measureOne(Release release, List<Integer> ports, String name) throws IOException {
        String host = name + ".test";
        Ingress ingress = Serialization.unmarshal(release.ingress(name, host, "echo"), Ingress.class);
        List<RawGet> connections = new ArrayList<>();
        for (int port : ports) {
            connections.add(new RawGet(port, host, "/"));
        }
        cluster.client().resource(ingress).create();
        long answered = System.nanoTime();
        // One thread for each: those of a pool of one processor would ask the data planes one after the other.
        try (ExecutorService probes = Executors.newVirtualThreadPerTaskExecutor()) {
            return connections.stream()
                    .map(connection -> CompletableFuture.supplyAsync(() -> untilServed(connection, answered), probes))
                    .toList()
                    .stream()
                    .mapToDouble(CompletableFuture::join)
                    .max()
                    .orElseThrow();
        }
    }

    private static double untilServed(RawGet connection, long sinceNanos) {
        try (connection) {
            while (connection.get().status() != 200) {
                if (System.nanoTime() - sinceNanos > PATIENCE_NANOS) {
                    throw new IllegalStateException("not served after " + PATIENCE_NANOS / 1_000_000_000 + " s");
                }
                Thread.sleep(POLL_MILLIS);
            }
            return (System.nanoTime() - sinceNanos) / 1e6;
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The value that this share of all does not exceed. */
    private static double at(List<Double> sorted, double share) {
        return sorted.get(Math.max(0, (int) Math.ceil(share * sorted.size()) - 1));
    }
}
