package dev.holdfast.e2e.overload;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.overload.WireClient.End;
import dev.holdfast.e2e.overload.WireClient.Manner;
import dev.holdfast.e2e.process.JavaProcess;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** R28: backends that break in the middle of a frame. Its half goes to the client, and nothing of ours after it. */
@Timeout(180)
class BrokenBackendTest {
    private static final int TUNNELS = Integer.getInteger("overload.broken", 100);
    private static final Duration PATIENCE = Duration.ofSeconds(60);

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
                // When a backend resets, Then
                story(dataPlane, clients, "reset", "wire.test", End.RESET, wire::resetTunnels);
                // When it ends its stream, Then
                story(dataPlane, clients, "half-close", "wire.test", End.FIN, wire::halfCloseTunnels);
                // When its process is killed, Then
                story(dataPlane, clients, "crash", "crash.test", null, crashing::kill);
                assertThat(wire.connections()).isZero();
            }
        }
    }

    private static void story(
            DataPlaneProcess dataPlane,
            WireClients clients,
            String what,
            String host,
            @org.jspecify.annotations.Nullable End expected,
            Break breaks)
            throws Exception {
        List<WireClient> open =
                clients.open(TUNNELS, dataPlane.httpPort(), "", () -> new WireClient(Manner.upgrade(host, "/half")));
        WireClients.await(
                open, "in the middle of a frame", client -> client.frames().whole() == 1, PATIENCE);
        long began = System.nanoTime();
        breaks.now();
        WireClients.await(open, "told", WireClient::hasEnded, PATIENCE);
        double told = open.stream().mapToLong(WireClient::endedNanos).max().orElse(0) - began;
        Duration freed = dataPlane.awaitAtMost("holdfast_tunnels_active", 0, PATIENCE);
        long intact = open.stream()
                .filter(client -> client.frames().whole() == 1
                        && !client.frames().atBoundary()
                        && client.frames().closeCode() == 0)
                .count();
        System.out.printf(
                "figure: R28 %s in mid-frame, tunnels %d: clients told after at most %.2f s (%s), half frames intact %d,"
                        + " tunnels gone %.2f s later%n",
                what, TUNNELS, told / 1e9, open.getFirst().end(), intact, freed.toNanos() / 1e9);
        assertThat(intact)
                .as("clients that saw half a frame and nothing invented after it")
                .isEqualTo(TUNNELS);
        if (expected != null) {
            assertThat(open).allMatch(client -> client.end() == expected);
        }
    }
}
