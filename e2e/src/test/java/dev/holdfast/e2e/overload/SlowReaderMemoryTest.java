package dev.holdfast.e2e.overload;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.overload.Kernel.SocketMemory;
import dev.holdfast.e2e.overload.WireClient.Manner;
import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.TunnelFleet;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** R23: tunnels whose clients do not read while their backends pour; and what is refused at the limits. */
@Timeout(180)
class SlowReaderMemoryTest {
    private static final int READERS = Integer.getInteger("overload.readers", 1_000);
    private static final int HEALTHY = 50;
    private static final int LATE = 50;
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Duration SETTLED = Duration.ofSeconds(2);
    private static final long MEBIBYTE = 1 << 20;
    private static final long LIMIT = 16 * MEBIBYTE;

    /** Two high-water marks; half of what the JVM would allow for a thousand. */
    private static final long DIRECT_BYTES_EACH_MAX = 64 << 10;

    /** What may wait to be sent to a client, and as much again for what is on its way and for the kernel's own overhead. */
    private static final long UNSENT_BYTES_EACH_MAX = 1 << 20;

    /** The kernel sizes it by what was read: no limit of ours, but a leap of it is worth a look. */
    private static final long UNREAD_BYTES_EACH_MAX = 2 << 20;

    private static final String DIRECT = "holdfast_limits_used\\{limit=\"memory\",?}";
    private static final String ACTIVE = "holdfast_tunnels_active";

    @ParameterizedTest(name = "over TLS: {0}")
    @ValueSource(booleans = {false, true})
    void aThousandTunnelsThatAreNotReadStayWithinTheirMemory(boolean overTls, @TempDir Path root) throws Exception {
        // Given
        try (EchoBackend echo = new EchoBackend("echo");
                WireBackend wire = new WireBackend();
                WireClients clients = new WireClients();
                TunnelFleet fleet = new TunnelFleet();
                DataPlaneProcess dataPlane = DataPlaneProcess.serve(
                        List.of(),
                        List.of("-XX:MaxDirectMemorySize=256m", "-Xmx192m"),
                        table(root, echo, wire),
                        "--direct-memory-max=" + LIMIT,
                        "--head-timeout=" + PATIENCE)) {
            fleet.open(HEALTHY, URI.create("ws://good.test:" + dataPlane.httpPort() + "/"));
            int port = overTls ? dataPlane.httpsPort() : dataPlane.httpPort();
            List<WireClient> readers = clients.open(
                    READERS,
                    port,
                    overTls ? "slow.test" : "",
                    () -> new WireClient(Manner.upgrade("slow.test", "/idle").taking(64, Duration.ofSeconds(2))));
            WireClients.await(readers, "upgraded", client -> client.status() == 101, PATIENCE);
            dataPlane.awaitAtLeast(ACTIVE, READERS + HEALTHY, PATIENCE);

            // When
            wire.pourIntoAll();
            long peak = peakWhileFilling(dataPlane);
            List<WireClient> late = clients.open(
                    LATE, dataPlane.httpPort(), "", () -> new WireClient(Manner.upgrade("good.test", "/")));
            WireClients.await(late, "ended", WireClient::hasEnded, PATIENCE);
            Held held = Held.by(dataPlane, port, wire, peak);
            double open = dataPlane.metric(ACTIVE);
            int drops = fleet.drops();
            long lost = fleet.settle(PATIENCE);
            readers.forEach(WireClient::hangUp);

            // Then
            System.out.printf(
                    "figure: R23 readers%s %d, open together with %d healthy tunnels %.0f; of %d that come late 503 %d;"
                            + " %s; healthy tunnels' drops %d, bytes lost %d, messages %d%n",
                    overTls ? " over TLS" : "",
                    READERS,
                    HEALTHY,
                    open,
                    LATE,
                    count(late, 503),
                    held,
                    drops,
                    lost,
                    fleet.messages());
            assertThat(open).as("tunnels open while full").isEqualTo(READERS + HEALTHY);
            assertThat(drops).as("first: %s", fleet.firstDrop()).isZero();
            assertThat(lost).isZero();
            assertThat(peak).as("direct memory").isBetween(LIMIT, READERS * DIRECT_BYTES_EACH_MAX);
            held.assertBounded();
            assertThat(late).allMatch(client -> client.status() == 503);
            assertThat(dataPlane.process().output()).doesNotContain("OutOfMemory", "OutOfDirectMemory");
            assertThat(dataPlane.process().exitStatus()).isNull();
            assertThat(dataPlane.metric("holdfast_limits_rejected_total\\{limit=\"memory\",?}"))
                    .isEqualTo(LATE);
            dataPlane.awaitAtMost(ACTIVE, HEALTHY, PATIENCE);
        }
    }

