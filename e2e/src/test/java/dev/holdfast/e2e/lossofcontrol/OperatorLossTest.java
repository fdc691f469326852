package dev.holdfast.e2e.lossofcontrol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.e2e.cluster.MockCluster;
import dev.holdfast.e2e.process.JavaProcess;
import dev.holdfast.e2e.process.Ports;
import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.RawGet;
import dev.holdfast.e2e.traffic.TunnelFleet;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The operator is killed, stays away, comes back; the data plane serves through all of it. */
class OperatorLossTest {
    private static final Duration SOON = Duration.ofSeconds(30);

    @TempDir
    private Path work;

    private final MockCluster cluster = new MockCluster();
    private final EchoBackend backend = new EchoBackend("backend");
    private final int streamPort = Ports.free();
    private final int httpPort = Ports.free();

    @BeforeEach
    void fillCluster() {
        cluster.createService("echo", backend.port());
        cluster.createRoute("first");
    }

    @AfterEach
    void stop() {
        cluster.close();
        backend.close();
    }

    @Test
    void theDataPlaneServesThroughTheLossOfTheOperatorAndItsOwnRestart() throws Exception {
        JavaProcess operator = startOperator();
        JavaProcess dataPlane = startDataPlane();
        try (TunnelFleet fleet = new TunnelFleet()) {
            // Given
            await().atMost(SOON)
                    .untilAsserted(() ->
                            assertThat(RawGet.status(httpPort, "first.test")).isEqualTo(200));
            fleet.open(20, URI.create("ws://first.test:" + httpPort + "/"));

            // When the operator is killed
            operator.kill();

            // Then requests and tunnels go on
            Thread.sleep(1_000);
            assertThat(RawGet.status(httpPort, "first.test")).isEqualTo(200);
            assertThat(fleet.drops()).as("drops; first: %s", fleet.firstDrop()).isZero();

            // When objects change meanwhile, and the data plane restarts without an operator
            cluster.createRoute("second");
            assertThat(fleet.settle(SOON)).as("bytes lost").isZero();
            dataPlane.kill();
            dataPlane = startDataPlane();

            // Then it serves from disk
            await().atMost(SOON)
                    .untilAsserted(() ->
                            assertThat(RawGet.status(httpPort, "first.test")).isEqualTo(200));
            assertThat(RawGet.status(httpPort, "second.test")).isEqualTo(404);

            // When the operator is back
            operator = startOperator();

            // Then the data plane converges
            await().atMost(SOON)
                    .untilAsserted(() ->
                            assertThat(RawGet.status(httpPort, "second.test")).isEqualTo(200));
            assertThat(RawGet.status(httpPort, "first.test")).isEqualTo(200);
        } finally {
            System.out.println(dataPlane.output());
            System.out.println(operator.output());
            dataPlane.close();
            operator.close();
        }
    }

    private JavaProcess startOperator() throws IOException {
        return JavaProcess.start(
                "dev.holdfast.cli.HoldfastMain", List.of(), cluster.operatorArguments(work, streamPort));
    }

    private JavaProcess startDataPlane() {
        return JavaProcess.start(
                "dev.holdfast.cli.HoldfastMain",
                List.of(),
                List.of(
                        "dataplane",
                        "--operator=http://127.0.0.1:" + streamPort,
                        "--state-dir=" + work.resolve("state"),
                        "--http=127.0.0.1:" + httpPort,
                        "--https=127.0.0.1:0",
                        "--admin=127.0.0.1:0"));
    }
}
