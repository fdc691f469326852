package dev.holdfast.e2e.overload;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.overload.WireClient.Manner;
import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.TunnelFleet;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** R23: tunnels whose clients do not read while their backends pour; and what is refused at the limits. */
@Timeout(180)
class SlowReaderMemoryTest {
    private static final int READERS = Integer.getInteger("overload.readers", 1_000);
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final long MEBIBYTE = 1 << 20;
    private static final long LIMIT = 32 * MEBIBYTE;
    private static final String DIRECT = "holdfast_limits_used\\{limit=\"memory\",?}";

    @Test
    void aThousandTunnelsThatAreNotReadStayWithinTheirMemory(@TempDir Path root) throws Exception {
        // Given
        try (EchoBackend echo = new EchoBackend("echo");
                WireBackend wire = new WireBackend();
                WireClients clients = new WireClients();
                TunnelFleet fleet = new TunnelFleet();
                DataPlaneProcess dataPlane = DataPlaneProcess.serve(
                        List.of(),
                        List.of("-XX:MaxDirectMemorySize=256m", "-Xmx192m"),
                        table(root, echo, wire),
                        "--direct-memory-max=" + LIMIT)) {
            fleet.open(50, URI.create("ws://good.test:" + dataPlane.httpPort() + "/"));

            // When
            long peak = 0;
            long settled = System.nanoTime() + 3_000_000_000L;
            long patience = System.nanoTime() + PATIENCE.toNanos();
            List<WireClient> readers = clients.open(
                    READERS,
                    dataPlane.httpPort(),
                    "",
                    () -> new WireClient(Manner.upgrade("slow.test", "/pour").taking(64, Duration.ofSeconds(2))));
            long answered = 0;
            while (answered < READERS || System.nanoTime() < settled) {
                Thread.sleep(100);
                answered =
                        readers.stream().filter(reader -> reader.status() != 0).count();
                assertThat(System.nanoTime())
                        .as("%d of %d answered", answered, READERS)
                        .isLessThan(patience);
                peak = Math.max(peak, (long) dataPlane.metric(DIRECT));
            }
            long open =
                    readers.stream().filter(reader -> reader.status() == 101).count();
            long refused =
                    readers.stream().filter(reader -> reader.status() == 503).count();
            List<WireClient> late =
                    clients.open(50, dataPlane.httpPort(), "", () -> new WireClient(Manner.upgrade("good.test", "/")));
            WireClients.await(late, "ended", WireClient::hasEnded, PATIENCE);
            double heap = dataPlane.metric("jvm_memory_used_bytes\\{area=\"heap\"[^}]*}");
            long kernel = Kernel.tcpMebibytes();
            int drops = fleet.drops();
            long lost = fleet.settle(PATIENCE);
            readers.forEach(WireClient::hangUp);

            // Then
            System.out.printf(
                    "figure: R23 readers %d: open %d, refused with 503 %d, of 50 that come late %d; limit %d MiB, direct memory at most %d MiB of 256, heap %d MiB,"
                            + " sockets %d MiB; healthy tunnels 50, drops %d, bytes lost %d, messages %d%n",
                    READERS,
                    open,
                    refused,
                    late.stream().filter(client -> client.status() == 503).count(),
                    LIMIT / MEBIBYTE,
                    peak / MEBIBYTE,
                    (long) heap / MEBIBYTE,
                    kernel,
                    drops,
                    lost,
                    fleet.messages());
            assertThat(drops).as("first: %s", fleet.firstDrop()).isZero();
            assertThat(lost).isZero();
            assertThat(peak).as("direct memory").isBetween(LIMIT, 256 * MEBIBYTE);
            assertThat(late).allMatch(client -> client.status() == 503);
            assertThat(dataPlane.process().output()).doesNotContain("OutOfMemory", "OutOfDirectMemory");
            assertThat(dataPlane.process().exitStatus()).isNull();
            assertThat(dataPlane.metric("holdfast_limits_rejected_total\\{limit=\"memory\",?}"))
                    .isEqualTo(refused + late.size());
            dataPlane.awaitAtMost("holdfast_tunnels_active", 50, PATIENCE);
        }
    }

    @Test
    void whatIsBeyondALimitIs503AndWhatIsOpenGoesOn(@TempDir Path root) throws Exception {
        // Given
        try (EchoBackend echo = new EchoBackend("echo");
                WireBackend wire = new WireBackend();
                WireClients clients = new WireClients();
                DataPlaneProcess dataPlane = DataPlaneProcess.serve(table(root, echo, wire), "--tunnels-max=100")) {
            List<WireClient> full = clients.open(
                    100, dataPlane.httpPort(), "", () -> new WireClient(Manner.upgrade("slow.test", "/idle")));
            WireClients.await(full, "upgraded", client -> client.status() == 101, PATIENCE);

            // When
            List<WireClient> more =
                    clients.open(100, dataPlane.httpPort(), "", () -> new WireClient(Manner.upgrade("good.test", "/")));
            WireClients.await(more, "ended", WireClient::hasEnded, PATIENCE);

            // Then
            assertThat(more).allMatch(client -> client.status() == 503);
            assertThat(more)
                    .allMatch(client ->
                            client.answer().toLowerCase(java.util.Locale.ROOT).contains("retry-after: "));
            assertThat(full).noneMatch(WireClient::hasEnded);
            assertThat(dataPlane.metric("holdfast_limits_rejected_total\\{limit=\"tunnels\",?}"))
                    .isEqualTo(100);
            full.forEach(WireClient::hangUp);
            dataPlane.awaitAtMost("holdfast_tunnels_active", 0, PATIENCE);
            List<WireClient> again =
                    clients.open(50, dataPlane.httpPort(), "", () -> new WireClient(Manner.upgrade("good.test", "/")));
            WireClients.await(again, "upgraded", client -> client.status() == 101, PATIENCE);
            System.out.println(
                    "figure: R33 tunnels at the limit 100, beyond it 100: 503 100, drops 0; after it 50 of 50 opened");
        }
    }

    private static Path table(Path root, EchoBackend echo, WireBackend wire) throws Exception {
        return new ServedTable()
                .host("good.test", echo.port())
                .host("slow.test", wire.port())
                .store(root);
    }
}
