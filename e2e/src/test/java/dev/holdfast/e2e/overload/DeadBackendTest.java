package dev.holdfast.e2e.overload;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.overload.WireClient.Manner;
import dev.holdfast.e2e.process.Ports;
import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.routetable.Timeouts;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** R29: routes whose backend refuses, swallows or never answers, with hundreds of handshakes a second. */
@Timeout(180)
class DeadBackendTest {
    private static final int PER_SECOND = Integer.getInteger("overload.handshakes", 500);
    private static final Duration RUN = Duration.ofSeconds(5);
    private static final int ROUNDS_MIN = 50;
    private static final int DEAD_MAX = 6_000;
    /** On a shared machine a neighbour makes ten times of a few milliseconds, but not of these. */
    private static final double ROUND_MILLIS = 50;

    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Timeouts SHORT =
            new Timeouts(Duration.ofSeconds(2), Duration.ofSeconds(2), Duration.ofHours(1));

    @Test
    void deadBackendsDoNotSlowTheRoutesBesideThem(@TempDir Path root) throws Exception {
        // Given
        List<Socket> waiting = new ArrayList<>();
        try (EchoBackend echo = new EchoBackend("echo");
                WireClients clients = new WireClients();
                ServerSocket hole = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                ServerSocket mute = new ServerSocket(0, 4_096, InetAddress.getLoopbackAddress());
                DataPlaneProcess dataPlane = DataPlaneProcess.serve(new ServedTable()
                        .host("good.test", echo.port())
                        .host("refused.test", Ports.free(), SHORT)
                        .host("hole.test", hole.getLocalPort(), SHORT)
                        .host("mute.test", mute.getLocalPort(), SHORT)
                        .store(root))) {
            fill(hole, waiting);
            // A cold machine's rounds would make the comparison easy.
            run(dataPlane, RUN.dividedBy(2));
            Honest alone = run(dataPlane, RUN.dividedBy(2));

            // When
            List<WireClient> dead = new ArrayList<>();
            Honest beside = Honest.start(8, dataPlane.httpPort(), "good.test", Duration.ofMillis(20));
            long began = System.nanoTime();
            for (int i = 0; isTooFew(began, dead.size(), beside); i++) {
                String host = List.of("refused.test", "hole.test", "mute.test").get(i % 3);
                dead.addAll(clients.open(1, dataPlane.httpPort(), "", () -> new WireClient(Manner.upgrade(host, "/"))));
                long due = began + (long) (i + 1) * 1_000_000_000 / PER_SECOND;
                Thread.sleep(Math.max(0, (due - System.nanoTime()) / 1_000_000));
            }
            double rate = dead.size() / ((System.nanoTime() - began) / 1e9);
            beside.finish();
            WireClients.await(dead, "ended", WireClient::hasEnded, PATIENCE);

            // Then
            double ratio = beside.millis(99) / alone.millis(99);
            System.out.printf(
                    "figure: R29 handshakes to dead backends %.0f/s (502: %d, 504: %d): other routes served %.1f %% of"
                            + " %d, p99 %.1f ms, without them %.1f ms of %d, ratio %.1f%n",
                    rate,
                    dead.stream().filter(client -> client.status() == 502).count(),
                    dead.stream().filter(client -> client.status() == 504).count(),
                    beside.percent(),
                    beside.served(),
                    beside.millis(99),
                    alone.millis(99),
                    alone.served(),
                    ratio);
            assertThat(beside.served()).isPositive();
            assertThat(alone.failed()).as("first: %s", alone.firstFailure()).isZero();
            assertThat(beside.failed()).as("first: %s", beside.firstFailure()).isZero();
            assertThat(dead).allMatch(client -> client.status() == 502 || client.status() == 504);
            assertThat(rate).as("handshakes a second").isGreaterThanOrEqualTo(PER_SECOND * Scorecard.limit(0.98, 0.1));
            assertThat(ratio)
                    .as("p99 beside dead backends to p99 without")
                    .isLessThanOrEqualTo(Scorecard.limit(2, 10 * Math.max(1, ROUND_MILLIS / alone.millis(99))));
            // One that waited for a dead backend would take that long: hardly any did, on however slow a machine.
            assertThat(beside.millis(99))
                    .as("p99 in ms")
                    .isLessThan(SHORT.connect().toMillis());
            dataPlane.awaitAtMost("holdfast_limits_used\\{limit=\"tunnels\",?}", 0, PATIENCE);
        } finally {
            for (Socket socket : waiting) {
                socket.close();
            }
        }
    }

    private static Honest run(DataPlaneProcess dataPlane, Duration time) throws InterruptedException {
        Honest honest = Honest.start(8, dataPlane.httpPort(), "good.test", Duration.ofMillis(20));
        Thread.sleep(time);
        honest.finish();
        return honest;
    }

    /** A machine with more to do gets more time, within the files that a process may open. */
    private static boolean isTooFew(long began, int dead, Honest beside) {
        return System.nanoTime() - began < RUN.toNanos() || beside.served() < ROUNDS_MIN && dead < DEAD_MAX;
    }

    /** Until the backlog is full: the kernel then drops every SYN. */
    private static void fill(ServerSocket hole, List<Socket> waiting) throws IOException {
        while (waiting.size() < 100) {
            Socket socket = new Socket();
            waiting.add(socket);
            try {
                socket.connect(new InetSocketAddress(hole.getInetAddress(), hole.getLocalPort()), 200);
            } catch (SocketTimeoutException e) {
                return;
            }
        }
        throw new IllegalStateException("the backlog does not fill");
    }
}
