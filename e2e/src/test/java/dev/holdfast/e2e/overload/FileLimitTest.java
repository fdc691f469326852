package dev.holdfast.e2e.overload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.e2e.overload.WireClient.Manner;
import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.RawGet;
import dev.holdfast.e2e.traffic.TunnelFleet;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** R24: a data plane that is out of file descriptors, and comes back when they do. */
@Timeout(180)
@EnabledOnOs(OS.LINUX)
class FileLimitTest {
    private static final int FILES = 400;
    private static final int KNOCKING = 500;
    private static final Duration FULL = Duration.ofSeconds(3);
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @Test
    void aFullDataPlaneRestsKeepsItsTunnelsAndAcceptsAgain(@TempDir Path root) throws Exception {
        // Given
        try (EchoBackend echo = new EchoBackend("echo");
                WireClients clients = new WireClients();
                TunnelFleet fleet = new TunnelFleet();
                DataPlaneProcess dataPlane = DataPlaneProcess.serve(
                        List.of("sh", "-c", "ulimit -n " + FILES + "; exec \"$@\"", "sh"),
                        List.of(),
                        new ServedTable()
                                .host("good.test", echo.port())
                                .host("late.test", echo.port())
                                .host("dead.test", 1)
                                .store(root),
                        "--head-timeout=PT5M")) {
            // A class of ours that is needed for the first time is read from a file, here where there is no archive of
            // them.
            assertThat(RawGet.status(dataPlane.httpPort(), "good.test")).isEqualTo(200);
            assertThat(RawGet.status(dataPlane.httpPort(), "dead.test")).isEqualTo(502);
            RawGet early = new RawGet(dataPlane.httpPort(), "late.test", "/");
            fleet.open(20, URI.create("ws://good.test:" + dataPlane.httpPort() + "/"));

            // When
            List<WireClient> knocking =
                    clients.open(KNOCKING, dataPlane.httpPort(), "", () -> new WireClient(Manner.request("GET ")));
            await().atMost(PATIENCE).until(() -> dataPlane.openFiles() >= FILES - 2);
            long messagesBefore = fleet.messages();
            Duration cpuBefore = dataPlane.process().cpu();
            Thread.sleep(FULL);
            double cpu = dataPlane.process().cpu().minus(cpuBefore).toNanos() * 100.0 / FULL.toNanos();
            long messages = fleet.messages() - messagesBefore;
            long files = dataPlane.openFiles();
            int statusWhileFull = early.get().status();
            early.close();
            knocking.forEach(WireClient::hangUp);
            long left = System.nanoTime();
            await().atMost(PATIENCE).pollInterval(Duration.ofMillis(10)).until(() -> isServed(dataPlane));
            double seconds = (System.nanoTime() - left) / 1e9;

            // Then
            System.out.printf(
                    "figure: R24 files %d of %d, knocking %d: processor while full %.1f %% of a core, messages of 20"
                            + " tunnels meanwhile %d, served again after %.2f s, drops %d, failed accepts %.0f%n",
                    files,
                    FILES,
                    KNOCKING,
                    cpu,
                    messages,
                    seconds,
                    fleet.drops(),
                    dataPlane.metric("holdfast_accept_failures_total"));
            assertThat(fleet.drops()).as("first: %s", fleet.firstDrop()).isZero();
            assertThat(messages).as("messages while full").isPositive();
            assertThat(statusWhileFull)
                    .as("of a request that needs a socket to its backend while there is none")
                    .isEqualTo(503);
            assertThat(cpu)
                    .as("processor while full, in percent of a core")
                    .isLessThanOrEqualTo(Scorecard.limit(20, 60));
            assertThat(seconds).as("seconds until it serves again").isLessThanOrEqualTo(Scorecard.limit(1, 10));
            assertThat(files).as("open files while full").isGreaterThanOrEqualTo(FILES - 2);
            assertThat(dataPlane.metric("holdfast_accept_failures_total")).isPositive();
            assertThat(fleet.settle(PATIENCE)).as("bytes lost").isZero();
            assertThat(dataPlane.process().exitStatus()).isNull();
        }
    }

    private static boolean isServed(DataPlaneProcess dataPlane) {
        try (RawGet get = new RawGet(dataPlane.httpPort(), "good.test", "/")) {
            return get.get().status() == 200;
        } catch (IOException e) {
            return false;
        }
    }
}
