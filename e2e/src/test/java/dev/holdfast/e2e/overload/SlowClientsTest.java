package dev.holdfast.e2e.overload;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.overload.WireClient.Manner;
import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.TunnelFleet;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** R31: clients that hold connections by being slow, in each of the three ways, while others are served. */
@Timeout(180)
class SlowClientsTest {
    private static final int EACH = Integer.getInteger("overload.slow", 1_000);
    private static final Duration DEADLINE = Duration.ofSeconds(4);
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Duration PACE = Duration.ofMillis(500);

    @Test
    void slowHeadsSlowBodiesAndSlowReadersAreEndedWhileOthersAreServed(@TempDir Path root) throws Exception {
        // Given
        try (EchoBackend echo = new EchoBackend("echo");
                WireBackend wire = new WireBackend();
                WireClients clients = new WireClients();
                TunnelFleet fleet = new TunnelFleet();
                DataPlaneProcess dataPlane = DataPlaneProcess.serve(
                        new ServedTable()
                                .host("good.test", echo.port())
                                .host("slow.test", wire.port())
                                .store(root),
                        "--head-timeout=" + DEADLINE,
                        "--body-grace=" + DEADLINE,
                        "--answer-timeout=" + DEADLINE)) {
            fleet.open(50, URI.create("ws://good.test:" + dataPlane.httpPort() + "/"));
            try (Honest honest = Honest.start(4, dataPlane.httpPort(), "good.test", Duration.ofMillis(20))) {
                // When
                List<WireClient> heads = open(
                        clients,
                        dataPlane,
                        Manner.request("GET / HTTP/1.1\r\nHost: slow.test\r\n").saying(bytes("X-A: b\r\n"), PACE));
                List<WireClient> bodies = open(
                        clients,
                        dataPlane,
                        Manner.request("POST / HTTP/1.1\r\nHost: slow.test\r\nContent-Length: 100000\r\n\r\n")
                                .saying(bytes("x"), PACE));
                List<WireClient> readers = open(
                        clients,
                        dataPlane,
                        Manner.request("GET /big HTTP/1.1\r\nHost: slow.test\r\n\r\n")
                                .taking(256, PACE));
                long kernel = Kernel.tcpMebibytes();
                // A slow reader notices late that it was cut off: the data plane says when it did.
                Duration cut = dataPlane.awaitAtMost("holdfast_http_connections", 20, PATIENCE);
                WireClients.await(heads, "ended", WireClient::hasEnded, PATIENCE);
                WireClients.await(bodies, "ended", WireClient::hasEnded, PATIENCE);
                honest.finish();
                readers.forEach(WireClient::hangUp);

                // Then
                System.out.printf(
                        "figure: R31 slow heads %d, bodies %d, readers %d: deadline %d s, ended after at most %.1f, %.1f, %.1f s;"
                                + " honest rounds %d, served %.1f %%, p99 %.0f ms; tunnel drops %d; kernel %d MiB%n",
                        EACH,
                        EACH,
                        EACH,
                        DEADLINE.toSeconds(),
                        latest(heads),
                        latest(bodies),
                        cut.toNanos() / 1e9,
                        honest.served(),
                        honest.percent(),
                        honest.millis(99),
                        fleet.drops(),
                        kernel);
                assertThat(honest.failed())
                        .as("first: %s", honest.firstFailure())
                        .isZero();
                assertThat(honest.served()).isPositive();
            }
            assertThat(fleet.drops()).as("first: %s", fleet.firstDrop()).isZero();
            dataPlane.awaitAtMost("holdfast_http_connections", 0, PATIENCE);
        }
    }

    private static List<WireClient> open(WireClients clients, DataPlaneProcess dataPlane, Manner manner)
            throws InterruptedException {
        return clients.open(EACH, dataPlane.httpPort(), "", () -> new WireClient(manner));
    }

    private static double latest(List<WireClient> clients) {
        return clients.stream().mapToDouble(WireClient::seconds).max().orElse(0);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
