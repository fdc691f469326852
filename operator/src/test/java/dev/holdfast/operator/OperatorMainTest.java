package dev.holdfast.operator;

import static dev.holdfast.operator.ClusterFixture.await;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The process as a person starts it, out of the cluster. */
@Timeout(120)
class OperatorMainTest {
    private final ClusterFixture cluster = new ClusterFixture();

    @TempDir
    private Path directory = Path.of("");

    @AfterEach
    void stop() throws Exception {
        cluster.close();
    }

    @Test
    void itRunsOutOfTheClusterWithAKubeconfig() throws Exception {
        // Given an API server with an Ingress, and a kubeconfig for it
        cluster.api().apply(ClusterFixture.CLASS + "---\n" + ClusterFixture.ingress("chat", "a.example.com", "chat"));
        OperatorMain main = new OperatorMain();

        // When the process starts with it
        CompletableFuture<Integer> exit = started(main);

        // Then it gets ready, serves a table, writes as the elected leader, and ends when asked
        await(
                "it is ready",
                () -> main.adminPortBound() > 0 && get(main, "/readyz").statusCode() == 200);
        StreamReader dataPlane = cluster.dataPlane(Objects.requireNonNull(main.running()), "dp-1");
        await("the Ingress is served", () -> dataPlane.serves("a.example.com"));
        await(
                "its address is written",
                () -> !cluster.api().writes("/ingresses/chat/status").isEmpty());
        assertThat(cluster.api().writes("/leases")).isNotEmpty();
        assertThat(get(main, "/metrics").body())
                .contains("holdfast_operator_compiles_seconds_count")
                .contains("holdfast_operator_leader 1.0")
                .contains("operator_sdk_events_received");
        main.stop();
        assertThat(exit.get(20, TimeUnit.SECONDS)).isZero();
    }

    @Test
    void aShadowServesWhatTheOtherControllerServesAndWritesNothing() throws Exception {
        // Given an Ingress of ingress-nginx whose Service is missing, which calls for an Event
        cluster.api()
                .apply(ClusterFixture.CLASS
                                .replace("name: holdfast", "name: nginx")
                                .replace("holdfast.dev/ingress-controller", "k8s.io/ingress-nginx")
                        + "---\n"
                        + ClusterFixture.ingress("chat", "a.example.com", "chat")
                                .replace("ingressClassName: holdfast", "ingressClassName: nginx"));
        OperatorMain main = new OperatorMain();

        // When the process starts as its shadow
        CompletableFuture<Integer> exit =
                started(main, "--class=nginx", "--controller-value=k8s.io/ingress-nginx", "--no-status");

        // Then it serves the Ingress, and its changes, without a write, an election or an Event
        await("it is ready", () -> main.running() != null && main.running().isReady());
        StreamReader dataPlane = cluster.dataPlane(Objects.requireNonNull(main.running()), "dp-1");
        await("the Ingress is served", () -> dataPlane.serves("a.example.com"));
        cluster.api()
                .apply(ClusterFixture.ingress("late", "b.example.com", "chat")
                        .replace("ingressClassName: holdfast", "ingressClassName: nginx"));
        await("a later one is served", () -> dataPlane.serves("b.example.com"));
        main.stop();
        assertThat(exit.get(20, TimeUnit.SECONDS)).isZero();
        assertThat(cluster.api().writes()).isEmpty();
    }

    @Test
    void aWatchThatTheServerEndsIsOpenedAgainWithoutAPause() throws Exception {
        // Given a process that watches Ingresses, twice: to serve them and to write their status
        WatchWire wire = cluster.api().wire("ingresses");
        cluster.api().apply(ClusterFixture.CLASS);
        OperatorMain main = new OperatorMain();
        CompletableFuture<Integer> exit = started(main);
        await("it watches", () -> wire.opened() >= 2);
        long began = System.nanoTime();

        // When the server ends the watches again and again, as every API server does when their time is over
        for (int end = 1; end <= 20; end++) {
            int before = wire.opened();
            wire.hangUp();
            await("they are open again", () -> wire.opened() >= before + 2);
        }

        // Then there is no second between an end and the next watch, as there is by default
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(15));
        main.stop();
        assertThat(exit.get(20, TimeUnit.SECONDS)).isZero();
    }

    @Test
    void aWrongOptionSaysWhatIsExpected() {
        // When the process is started with a Service that has no namespace
        StringWriter errors = new StringWriter();
        int exit = new CommandLine(new OperatorMain())
                .setErr(new PrintWriter(errors, true))
                .execute(
                        "--publish-service=edge",
                        "--admin-port=0",
                        "--kubeconfig",
                        kubeconfig().toString());

        // Then it ends with a usage error that names the form
        assertThat(exit).isEqualTo(CommandLine.ExitCode.USAGE);
        assertThat(errors.toString()).contains("publish-service: \"edge\" (expected: namespace/name of a Service)");
    }

    @Test
    void aStreamBeyondLoopbackNeedsSomebodyToExpect() {
        // When the process is started with a stream for everybody
        StringWriter errors = new StringWriter();
        int exit = new CommandLine(new OperatorMain())
                .setErr(new PrintWriter(errors, true))
                .execute(
                        "--stream-address=0.0.0.0",
                        "--admin-port=0",
                        "--kubeconfig",
                        kubeconfig().toString());

        // Then it ends with a usage error that names the remedy
        assertThat(exit).isEqualTo(CommandLine.ExitCode.USAGE);
        assertThat(errors.toString())
                .contains("--stream-address: ")
                .contains("--data-plane-service-account NAMESPACE/NAME");
    }

    /** Not on the common pool, whose one thread the Kubernetes client needs. */
    private CompletableFuture<Integer> started(OperatorMain main, String... more) {
        List<String> arguments = new ArrayList<>(List.of(
                "--kubeconfig",
                kubeconfig().toString(),
                "--stream-port=0",
                "--admin-port=0",
                "--admin-address=127.0.0.1",
                "--publish-status-address=203.0.113.7"));
        arguments.addAll(List.of(more));
        return CompletableFuture.supplyAsync(
                () -> new CommandLine(main).execute(arguments.toArray(String[]::new)), Thread::startVirtualThread);
    }

    private Path kubeconfig() {
        try {
            return Files.writeString(
                    directory.resolve("kubeconfig"), """
                    apiVersion: v1
                    kind: Config
                    current-context: mock
                    contexts: [{name: mock, context: {cluster: mock, user: mock, namespace: default}}]
                    clusters: [{name: mock, cluster: {server: "%s"}}]
                    users: [{name: mock, user: {token: none}}]
                    """.formatted(cluster.api().url()));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static HttpResponse<String> get(OperatorMain main, String path) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            URI uri = URI.create("http://127.0.0.1:" + main.adminPortBound() + path);
            return client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
        }
    }
}