    /** Until the limit is reached and nothing more is taken; returns the most direct memory seen. */
    private static long peakWhileFilling(DataPlaneProcess dataPlane) throws Exception {
        long began = System.nanoTime();
        long grown = began;
        long peak = 0;
        while (peak < LIMIT || System.nanoTime() - grown < SETTLED.toNanos()) {
            Thread.sleep(100);
            assertThat(Duration.ofNanos(System.nanoTime() - began))
                    .as("%d bytes of %d used, and growing", peak, LIMIT)
                    .isLessThan(PATIENCE);
            long used = (long) dataPlane.metric(DIRECT);
            if (used > peak) {
                peak = used;
                grown = System.nanoTime();
            }
        }
        return peak;
    }

    /**
     * What the data plane holds for its readers. A container is charged for the buffers of its sockets too.
     *
     * @param toClients its sockets' towards the clients, null where the machine cannot tell
     * @param fromBackends its sockets' towards the backends
     */
    private record Held(
            long direct,
            long heap,
            @Nullable SocketMemory toClients,
            @Nullable SocketMemory fromBackends,
            long all) {
        static Held by(DataPlaneProcess dataPlane, int port, WireBackend wire, long peak) throws Exception {
            boolean isTold = Kernel.tellsSocketMemory();
            return new Held(
                    peak,
                    (long) dataPlane.metric("jvm_memory_used_bytes\\{area=\"heap\"[^}]*}"),
                    isTold ? Kernel.socketMemory("sport = :" + port) : null,
                    isTold ? Kernel.socketMemory("dport = :" + wire.port()) : null,
                    Kernel.tcpMebibytes());
        }

        void assertBounded() {
            if (toClients != null && fromBackends != null) {
                assertThat(fromBackends.sockets()).as("sockets to backends").isEqualTo(READERS);
                assertThat(toClients.bytes())
                        .as("bytes of sockets to clients")
                        .isLessThanOrEqualTo((READERS + HEALTHY) * UNSENT_BYTES_EACH_MAX);
                assertThat(fromBackends.bytes())
                        .as("bytes of sockets to backends")
                        .isLessThanOrEqualTo(READERS * UNREAD_BYTES_EACH_MAX);
            }
        }

        @Override
        public String toString() {
            return String.format(
                    "limit %d MiB, direct memory at most %d MiB, heap %d MiB, kernel for its sockets to clients %s,"
                            + " from backends %s, for all of the machine, the peers' too, %d MiB",
                    LIMIT / MEBIBYTE,
                    direct / MEBIBYTE,
                    heap / MEBIBYTE,
                    toClients == null ? "unknown" : toClients.mebibytes() + " MiB",
                    fromBackends == null ? "unknown" : fromBackends.mebibytes() + " MiB",
                    all);
        }
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
            dataPlane.awaitAtLeast(ACTIVE, 100, PATIENCE);

            // When
            List<WireClient> more =
                    clients.open(100, dataPlane.httpPort(), "", () -> new WireClient(Manner.upgrade("good.test", "/")));
            WireClients.await(more, "ended", WireClient::hasEnded, PATIENCE);

            // Then
            assertThat(more).allMatch(client -> client.status() == 503);
            assertThat(more)
                    .allMatch(client ->
                            client.answer().toLowerCase(java.util.Locale.ROOT).contains("retry-after: "));
            assertThat(dataPlane.metric("holdfast_limits_rejected_total\\{limit=\"tunnels\",?}"))
                    .isEqualTo(100);
            long dropped = full.stream().filter(WireClient::hasEnded).count();
            full.forEach(WireClient::hangUp);
            dataPlane.awaitAtMost(ACTIVE, 0, PATIENCE);
            assertThat(dropped).as("tunnels that were open at the limit, ended").isZero();
            List<WireClient> again =
                    clients.open(50, dataPlane.httpPort(), "", () -> new WireClient(Manner.upgrade("good.test", "/")));
            WireClients.await(again, "upgraded", client -> client.status() == 101, PATIENCE);
            System.out.printf(
                    "figure: R33 tunnels at the limit %d, beyond it %d: 503 %d, drops %d; after it %d of %d opened%n",
                    full.size(), more.size(), count(more, 503), dropped, count(again, 101), again.size());
        }
    }

    private static Path table(Path root, EchoBackend echo, WireBackend wire) throws Exception {
        return new ServedTable()
                .host("good.test", echo.port())
                .host("slow.test", wire.port())
                .store(root);
    }
}
