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
    private static final Duration SETTLED = Duration.ofSeconds(3);
    private static final long MEBIBYTE = 1 << 20;
    private static final long LIMIT = 16 * MEBIBYTE;
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
            List<WireClient> readers = clients.open(
                    READERS,
                    dataPlane.httpPort(),
                    "",
                    () -> new WireClient(Manner.upgrade("slow.test", "/pour").taking(64, Duration.ofSeconds(2))));
            long peak = peakWhileFilling(dataPlane, readers);
            List<WireClient> late =
                    clients.open(50, dataPlane.httpPort(), "", () -> new WireClient(Manner.upgrade("good.test", "/")));
            WireClients.await(late, "ended", WireClient::hasEnded, PATIENCE);
            String memory = memory(dataPlane, peak);
            int drops = fleet.drops();
            long lost = fleet.settle(PATIENCE);
            readers.forEach(WireClient::hangUp);

            // Then
            System.out.printf(
                    "figure: R23 readers %d: open %d, refused with 503 %d, of 50 that come late %d; %s;"
                            + " healthy tunnels 50, drops %d, bytes lost %d, messages %d%n",
                    READERS,
                    count(readers, 101),
                    count(readers, 503),
                    count(late, 503),
                    memory,
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
                    .isEqualTo(count(readers, 503) + late.size());
            dataPlane.awaitAtMost("holdfast_tunnels_active", 50, PATIENCE);
        }
    }

    /** Until every reader has its answer and the limit is reached; returns the most direct memory seen. */
    private static long peakWhileFilling(DataPlaneProcess dataPlane, List<WireClient> readers) throws Exception {
        long began = System.nanoTime();
        long peak = 0;
        long used = 0;
        while (count(readers, 0) > 0 || used < LIMIT || System.nanoTime() - began < SETTLED.toNanos()) {
            Thread.sleep(100);
            assertThat(Duration.ofNanos(System.nanoTime() - began))
                    .as("%d without an answer, %d bytes of %d used", count(readers, 0), used, LIMIT)
                    .isLessThan(PATIENCE);
            used = (long) dataPlane.metric(DIRECT);
            peak = Math.max(peak, used);
        }
        return peak;
    }

    private static String memory(DataPlaneProcess dataPlane, long peak) throws Exception {
        double heap = dataPlane.metric("jvm_memory_used_bytes\\{area=\"heap\"[^}]*}");
        return String.format(
                "limit %d MiB, direct memory at most %d MiB of 256, heap %d MiB, sockets with those of the peers %d MiB",
                LIMIT / MEBIBYTE, peak / MEBIBYTE, (long) heap / MEBIBYTE, Kernel.tcpMebibytes());
    }

    private static long count(List<WireClient> clients, int status) {
        return clients.stream().filter(client -> client.status() == status).count();
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
