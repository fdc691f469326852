package dev.holdfast.e2e.overload;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.overload.WireClient.End;
import dev.holdfast.e2e.overload.WireClient.Manner;
import dev.holdfast.e2e.traffic.EchoBackend;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** R19: SIGTERM with tunnels open and talking, plain and over TLS. */
@Timeout(180)
class TerminationTest {
    private static final int TUNNELS = Integer.getInteger("overload.terminated", 500);
    private static final Duration GRACE = Duration.ofSeconds(1);
    private static final Duration WINDOW = Duration.ofSeconds(8);
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @Test
    void everyTunnelIsToldAtAFrameBoundaryBeforeTheProcessEnds(@TempDir Path root) throws Exception {
        // Given
        try (EchoBackend echo = new EchoBackend("echo");
                WireClients clients = new WireClients();
                DataPlaneProcess dataPlane = DataPlaneProcess.serve(
                        new ServedTable().host("good.test", echo.port()).store(root),
                        "--accept-grace=" + GRACE,
                        "--drain-window=" + WINDOW)) {
            List<WireClient> tunnels = new ArrayList<>();
            tunnels.addAll(clients.open(TUNNELS / 2, dataPlane.httpPort(), "", TerminationTest::talker));
            tunnels.addAll(clients.open(TUNNELS / 2, dataPlane.httpsPort(), "good.test", TerminationTest::talker));
            WireClients.await(tunnels, "upgraded", client -> client.status() == 101, PATIENCE);
            Thread.sleep(500);

            // When
            long began = System.nanoTime();
            CompletableFuture<Integer> exit = CompletableFuture.supplyAsync(() -> terminate(dataPlane));
            while (dataPlane.readyStatus() == 200) {
                Thread.sleep(5);
            }
            double unready = (System.nanoTime() - began) / 1e9;
            int status = exit.get();
            WireClients.await(tunnels, "ended", WireClient::hasEnded, PATIENCE);

            // Then
            long clean = tunnels.stream()
                    .filter(client -> client.frames().closeCode() == 1001
                            && client.frames().atBoundary()
                            && client.end() == End.FIN)
                    .count();
            long truncated = tunnels.stream()
                    .filter(client -> !client.frames().atBoundary())
                    .count();
            long first = LongStream.of(ends(tunnels)).min().orElse(0);
            long[] perSecond = new long[(int) WINDOW.toSeconds() + 120];
            for (long end : ends(tunnels)) {
                perSecond[(int) ((end - first) / 1_000_000_000)]++;
            }
            long most = LongStream.of(perSecond).max().orElse(0);
            long seconds = (LongStream.of(ends(tunnels)).max().orElse(0) - first) / 1_000_000_000;
            System.out.printf(
                    "figure: R19 tunnels %d, half of them TLS: unready after %.2f s, ended with 1001 %d (%.1f %%),"
                            + " truncated frames %d, spread over %d s, at most %d in a second, exit status %d%n",
                    TUNNELS, unready, clean, 100.0 * clean / TUNNELS, truncated, seconds, most, status);
            assertThat(truncated).isZero();
            assertThat(clean)
                    .as("clean ends; first other: %s", firstOther(tunnels))
                    .isGreaterThanOrEqualTo(TUNNELS * 99L / 100);
            assertThat(unready).as("seconds until unready").isLessThanOrEqualTo(1);
            assertThat((LongStream.of(ends(tunnels)).max().orElse(0) - began) / 1e9)
                    .as("seconds from the signal to the last end")
                    .isLessThanOrEqualTo(Scorecard.limit(GRACE.plus(WINDOW).toSeconds(), PATIENCE.toSeconds()));
            assertThat(status).isZero();
            assertThat(seconds).as("seconds between first and last end").isPositive();
        }
    }

    private static long[] ends(List<WireClient> tunnels) {
        return tunnels.stream().mapToLong(WireClient::endedNanos).toArray();
    }

    private static String firstOther(List<WireClient> tunnels) {
        return tunnels.stream()
                .filter(client -> client.frames().closeCode() != 1001 || client.end() != End.FIN)
                .findFirst()
                .map(WireClient::toString)
                .orElse("none");
    }

    private static WireClient talker() {
        return new WireClient(Manner.upgrade("good.test", "/").saying(WireClient.message(900), Duration.ofMillis(100)));
    }

    private static int terminate(DataPlaneProcess dataPlane) {
        try {
            return dataPlane.process().terminate(PATIENCE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return -1;
        }
    }
}
