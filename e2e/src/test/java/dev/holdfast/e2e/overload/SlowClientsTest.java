package dev.holdfast.e2e.overload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.e2e.overload.WireClient.Manner;
import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.TunnelFleet;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** R31: clients that hold connections by being slow, in each of the three ways, while others are served. */
@Timeout(300)
class SlowClientsTest {
    private static final int EACH = Integer.getInteger("overload.slow", 1_000);

    /** Long enough that a busy machine connects all of them before the first is ended. */
    private static final Duration DEADLINE = Duration.ofSeconds(15);

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** The deadline of a reader begins when nothing is taken any more: a gigabyte fills the buffers of the kernel first. */
    private static final Duration CUT_PATIENCE = Duration.ofSeconds(150);

    private static final double ENDED_SECONDS_MAX = Scorecard.limit(DEADLINE.toSeconds() + 2, CUT_PATIENCE.toSeconds());
    private static final Duration PACE = Duration.ofMillis(500);
    private static final String CONNECTIONS = "holdfast_http_connections";

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
                Slow slow = new Slow(
                        open(
                                clients,
                                dataPlane,
                                Manner.request("GET / HTTP/1.1\r\nHost: slow.test\r\n")
                                        .saying(bytes("X-A: b\r\n"), PACE)),
                        open(
                                clients,
                                dataPlane,
                                Manner.request("POST / HTTP/1.1\r\nHost: slow.test\r\nContent-Length: 100000\r\n\r\n")
                                        .saying(bytes("x"), PACE)),
                        open(
                                clients,
                                dataPlane,
                                Manner.request("GET /big HTTP/1.1\r\nHost: slow.test\r\n\r\n")
                                        .taking(256, PACE)));
                WireClients.await(slow.all(), "connected", WireClient::isOpen, DEADLINE);
                dataPlane.awaitAtLeast(CONNECTIONS, 3 * EACH, DEADLINE);
                long held = slow.all().stream().filter(WireClient::isOpen).count();
                await().atMost(DEADLINE)
                        .untilAsserted(() -> assertThat(wire.bigAsked())
                                .as("requests of readers at the backend")
                                .isEqualTo(EACH));
                wire.pourIntoAll();
                // A slow reader notices late that it was cut off: the data plane says when it did.
                double cut =
                        dataPlane.awaitAtMost(CONNECTIONS, 20, CUT_PATIENCE).toNanos() / 1e9;
                slow.awaitAnswers();
                honest.finish();
                dataPlane.awaitAtMost(CONNECTIONS, 0, PATIENCE);
                await().atMost(PATIENCE).untilAsserted(() -> {
                    assertThat(wire.connections())
                            .as("connections at the backend")
                            .isZero();
                    assertThat(wire.stalls()).as("answers cut short there").isEqualTo(EACH);
                });
                slow.readers.forEach(WireClient::hangUp);

                // Then
                print(slow, held, wire.longestStallSeconds(), cut, honest, fleet);
                assertThat(held).as("connections held at once").isEqualTo(3L * EACH);
                slow.assertAnswered();
                assertThat(wire.longestStallSeconds())
                        .as("seconds from the last block that was taken of an answer to its cut")
                        .isLessThanOrEqualTo(ENDED_SECONDS_MAX);
                assertThat(honest.failed())
                        .as("first: %s", honest.firstFailure())
                        .isZero();
                assertThat(honest.served()).isPositive();
            }
            assertThat(fleet.drops()).as("first: %s", fleet.firstDrop()).isZero();
        }
    }

    private static void print(Slow slow, long held, double stall, double cut, Honest honest, TunnelFleet fleet) {
        System.out.printf(
                "figure: R31 %s, held at once %d; deadline %d s, readers cut at most %.1f s after the last block that was"
                        + " taken of their answers, the last of them %.1f s after the answers began; honest rounds %d, served %.1f %%, p99 %.0f ms; tunnel drops %d%n",
                slow,
                held,
                DEADLINE.toSeconds(),
                stall,
                cut,
                honest.served(),
                honest.percent(),
                honest.millis(99),
                fleet.drops());
    }

    /** The slow ones, by kind. */
    private record Slow(List<WireClient> heads, List<WireClient> bodies, List<WireClient> readers) {
        List<WireClient> all() {
            return Stream.of(heads, bodies, readers).flatMap(List::stream).toList();
        }

        void awaitAnswers() throws InterruptedException {
            WireClients.await(heads, "ended", WireClient::hasEnded, PATIENCE);
            WireClients.await(bodies, "ended", WireClient::hasEnded, PATIENCE);
            WireClients.await(readers, "answered", client -> client.status() != 0, PATIENCE);
        }

        void assertAnswered() {
            assertThat(statuses(heads)).as("heads by status").isEqualTo(Map.of(408, (long) EACH));
            assertThat(statuses(bodies)).as("bodies by status").isEqualTo(Map.of(408, (long) EACH));
            assertThat(statuses(readers)).as("readers by status").isEqualTo(Map.of(200, (long) EACH));
            assertThat(latest(heads)).as("seconds of the slowest head").isLessThanOrEqualTo(ENDED_SECONDS_MAX);
            assertThat(latest(bodies)).as("seconds of the slowest body").isLessThanOrEqualTo(ENDED_SECONDS_MAX);
        }

        @Override
        public String toString() {
            return String.format(
                    "slow heads %d, bodies %d, readers %d: by status %s, %s, %s; heads and bodies ended after at most"
                            + " %.1f and %.1f s",
                    EACH,
                    EACH,
                    EACH,
                    statuses(heads),
                    statuses(bodies),
                    statuses(readers),
                    latest(heads),
                    latest(bodies));
        }

        private static Map<Integer, Long> statuses(List<WireClient> clients) {
            return clients.stream().collect(Collectors.groupingBy(WireClient::status, Collectors.counting()));
        }

        private static double latest(List<WireClient> clients) {
            return clients.stream().mapToDouble(WireClient::seconds).max().orElse(0);
        }
    }

    private static List<WireClient> open(WireClients clients, DataPlaneProcess dataPlane, Manner manner)
            throws InterruptedException {
        return clients.open(EACH, dataPlane.httpPort(), "", () -> new WireClient(manner));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
