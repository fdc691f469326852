package dev.holdfast.operator;

import static dev.holdfast.operator.ClusterFixture.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.routetable.update.TableUpdate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Ingresses in the API server, tables on a real stream. */
@Timeout(120)
class IngressStreamTest {
    private final ClusterFixture cluster = new ClusterFixture();

    @AfterEach
    void stop() throws Exception {
        cluster.close();
    }

    @Test
    void anIngressAppearsChangesAndGoesOnTheStream() throws Exception {
        // Given a data plane that follows an operator
        cluster.api()
                .apply(ClusterFixture.CLASS + "---\n" + ClusterFixture.service("chat") + "---\n"
                        + ClusterFixture.slice("chat", "10.0.0.1"));
        StreamReader dataPlane = cluster.dataPlane(cluster.operator(), "dp-1");

        // When an Ingress is created, edited and deleted
        cluster.api().apply(ClusterFixture.ingress("chat", "a.example.com", "chat"));
        await("the host is served", () -> dataPlane.serves("a.example.com"));
        cluster.api().apply(ClusterFixture.ingress("chat", "b.example.com", "chat"));
        await("the other host is served", () -> dataPlane.serves("b.example.com"));
        boolean both = dataPlane.serves("a.example.com");
        cluster.api()
                .user()
                .network()
                .v1()
                .ingresses()
                .inNamespace("default")
                .withName("chat")
                .delete();
        await("no host is served", () -> dataPlane.table().virtualHosts().isEmpty());

        // Then each step was one table, the old host went with the edit
        assertThat(both).isFalse();
        assertThat(dataPlane.events().getLast().update()).isInstanceOf(TableUpdate.TableDelta.class);
    }

    @Test
    void endpointChurnSendsASmallDelta() throws Exception {
        // Given two hundred hosts
        StringBuilder objects = new StringBuilder(ClusterFixture.CLASS + "---\n" + ClusterFixture.service("chat")
                + "---\n" + ClusterFixture.slice("chat", "10.0.0.1"));
        for (int i = 0; i < 200; i++) {
            objects.append("---\n").append(ClusterFixture.ingress("i" + i, "h" + i + ".example.com", "chat"));
        }
        cluster.api().apply(objects.toString());
        StreamReader dataPlane = cluster.dataPlane(cluster.operator(), "dp-1");
        await("all hosts are served", () -> dataPlane.table().virtualHosts().size() == 200);
        int full = dataPlane.events().getFirst().bytes();

        // When an endpoint is added
        cluster.api().apply(ClusterFixture.slice("chat", "10.0.0.1", "10.0.0.2"));
        await(
                "both endpoints are there",
                () -> dataPlane.table().endpoints().values().stream()
                        .anyMatch(group -> group.endpoints().size() == 2));

        // Then the update names the endpoints and nothing else
        StreamReader.Event last = dataPlane.events().getLast();
        assertThat(last.bytes()).isLessThan(full / 20);
        assertThat(last.update()).isInstanceOfSatisfying(TableUpdate.TableDelta.class, delta -> {
            assertThat(delta.changes().virtualHosts().isEmpty()).isTrue();
            assertThat(delta.changes().endpoints().put()).hasSize(1);
        });
    }

    @Test
    void aServiceThatAppearsLaterIsServed() throws Exception {
        // Given an Ingress whose Service does not exist, and its reject on the stream
        cluster.api().apply(ClusterFixture.CLASS + "---\n" + ClusterFixture.ingress("chat", "a.example.com", "chat"));
        ClusterOperator operator = cluster.operator();
        StreamReader dataPlane = cluster.dataPlane(operator, "dp-1");
        await("the host is rejected", () -> dataPlane.serves("a.example.com"));
        assertThat(dataPlane.table().upstreams()).isEmpty();

        // When the Service and its endpoints appear
        cluster.api().apply(ClusterFixture.service("chat") + "---\n" + ClusterFixture.slice("chat", "10.0.0.1"));

        // Then it is served
        await(
                "there is an upstream",
                () -> dataPlane.table().endpoints().values().stream()
                        .anyMatch(group -> group.endpoints().size() == 1));
    }

    @Test
    void anObjectThatNobodyRefersToCausesNoCompile() throws Exception {
        // Given a settled operator
        cluster.api().apply(ClusterFixture.CLASS + "---\n" + ClusterFixture.ingress("chat", "a.example.com", "chat"));
        ClusterOperator operator = cluster.operator(null, null);
        StreamReader dataPlane = cluster.dataPlane(operator, "dp-1");
        await("the host is served", () -> dataPlane.serves("a.example.com"));
        Compilation before = operator.operator().last().orElseThrow();

        // When other Services come, and then one that matters
        cluster.api().apply(ClusterFixture.service("other") + "---\n" + ClusterFixture.slice("other", "10.0.0.9"));
        Thread.sleep(300);
        Compilation unrelated = operator.operator().last().orElseThrow();
        cluster.api().apply(ClusterFixture.service("chat"));
        await(
                "the Service is seen",
                () -> !operator.operator().last().orElseThrow().equals(before));

        // Then only that one was compiled
        assertThat(unrelated).isSameAs(before);
    }

    @Test
    void anOperatorThatStartsAgainConvergesToTheSameDigest() throws Exception {
        // Given a table
        cluster.api()
                .apply(ClusterFixture.CLASS + "---\n" + ClusterFixture.service("chat") + "---\n"
                        + ClusterFixture.slice("chat", "10.0.0.2", "10.0.0.1") + "---\n"
                        + ClusterFixture.ingress("b", "b.example.com", "chat") + "---\n"
                        + ClusterFixture.ingress("a", "a.example.com", "chat"));
        ClusterOperator first = cluster.operator();
        StreamReader before = cluster.dataPlane(first, "dp-1");
        await("both hosts are served", () -> before.serves("a.example.com") && before.serves("b.example.com"));

        // When another operator starts
        StreamReader after = cluster.dataPlane(cluster.operator(), "dp-1");
        await("both hosts are served", () -> after.serves("a.example.com") && after.serves("b.example.com"));

        // Then its table is the same
        assertThat(after.version())
                .isNotNull()
                .satisfies(version -> assertThat(version.digest())
                        .isEqualTo(java.util.Objects.requireNonNull(before.version())
                                .digest()));
    }
}
