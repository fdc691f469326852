package dev.holdfast.e2e.overload;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.overload.WireClient.Manner;
import dev.holdfast.e2e.process.JavaProcess;
import dev.holdfast.routetable.Timeouts;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** R30: peers that are gone without a word. */
@Timeout(180)
@EnabledOnOs(OS.LINUX)
class SilentPeerTest {
    private static final int TUNNELS = Integer.getInteger("overload.silent", 100);
    private static final Duration BUDGET = Duration.ofSeconds(8);

    /** Beyond the budget: what fills first, and the kernel's and the test's own steps. */
    private static final Duration MARGIN = Duration.ofSeconds(2);

    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Timeouts BRIEF =
            new Timeouts(Duration.ofSeconds(30), Duration.ofSeconds(60), Duration.ofSeconds(3));
    /** A tunnel that is idle for too long has 5 s to answer the close, and 5 s to end. */
    private static final Duration CLOSING = Duration.ofSeconds(10);

    private static final String ACTIVE = "holdfast_tunnels_active";

    @Test
    void tunnelsOfStoppedPeersAreFreed(@TempDir Path root) throws Exception {
        // Given
        try (WireBackend wire = new WireBackend();
                WireClients here = new WireClients();
                JavaProcess backend = JavaProcess.start(WireBackend.class.getName(), List.of(), List.of())) {
            int backendPort = Integer.parseInt(
                    backend.await("backend port=(\\d+)", PATIENCE).group(1));
            try (DataPlaneProcess dataPlane = DataPlaneProcess.serve(
                            new ServedTable()
                                    .host("wire.test", wire.port(), Timeouts.DEFAULT)
                                    .host("brief.test", wire.port(), BRIEF)
                                    .host("gone.test", backendPort, Timeouts.DEFAULT)
                                    .store(root),
                            "--silent-peer-timeout=" + BUDGET);
                    JavaProcess idle = peers(dataPlane, "brief.test", "/idle", "hold")) {
                idle.await("peers open", PATIENCE);
                List<WireClient> talkers = here.open(
                        TUNNELS,
                        dataPlane.httpPort(),
                        "",
                        () -> new WireClient(Manner.upgrade("gone.test", "/idle")
                                .saying(WireClient.message(60_000), Duration.ofMillis(20))));
                WireClients.await(talkers, "upgraded", client -> client.status() == 101, PATIENCE);

                Duration silent;
                Duration all;
                try (JavaProcess pouredAt = peers(dataPlane, "wire.test", "/pour", "")) {
                    pouredAt.await("peers open", PATIENCE);
                    dataPlane.awaitAtLeast(ACTIVE, 3 * TUNNELS, PATIENCE);

                    // When
                    long began = System.nanoTime();
                    pouredAt.signal("STOP");
                    idle.signal("STOP");
                    backend.signal("STOP");

                    // Then
                    dataPlane.awaitAtMost(ACTIVE, TUNNELS, PATIENCE);
                    silent = since(began);
                    dataPlane.awaitAtMost(ACTIVE, 0, PATIENCE);
                    all = since(began);
                }
                System.out.printf(
                        "figure: R30 stopped, %d each, open together: clients poured at and backends talked to freed"
                                + " after %.1f s, budget %d s; idle clients after %.1f s, idle limit %d s; leaked %.0f%n",
                        TUNNELS,
                        silent.toNanos() / 1e9,
                        BUDGET.toSeconds(),
                        all.toNanos() / 1e9,
                        BRIEF.idle().toSeconds(),
                        dataPlane.metric(ACTIVE));
                assertThat(silent).as("of those that have bytes to take").isLessThanOrEqualTo(within(BUDGET));
                assertThat(all)
                        .as("of the idle ones")
                        .isLessThanOrEqualTo(within(BRIEF.idle().plus(CLOSING)));
                WireClients.await(talkers, "told", WireClient::hasEnded, PATIENCE);
                assertThat(wire.tunnels()).isZero();
            }
        }
    }

