package dev.holdfast.dataplane;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.proxy.ProxyConfig;
import dev.holdfast.dataplane.proxy.tunnel.DrainResult;
import dev.holdfast.dataplane.sync.SyncConfig;
import dev.holdfast.dataplane.sync.Tables;
import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.VirtualHost;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class DataPlaneTest {
    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();
    private static final URI NOBODY = URI.create("http://127.0.0.1:1");

    private final HttpClient http = HttpClient.newHttpClient();

    @Test
    void itIsReadyOnceItHasATableAndUnreadyAsSoonAsItEnds() throws Exception {
        // Given
        Duration grace = Duration.ofMillis(500);
        try (DataPlane dataPlane =
                new DataPlane(config(0, new DrainConfig(grace, Duration.ofMillis(100))), List.of())) {
            dataPlane.start();
            assertThat(get(dataPlane, "/readyz").body()).isEqualTo("not ready: no route table yet\n");
            dataPlane.routes().swap(Tables.version(1, RouteTable.EMPTY), RouteTable.EMPTY);
            await().until(() -> get(dataPlane, "/readyz").statusCode() == 200);

            // When
            CompletableFuture<DrainResult> end = CompletableFuture.supplyAsync(() -> shutdown(dataPlane));

            // Then
            await().until(() -> get(dataPlane, "/readyz").body().equals("not ready: it is shutting down\n"));
            assertThat(get(dataPlane, "/healthz").statusCode()).isEqualTo(200);
            assertThat(end.get()).isEqualTo(new DrainResult(0, 0));
            assertThatThrownBy(() -> get(dataPlane, "/healthz")).isInstanceOf(IOException.class);
        }
    }

    @Test
    void clientsThatStillComeBehindTheGraceAreServed() throws Exception {
        // Given: whoever sends them here hears late that this data plane ends
        DrainConfig drain = new DrainConfig(Duration.ofSeconds(4), Duration.ofMinutes(10));
        try (DataPlane dataPlane = new DataPlane(config(0, drain), List.of())) {
            dataPlane.start();
            dataPlane.routes().swap(Tables.version(1, RouteTable.EMPTY), RouteTable.EMPTY);
            Instant late = Instant.now().plus(drain.acceptGrace().multipliedBy(2));

            // When
            CompletableFuture<DrainResult> end = CompletableFuture.supplyAsync(() -> shutdown(dataPlane));

            // Then
            while (Instant.now().isBefore(late)) {
                assertThat(statusOverANewConnection(dataPlane)).isEqualTo(404);
                Thread.sleep(20);
            }
            assertThat(end.get(50, TimeUnit.SECONDS)).isEqualTo(new DrainResult(0, 0));
        }
    }

    @Test
    void anExchangeUnderWayIsAnsweredBeforeTheEnd() throws Exception {
        // Given
        DrainConfig drain = new DrainConfig(Duration.ofMillis(200), Duration.ofSeconds(20));
        try (ServerSocket backend = new ServerSocket(0, 1, LOOPBACK);
                DataPlane dataPlane = new DataPlane(config(0, drain), List.of())) {
            CompletableFuture<HttpResponse<String>> answer = asks(dataPlane, backend.getLocalPort());
            try (Socket asked = backend.accept()) {
                // When
                CompletableFuture<DrainResult> end = CompletableFuture.supplyAsync(() -> shutdown(dataPlane));
                Thread.sleep(2_000);
                asked.getOutputStream().write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate".getBytes(US_ASCII));

                // Then
                assertThat(answer.get(5, TimeUnit.SECONDS).body()).isEqualTo("late");
                assertThat(end.get(5, TimeUnit.SECONDS)).isEqualTo(new DrainResult(0, 0));
            }
        }
    }

    @Test
    void anExchangeThatDoesNotEndIsNotWaitedForBeyondTheWindow() throws Exception {
        // Given
        DrainConfig drain = new DrainConfig(Duration.ofMillis(200), Duration.ofSeconds(1));
        try (ServerSocket backend = new ServerSocket(0, 1, LOOPBACK);
                DataPlane dataPlane = new DataPlane(config(0, drain), List.of())) {
            CompletableFuture<HttpResponse<String>> answer = asks(dataPlane, backend.getLocalPort());
            try (Socket asked = backend.accept()) {
                long begun = System.nanoTime();

                // When
                DrainResult result = shutdown(dataPlane);

                // Then
                assertThat(result).isEqualTo(new DrainResult(0, 0));
                assertThat(Duration.ofNanos(System.nanoTime() - begun))
                        .isBetween(Duration.ofMillis(1_200), Duration.ofSeconds(4));
                assertThat(asked.getInputStream().readAllBytes()).isNotEmpty();
                assertThatThrownBy(answer::get).hasCauseInstanceOf(IOException.class);
            }
        }
    }

    @Test
    void itTellsItsPortsAndItsMeters() throws Exception {
        // Given
        try (DataPlane dataPlane = new DataPlane(config(0, DrainConfig.DEFAULT), List.of())) {
            dataPlane.start();

            // When
            String metrics = get(dataPlane, "/metrics").body();

            // Then
            assertThat(dataPlane.httpPort()).isPositive();
            assertThat(dataPlane.httpsPort()).isEqualTo(-1);
            assertThat(metrics)
                    .contains(
                            "holdfast_config_generation 0.0",
                            "holdfast_config_stream_connected 0.0",
                            "jvm_memory_used");
        }
    }

    @Test
    void anAddressThatIsTakenIsNamed() throws Exception {
        // Given
        try (ServerSocket taken = new ServerSocket(0, 1, LOOPBACK);
                DataPlane dataPlane = new DataPlane(config(taken.getLocalPort(), DrainConfig.DEFAULT), List.of())) {
            // When / Then
            assertThatThrownBy(dataPlane::start)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining(Integer.toString(taken.getLocalPort()));
        }
    }

    @Test
    void optionsBecomeConfiguration() {
        // Given
        CommandLine commandLine = DataPlaneMain.commandLine();

        // When
        commandLine.parseArgs(
                "--operator",
                "http://127.0.0.1:9901",
                "--name",
                "proxy-a",
                "--http",
                "127.0.0.1:0",
                "--https",
                "[::1]:0",
                "--trusted-proxy",
                "10.0.0.0/8,fd00::/8",
                "--threads",
                "3",
                "--drain-window",
                "PT2M",
                "--zone",
                "a");
        DataPlaneConfig config = ((DataPlaneMain) commandLine.getCommand()).config();

        // Then
        assertThat(config.name()).isEqualTo("proxy-a");
        assertThat(config.admin()).isEqualTo(new InetSocketAddress("127.0.0.1", 9900));
        assertThat(config.drain()).isEqualTo(new DrainConfig(Duration.ofSeconds(5), Duration.ofMinutes(2)));
        assertThat(config.proxy().eventLoops()).isEqualTo(3);
        assertThat(config.proxy().zone()).isEqualTo("a");
        assertThat(config.proxy().trustedProxies()).hasToString("[10.0.0.0/8, fd00:0:0:0:0:0:0:0/8]");
    }

    @Test
    void withoutANameItTakesThatOfThePodOrTheHost() {
        // Given
        CommandLine commandLine = DataPlaneMain.commandLine();

        // When
        commandLine.parseArgs("--operator", "http://127.0.0.1:9901");

        // Then
        assertThat(((DataPlaneMain) commandLine.getCommand()).config().name())
                .isNotBlank()
                .doesNotContain("$", "null");
    }

    @Test
    void optionsThatAreNotValidAreNamedWithTheirRemedy() {
        assertThat(usageError("--operator", "http://operator.example.com:9901"))
                .contains("operator: \"http://operator.example.com:9901\"", "http://127.0.0.1:PORT");
        assertThat(usageError("--operator", "http://127.0.0.1:9901", "--http", "localhost:80"))
                .contains("an IP address and a port");
        assertThat(usageError("--operator", "http://127.0.0.1:9901", "--trusted-proxy", "10.0.0.0/99"))
                .contains("10.0.0.0/99");
        assertThat(usageError("--operator", "http://127.0.0.1:9901", "--drain-window", "PT2H"))
                .startsWith("dataplane: --drain-window: PT2H")
                .doesNotContain("Usage:");
        assertThat(usageError()).contains("--operator");
    }

    private static String usageError(String... arguments) {
        java.io.StringWriter err = new java.io.StringWriter();
        int status =
                DataPlaneMain.commandLine().setErr(new java.io.PrintWriter(err)).execute(arguments);
        assertThat(status).isEqualTo(2);
        return err.toString();
    }

    private static int statusOverANewConnection(DataPlane dataPlane) throws IOException {
        try (Socket socket = new Socket(LOOPBACK, dataPlane.httpPort())) {
            socket.setSoTimeout(30_000);
            socket.getOutputStream().write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n".getBytes(US_ASCII));
            String line = new String(socket.getInputStream().readNBytes(12), US_ASCII);
            if (line.length() < 12) {
                throw new EOFException("ended before its answer: \"" + line + '"');
            }
            return Integer.parseInt(line.substring(9));
        }
    }

    /** Starts a data plane that serves everything from this port, and asks it something. */
    private CompletableFuture<HttpResponse<String>> asks(DataPlane dataPlane, int port) throws IOException {
        dataPlane.start();
        RouteTable table = everythingTo(port);
        dataPlane.routes().swap(Tables.version(1, table), table);
        URI uri = URI.create("http://127.0.0.1:" + dataPlane.httpPort() + "/poll");
        return http.sendAsync(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
    }

    private static RouteTable everythingTo(int port) {
        Route route = new Route(
                "Ingress/ns/all/0/0",
                new Route.Owner("Ingress", "ns", "all"),
                RouteMatch.ALL,
                RouteAction.Forward.to("u"),
                Route.Plaintext.SERVE);
        return RouteTable.of(
                List.of(new VirtualHost(HostPattern.ANY, null, List.of(route))),
                List.of(new Upstream("u", "g", null, Balancing.DEFAULT)),
                List.of(new EndpointGroup("g", List.of(EndpointGroup.Endpoint.ready("127.0.0.1", port)))),
                List.of());
    }

    private static DataPlaneConfig config(int httpPort, DrainConfig drain) {
        return new DataPlaneConfig(
                "proxy-a",
                SyncConfig.of(NOBODY, null),
                new InetSocketAddress(LOOPBACK, 0),
                ProxyConfig.of(new InetSocketAddress(LOOPBACK, httpPort), null).withEventLoops(1),
                drain);
    }

    private static DrainResult shutdown(DataPlane dataPlane) {
        try {
            return dataPlane.shutdown();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private HttpResponse<String> get(DataPlane dataPlane, String path) throws IOException, InterruptedException {
        URI uri = URI.create("http://127.0.0.1:" + dataPlane.adminPort() + path);
        return http.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
    }
}
