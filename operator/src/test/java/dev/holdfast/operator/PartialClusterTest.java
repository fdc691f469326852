package dev.holdfast.operator;

import static dev.holdfast.operator.ClusterFixture.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.watch.WatchConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** API servers that do not tell everything. */
@Timeout(120)
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
        double alarms = cluster.watchErrors();

        // When the CRD is installed
        cluster.api().allow("websocketroutes");

        // Then the route is served too
        assertThat(early).isFalse();
        assertThat(alarms).as("watch errors while there is no CRD").isZero();
        await("the route is served", () -> dataPlane.serves("b.example.com"));
    }

    @Test
    void onlyTheNamespacesThatAreNamedAreServedAndWrittenTo() throws Exception {
        // Given an Ingress in another namespace too
        cluster.api()
                .apply(ClusterFixture.ingress("other", "c.example.com", "chat")
                        .replace("namespace: default", "namespace: other"));

        // When an operator starts that watches two namespaces, one of them empty
        StreamReader dataPlane = cluster.dataPlane(
                cluster.operator(ClusterFixture.status(), null, WatchConfig.of(List.of("default", "empty"))), "dp-1");
        await("both are served", () -> dataPlane.serves("a.example.com") && dataPlane.serves("b.example.com"));
        await(
                "the Ingress is written",
                () -> !cluster.api().writes("/namespaces/default/ingresses/").isEmpty());
        cluster.api()
                .apply(ClusterFixture.ingress("late", "d.example.com", "chat")
                        .replace("namespace: default", "namespace: empty"));

        // Then those are served, and nothing of the third
        await("the later one is served", () -> dataPlane.serves("d.example.com"));
        await(
                "the later one is written",
                () -> !cluster.api().writes("/namespaces/empty/ingresses/").isEmpty());
        assertThat(dataPlane.serves("c.example.com")).isFalse();
        assertThat(cluster.api().writes("/namespaces/other/")).isEmpty();
    }

    @Test
    void aSecretThatComesLaterIsPresentedAndTold() throws Exception {
        // Given an Ingress with TLS whose Secret is missing
        cluster.api()
                .apply(ClusterFixture.ingress("tls", "c.example.com", "chat")
                        .replace("  rules:", "  tls: [{hosts: [c.example.com], secretName: late}]\n  rules:"));
        StreamReader dataPlane = cluster.dataPlane(cluster.operator(), "dp-1");
        await("the host is served", () -> dataPlane.serves("c.example.com"));
        boolean early = dataPlane.table().certificates().isEmpty();

        // When it comes
        cluster.api().apply(secret("late"));

        // Then its certificate is in the table
        assertThat(early).isTrue();
        await("the certificate is there", () -> dataPlane.table().certificates().size() == 1);
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

    /** The Secret of a golden case, under another name. */
    private static String secret(String name) throws IOException {
        String objects = Files.readString(Path.of("src/test/resources/compile/ingress-tls-redirects/in/objects.yaml"));
        String secret = Stream.of(objects.split("(?m)^---\\s*$"))
                .filter(document -> document.contains("kind: Secret"))
                .findFirst()
                .orElseThrow();
        return secret.replaceFirst("name: \\S+", "name: " + name);
    }
}
