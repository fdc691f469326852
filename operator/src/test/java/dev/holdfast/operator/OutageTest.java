package dev.holdfast.operator;

import static dev.holdfast.operator.ClusterFixture.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.watch.LeaderGate;
import dev.holdfast.operator.watch.TolerantClients;
import dev.holdfast.operator.watch.WatchConfig;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** API servers that go away, stop answering, or take a permission back. */
@Timeout(120)
class OutageTest {
    private final ClusterFixture cluster = new ClusterFixture();
    private final Relay relay = cluster.api().relay();

    @BeforeEach
    void objects() {
        cluster.api()
                .apply(ClusterFixture.CLASS + "---\n" + ClusterFixture.service("chat") + "---\n"
                        + ClusterFixture.slice("chat", "10.0.0.1") + "---\n"
                        + ClusterFixture.ingress("chat", "a.example.com", "chat"));
    }

    @AfterEach
    void stop() throws Exception {
        cluster.close();
    }

    @Test
    void theTableStaysWhileTheApiServerIsGoneAndFollowsItAfterwards() throws Exception {
        // Given a data plane with a table
        ClusterOperator operator = operator();
        StreamReader dataPlane = cluster.dataPlane(operator, "dp-1");
        await("the Ingress is served", () -> dataPlane.serves("a.example.com"));
        Compilation before = operator.operator().last().orElseThrow();

        // When the API server goes for a while and returns with another Ingress
        relay.cut();
        Thread.sleep(1_000);
        Compilation during = operator.operator().last().orElseThrow();
        relay.mend();
        Thread.sleep(1_000);
        cluster.api().apply(ClusterFixture.ingress("late", "b.example.com", "chat"));

        // Then nothing was taken away in between, and the new one is served
        assertThat(during).isSameAs(before);
        await("the other Ingress is served", () -> dataPlane.serves("b.example.com"));
        assertThat(dataPlane.serves("a.example.com")).isTrue();
    }

    @Test
    void aKindThatMayNoLongerBeReadKeepsItsLastState() throws Exception {
        // Given a data plane with a table
        StreamReader dataPlane = cluster.dataPlane(operator(), "dp-1");
        await("there is an endpoint", () -> endpoints(dataPlane) == 1);

        // When the right to read Services is taken away, and given back after one more came
        cluster.api().refuse("/api/v1/services", 403);
        relay.cut();
        relay.mend();
        cluster.api().apply(ClusterFixture.slice("other", "10.0.0.2") + "---\n" + ClusterFixture.service("other"));
        Thread.sleep(1_500);
        int during = endpoints(dataPlane);
        cluster.api().allow("/api/v1/services");
        cluster.api().apply(ClusterFixture.ingress("other", "b.example.com", "other"));

        // Then the Service served on, and the new one is seen
        assertThat(during).isEqualTo(1);
        await("both are served", () -> endpoints(dataPlane) == 2);
    }

    @Test
    void aKindThatMayNoLongerBeWatchedIsToldByTheMetric() throws Exception {
        // Given a data plane with a table
        StreamReader dataPlane = cluster.dataPlane(operator(Duration.ofMinutes(1)), "dp-1");
        await("the Ingress is served", () -> dataPlane.serves("a.example.com"));
        double before = cluster.watchErrors();

        // When the right to watch Services is taken away, which the server asks for when a watch begins
        cluster.api().refuse("/api/v1/services", 403);
        relay.cut();
        relay.mend();

        // Then the metric tells long before the watch is doubted for its silence
        await("it is told", () -> cluster.watchErrors() > before);
        assertThat(dataPlane.serves("a.example.com")).isTrue();
    }

    @Test
    void aLeaderWhoseLeaseRanOutWritesNothingEvenIfItsElectorHangs() throws Exception {
        // Given a leader
        AtomicInteger gains = new AtomicInteger();
        try (KubernetesClient client = TolerantClients.open(cluster.api().config("holdfast-operator"));
                LeaderGate gate = new LeaderGate(
                        client, ClusterFixture.leader("one"), new SimpleMeterRegistry(), gains::incrementAndGet)) {
            gate.start();
            await("it leads", gate::isLeader);

            // When the API server stops to answer for longer than the lease
            relay.silence();

            // Then it leads no more, until the server answers; then the objects are looked at again
            await("it does not lead", () -> !gate.isLeader());
            relay.mend();
            await("it leads again", gate::isLeader);
            await("it looks again", () -> gains.get() >= 2);
        }
    }

    @Test
    void theLeaseGoesWithTheConfigMapOfTheAuthority() throws Exception {
        // Given
        cluster.api().apply("""
                apiVersion: v1
                kind: ConfigMap
                metadata: {name: stream-ca, namespace: default}
                """);
        try (KubernetesClient client = cluster.api().operatorClient();
                LeaderGate gate =
                        new LeaderGate(client, ClusterFixture.leader("one"), new SimpleMeterRegistry(), () -> {})) {
            // When
            gate.start();
            await("it leads", gate::isLeader);

            // Then
            String owner = client.configMaps()
                    .inNamespace("default")
                    .withName("stream-ca")
                    .get()
                    .getMetadata()
                    .getUid();
            await("the lease is renewed", () -> cluster.api().writes("/leases").size() > 2);
            assertThat(client.leases()
                            .inNamespace("default")
                            .withName("holdfast-operator")
                            .get()
                            .getMetadata()
                            .getOwnerReferences())
                    .singleElement()
                    .satisfies(reference -> {
                        assertThat(reference.getKind()).isEqualTo("ConfigMap");
                        assertThat(reference.getUid()).isEqualTo(owner);
                    });
        }
    }

    @Test
    void aWatchWhoseConnectionIsGoneWithoutAWordIsReplaced() throws Exception {
        // Given a data plane with a table
        StreamReader dataPlane = cluster.dataPlane(operator(), "dp-1");
        await("there is an endpoint", () -> endpoints(dataPlane) == 1);

        // When nothing passes on the open connections any more, while new ones work, and an Ingress comes
        relay.strand();
        cluster.api().apply(ClusterFixture.ingress("late", "b.example.com", "chat"));

        // Then it is served
        await("the Ingress is served", () -> dataPlane.serves("b.example.com"));
    }

    /** An operator that doubts a watch after little silence. */
    private ClusterOperator operator() throws Exception {
        return operator(Duration.ofSeconds(3));
    }

    private ClusterOperator operator(Duration silenceMax) throws Exception {
        return cluster.operator(ClusterFixture.status(), null, new WatchConfig(new TreeSet<>(), silenceMax));
    }

    private static int endpoints(StreamReader dataPlane) {
        return dataPlane.table().endpoints().values().stream()
                .mapToInt(group -> group.endpoints().size())
                .sum();
    }
}
