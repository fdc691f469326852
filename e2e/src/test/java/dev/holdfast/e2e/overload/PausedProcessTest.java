package dev.holdfast.e2e.overload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.TunnelFleet;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** R22: the process is stopped for five seconds, as a machine that is moved or starved does. */
@Timeout(180)
class PausedProcessTest {
    private static final int TUNNELS = Integer.getInteger("overload.paused", 200);
    private static final Duration STOPPED = Duration.ofSeconds(5);

    @Test
    void aDataPlaneThatStoodStillHasLostNothing(@TempDir Path root) throws Exception {
        // Given
        try (EchoBackend echo = new EchoBackend("echo");
                TunnelFleet fleet = new TunnelFleet();
                DataPlaneProcess dataPlane = DataPlaneProcess.serve(
                        new ServedTable().host("good.test", echo.port()).store(root))) {
            fleet.open(TUNNELS / 2, URI.create("ws://good.test:" + dataPlane.httpPort() + "/"));
            fleet.open(TUNNELS / 2, URI.create("wss://good.test:" + dataPlane.httpsPort() + "/"));

            // When
            dataPlane.process().signal("STOP");
            Thread.sleep(STOPPED);
            long before = fleet.messages();
            dataPlane.process().signal("CONT");
            await().atMost(Duration.ofSeconds(60)).until(() -> fleet.messages() > before + TUNNELS * 4L);
            long lost = fleet.settle(Duration.ofSeconds(60));

            // Then
            System.out.printf(
                    "figure: R22 stopped %d s, tunnels %d: drops %d, bytes lost %d, messages %d%n",
                    STOPPED.toSeconds(), TUNNELS, fleet.drops(), lost, fleet.messages());
            assertThat(fleet.drops()).as("first: %s", fleet.firstDrop()).isZero();
            assertThat(lost).isZero();
            assertThat(fleet.openTunnels()).isEqualTo(TUNNELS);
        }
    }
}
