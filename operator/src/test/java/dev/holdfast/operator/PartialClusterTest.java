package dev.holdfast.operator;

import static dev.holdfast.operator.ClusterFixture.await;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** API servers that do not tell everything. */
@Timeout(60)
class PartialClusterTest {
    private final ClusterFixture cluster = new ClusterFixture();

    @BeforeEach
    void objects() {
        cluster.api()
                .apply(ClusterFixture.CLASS + "---\n" + ClusterFixture.service("chat") + "---\n"
                        + ClusterFixture.slice("chat", "10.0.0.1") + "---\n"
                        + ClusterFixture.ingress("chat", "a.example.com", "chat") + "---\n"
                        + ClusterFixture.route("chat", "b.example.com", "chat"));
    }

    @AfterEach
    void stop() throws Exception {
        cluster.close();
    }

    @Test
    void withoutTheCrdIngressesAreServedAndRoutesOnceItComes() throws Exception {
        // Given a cluster without the CRD
        cluster.api().refuse("websocketroutes", 404);
        StreamReader dataPlane = cluster.dataPlane(cluster.operator(), "dp-1");
        await("the Ingress is served", () -> dataPlane.serves("a.example.com"));
        boolean early = dataPlane.serves("b.example.com");

        // When the CRD is installed
        cluster.api().allow("websocketroutes");

        // Then the route is served too
        assertThat(early).isFalse();
        await("the route is served", () -> dataPlane.serves("b.example.com"));
    }

    @Test
    void noTableIsPublishedBeforeEveryKindIsRead() throws Exception {
        // Given an operator that may not list Services
        cluster.api().refuse("/services", 403);
        CompletableFuture<ClusterOperator> starting = CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return cluster.operator();
                    } catch (Exception e) {
                        throw new IllegalStateException(e);
                    }
                },
                Thread::startVirtualThread);
        Thread.sleep(1_000);
        boolean early = starting.isDone();

        // When it may
        cluster.api().allow("/services");

        // Then it starts, and its first table is whole
        assertThat(early).isFalse();
        ClusterOperator operator = starting.get();
        StreamReader dataPlane = cluster.dataPlane(operator, "dp-1");
        await("both are served", () -> dataPlane.serves("a.example.com") && dataPlane.serves("b.example.com"));
        assertThat(dataPlane.events()).hasSize(1);
    }
}
