package dev.holdfast.e2e.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.e2e.overload.DataPlaneProcess;
import dev.holdfast.e2e.overload.ServedTable;
import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.RawGet;
import dev.holdfast.e2e.traffic.TunnelFleet;
import dev.holdfast.routetable.Timeouts;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What handshakes, tunnels and plain requests take is counted apart. */
@Timeout(value = 200, unit = TimeUnit.SECONDS)
class HandshakeLatencyTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String HOST = "held.test";
    private static final int TUNNELS = 2;
    private static final Duration HELD = Duration.ofSeconds(3);

    /** What the three meters say, in numbers and seconds. */
    private record Meters(
            double handshakes,
            double handshakeSeconds,
            double requests,
            double requestSeconds,
            double tunnels,
            double tunnelSeconds) {
        static Meters of(DataPlaneProcess dataPlane) throws IOException, InterruptedException {
            return new Meters(
                    dataPlane.metric("holdfast_handshake_duration_seconds_count"),
                    dataPlane.metric("holdfast_handshake_duration_seconds_sum"),
                    dataPlane.metric("holdfast_http_requests_duration_seconds_count"),
                    dataPlane.metric("holdfast_http_requests_duration_seconds_sum"),
                    dataPlane.metric("holdfast_tunnel_duration_seconds_count"),
                    dataPlane.metric("holdfast_tunnel_duration_seconds_sum"));
        }
    }

    @Test
    void theLifeOfATunnelIsNoPartOfAnyLatency(@TempDir Path work) throws Exception {
        // Given a data plane that has served a plain request and a tunnel
        try (EchoBackend backend = new EchoBackend("backend");
                DataPlaneProcess dataPlane = DataPlaneProcess.serve(new ServedTable()
                        .host(HOST, backend.port(), Timeouts.DEFAULT)
                        .store(work))) {
            assertThat(RawGet.status(dataPlane.httpPort(), HOST)).isEqualTo(200);
            hold(dataPlane, 1, Duration.ZERO);
            awaitClosed(dataPlane, 1);
            Meters before = Meters.of(dataPlane);

            // When tunnels are held and closed
            hold(dataPlane, TUNNELS, HELD);
            awaitClosed(dataPlane, 1 + TUNNELS);

            // Then
            Meters after = Meters.of(dataPlane);
            double handshakes = after.handshakeSeconds - before.handshakeSeconds;
            double lives = after.tunnelSeconds - before.tunnelSeconds;
            System.out.printf(
                    "figure: %d tunnels held for %d s: handshakes %.3f s, tunnels %.3f s, plain requests %.0f more%n",
                    TUNNELS, HELD.toSeconds(), handshakes, lives, after.requests - before.requests);
            assertThat(before.requests).as("the plain request was counted").isEqualTo(1);
            assertThat(after.requests).isEqualTo(before.requests);
            assertThat(after.requestSeconds).isEqualTo(before.requestSeconds);
            assertThat(after.handshakes - before.handshakes).isEqualTo(TUNNELS);
            assertThat(handshakes).as("less than the life of one tunnel").isBetween(0.0, HELD.toSeconds() - 1.0);
            assertThat(after.tunnels - before.tunnels).isEqualTo(TUNNELS);
            assertThat(lives).isGreaterThanOrEqualTo(TUNNELS * (double) HELD.toSeconds());
        }
    }

    private static void hold(DataPlaneProcess dataPlane, int tunnels, Duration time) throws InterruptedException {
        try (TunnelFleet fleet = new TunnelFleet()) {
            fleet.open(tunnels, URI.create("ws://" + HOST + ":" + dataPlane.httpPort() + "/"));
            Thread.sleep(time);
            assertThat(fleet.drops()).as("first: " + fleet.firstDrop()).isZero();
        }
    }

    private static void awaitClosed(DataPlaneProcess dataPlane, int tunnels) {
        await().atMost(PATIENCE).until(() -> dataPlane.metric("holdfast_tunnel_duration_seconds_count") == tunnels);
    }
}
