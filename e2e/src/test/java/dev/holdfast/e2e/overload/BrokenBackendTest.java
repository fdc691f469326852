package dev.holdfast.e2e.overload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.e2e.overload.WireClient.End;
import dev.holdfast.e2e.overload.WireClient.Manner;
import dev.holdfast.e2e.process.JavaProcess;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** R28: backends that break in the middle of a frame. Its half goes to the client, and nothing of ours after it. */
@Timeout(180)
@EnabledOnOs(OS.LINUX)
class BrokenBackendTest {
    private static final int TUNNELS = Integer.getInteger("overload.broken", 100);
    /** What the process may open for itself meanwhile: a jar, a scrape. */
    private static final int OWN_FILES_MAX = 8;

    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String ACTIVE = "holdfast_tunnels_active";

    private interface Break {
        void now() throws Exception;
    }

    @Test
    void aClientIsToldOfABackendThatBreaksInsideAFrame(@TempDir Path root) throws Exception {
        // Given
        try (WireBackend wire = new WireBackend();
                JavaProcess crashing = JavaProcess.start(WireBackend.class.getName(), List.of(), List.of());
                WireClients clients = new WireClients()) {
            int crashPort = Integer.parseInt(
                    crashing.await("backend port=(\\d+)", PATIENCE).group(1));
            try (DataPlaneProcess dataPlane = DataPlaneProcess.serve(new ServedTable()
                    .host("wire.test", wire.port())
                    .host("crash.test", crashPort)
                    .store(root))) {
                for (boolean overTls : new boolean[] {false, true}) {
                    // When a backend resets, Then
                    story(dataPlane, clients, overTls, "reset", "wire.test", End.RESET, wire::resetTunnels);
                    // When it ends its stream, Then
                    story(dataPlane, clients, overTls, "half-close", "wire.test", End.FIN, wire::halfCloseTunnels);
                }
                // When its process is killed, Then
                story(dataPlane, clients, false, "crash", "crash.test", null, crashing::kill);
                assertThat(wire.connections()).isZero();
            }
        }
    }

    private static void story(
            DataPlaneProcess dataPlane,
            WireClients clients,
            boolean overTls,
            String what,
            String host,
            @org.jspecify.annotations.Nullable End expected,
            Break breaks)
            throws Exception {
        List<WireClient> open = clients.open(
                TUNNELS,
                overTls ? dataPlane.httpsPort() : dataPlane.httpPort(),
                overTls ? host : "",
                () -> new WireClient(Manner.upgrade(host, "/half")));
        WireClients.await(
                open, "in the middle of a frame", client -> client.frames().whole() == 1, PATIENCE);
        dataPlane.awaitAtLeast(ACTIVE, TUNNELS, PATIENCE);
        long filesOpen = dataPlane.openFiles();
        long began = System.nanoTime();
        breaks.now();
        WireClients.await(open, "told", WireClient::hasEnded, PATIENCE);
        double told = (open.stream().mapToLong(WireClient::endedNanos).max().orElse(0) - began) / 1e9;
        dataPlane.awaitAtMost(ACTIVE, 0, PATIENCE);
        await().atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(20))
                .until(() -> filesOpen - dataPlane.openFiles() >= 2 * TUNNELS - OWN_FILES_MAX);
        double freed = (System.nanoTime() - began) / 1e9;
        long intact = open.stream()
                .filter(client -> client.frames().whole() == 1
                        && !client.frames().atBoundary()
                        && client.frames().closeCode() == 0)
                .count();
        System.out.printf(
                "figure: R28 %s in mid-frame, tunnels%s %d: clients told after at most %.2f s (%s), half frames intact"
                        + " %d, tunnels gone and their files closed after %.2f s%n",
                what, overTls ? " over TLS" : "", TUNNELS, told, open.getFirst().end(), intact, freed);
        assertThat(intact)
                .as("clients that saw half a frame and nothing invented after it")
                .isEqualTo(TUNNELS);
        assertThat(told).as("seconds until every client is told").isLessThanOrEqualTo(1);
        assertThat(freed).as("seconds until both ends' files are closed").isLessThanOrEqualTo(5);
        if (expected != null) {
            assertThat(open).allMatch(client -> client.end() == expected);
        }
    }
}