    /** In a network namespace of its own, where rules that drop packets harm nobody: {@code e2e/overload/run.sh}. */
    @Test
    @EnabledIfSystemProperty(named = "overload.iptables", matches = "true")
    void idleTunnelsOfUnreachablePeersAreFreedWithinTheBudget(@TempDir Path root) throws Exception {
        // Given
        try (WireBackend wire = new WireBackend();
                WireBackend vanishing = new WireBackend();
                DataPlaneProcess dataPlane = DataPlaneProcess.serve(
                        new ServedTable()
                                .host("wire.test", wire.port(), Timeouts.DEFAULT)
                                .host("gone.test", vanishing.port(), Timeouts.DEFAULT)
                                .store(root),
                        "--silent-peer-timeout=" + BUDGET);
                WireClients here = new WireClients()) {
            List<WireClient> clients = here.open(
                    TUNNELS, dataPlane.httpPort(), "", () -> new WireClient(Manner.upgrade("wire.test", "/idle")));
            List<WireClient> others = here.open(
                    TUNNELS, dataPlane.httpPort(), "", () -> new WireClient(Manner.upgrade("gone.test", "/idle")));
            WireClients.await(others, "upgraded", client -> client.status() == 101, PATIENCE);
            WireClients.await(clients, "upgraded", client -> client.status() == 101, PATIENCE);
            dataPlane.awaitAtLeast(ACTIVE, 2 * TUNNELS, PATIENCE);

            // When
            long backendsGone = System.nanoTime();
            drop("--sport", vanishing.port());
            drop("--dport", vanishing.port());
            dataPlane.awaitAtMost(ACTIVE, TUNNELS, PATIENCE);
            Duration backends = since(backendsGone);
            assertThat(dataPlane.metric(ACTIVE)).as("tunnels of the others").isEqualTo(TUNNELS);
            long clientsGone = System.nanoTime();
            drop("--dport", dataPlane.httpPort());
            drop("--sport", dataPlane.httpPort());
            dataPlane.awaitAtMost(ACTIVE, 0, PATIENCE);
            Duration peers = since(clientsGone);

            // Then
            System.out.printf(
                    "figure: R30 unreachable, idle tunnels %d each, budget %d s: freed %.1f s after their backends,"
                            + " %.1f s after their clients vanished, leaked %.0f%n",
                    TUNNELS,
                    BUDGET.toSeconds(),
                    backends.toNanos() / 1e9,
                    peers.toNanos() / 1e9,
                    dataPlane.metric(ACTIVE));
            assertThat(dataPlane.metric("holdfast_keepalive_timeouts_total"))
                    .as("tunnels given up for a silent peer")
                    .isEqualTo(2 * TUNNELS);
            assertThat(backends).isLessThanOrEqualTo(within(BUDGET));
            assertThat(peers).isLessThanOrEqualTo(within(BUDGET));
        }
    }

    /** A machine that others use takes longer, but not many times as long: the timers are the kernel's and ours. */
    private static Duration within(Duration budget) {
        return Scorecard.limit(budget.plus(MARGIN), budget.multipliedBy(3).plus(MARGIN));
    }

    private static Duration since(long nanos) {
        return Duration.ofNanos(System.nanoTime() - nanos);
    }

    private static void drop(String side, int port) throws Exception {
        int status = new ProcessBuilder("iptables", "-A", "INPUT", "-p", "tcp", side, "" + port, "-j", "DROP")
                .inheritIO()
                .start()
                .waitFor();
        assertThat(status).as("iptables").isZero();
    }

    private static JavaProcess peers(DataPlaneProcess dataPlane, String host, String path, String saying) {
        return JavaProcess.start(
                SilentPeers.class.getName(),
                List.of(),
                List.of("" + dataPlane.httpPort(), "" + TUNNELS, host, path, saying));
    }
}
