package dev.holdfast.e2e.channel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.DataPlane;
import dev.holdfast.dataplane.DataPlaneConfig;
import dev.holdfast.dataplane.DrainConfig;
import dev.holdfast.dataplane.proxy.ProxyConfig;
import dev.holdfast.dataplane.sync.OperatorAccess;
import dev.holdfast.dataplane.sync.SyncConfig;
import dev.holdfast.e2e.cluster.MockCluster;
import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.RawGet;
import dev.holdfast.e2e.traffic.TunnelFleet;
import dev.holdfast.operator.ClusterOperator;
import dev.holdfast.operator.OperatorConfig;
import dev.holdfast.operator.channel.ChannelConfig;
import dev.holdfast.operator.channel.ChannelConfig.Authority;
import dev.holdfast.operator.channel.ChannelConfig.Lifetimes;
import dev.holdfast.operator.channel.ChannelConfig.Peers;
import dev.holdfast.operator.compile.CompileOptions;
import dev.holdfast.operator.publish.DataPlaneState;
import dev.holdfast.operator.watch.TolerantClients;
import dev.holdfast.operator.watch.WatchConfig;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two operators and two data planes that trust each other by certificate and token, while both change. */
@Timeout(240)
class SecureChannelTest {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final Lifetimes BRIEF =
            new Lifetimes(Duration.ofSeconds(24), Duration.ofSeconds(2), Duration.ofSeconds(6), Duration.ofMillis(200));

    @TempDir
    private Path work;

    private final MockCluster cluster = new MockCluster();
    private final EchoBackend backend = new EchoBackend("backend");
    private final List<ClusterOperator> operators = new ArrayList<>();
    private final List<DataPlane> dataPlanes = new ArrayList<>();
    private Thread kubelet;

    @BeforeEach
    void start() throws Exception {
        cluster.createService("echo", backend.port());
        cluster.createRoute("first");
        kubelet = Thread.startVirtualThread(this::mount);
        for (int i = 0; i < 2; i++) {
            ClusterOperator operator = operator();
            operators.add(operator);
            operator.start();
        }
        for (String name : List.of("dp-1", "dp-2")) {
            DataPlane dataPlane = dataPlane(name);
            dataPlanes.add(dataPlane);
            dataPlane.start();
        }
    }

    @AfterEach
    void stop() {
        dataPlanes.forEach(DataPlane::close);
        operators.forEach(ClusterOperator::close);
        kubelet.interrupt();
        cluster.close();
        backend.close();
    }

    @Test
    void aRotatedAuthorityAndALostReplicaCostNothing() throws Exception {
        try (TunnelFleet fleet = new TunnelFleet()) {
            // Given two data planes that every replica knows to serve
            awaitServed("first");
            await().atMost(SOON)
                    .untilAsserted(() -> assertThat(operators)
                            .allSatisfy(operator -> assertThat(
                                            operator.operator().reports().states())
                                    .extracting(DataPlaneState::name, DataPlaneState::connected)
                                    .containsExactly(
                                            org.assertj.core.groups.Tuple.tuple("dp-1", true),
                                            org.assertj.core.groups.Tuple.tuple("dp-2", true))));
            fleet.open(20, URI.create("ws://first.test:" + dataPlanes.getFirst().httpPort() + "/"));
            List<Double> lost =
                    dataPlanes.stream().map(SecureChannelTest::streamsLost).toList();
            String authority = authority();

            // When the CA is replaced
            await().atMost(SOON).until(() -> !authority().equals(authority));

            // Then the streams that are open go on
            cluster.createRoute("second");
            awaitServed("second");
            assertThat(dataPlanes.stream().map(SecureChannelTest::streamsLost).toList())
                    .isEqualTo(lost);

            // When a replica goes, and then objects change
            ClusterOperator serving = operators.stream()
                    .filter(operator ->
                            operator.operator().reports().states().stream().anyMatch(state -> state.streams() > 0))
                    .findFirst()
                    .orElseThrow();
            serving.close();
            operators.remove(serving);
            cluster.createRoute("third");

            // Then its data planes resume at the other, by the new CA, and receive differences only
            awaitServed("third");
            assertThat(dataPlanes)
                    .allSatisfy(dataPlane -> assertThat(fullTables(dataPlane)).isEqualTo(1));
            assertThat(fleet.settle(SOON)).as("bytes lost").isZero();
            assertThat(fleet.drops()).as("drops; first: %s", fleet.firstDrop()).isZero();
        }
    }

    private ClusterOperator operator() throws IOException {
        Config kubernetes = new ConfigBuilder(Config.empty())
                .withMasterUrl(cluster.client().getMasterUrl().toString())
                .withHttp2Disable(true)
                .withRequestRetryBackoffLimit(0)
                .build();
        CompileOptions options = new CompileOptions(
                "holdfast.dev/ingress-controller", "holdfast", false, CompileOptions.LoopbackEndpoints.SERVED);
        return new ClusterOperator(
                new ClusterOperator.Config(
                        OperatorConfig.of(options, 0),
                        WatchConfig.of(List.of()),
                        null,
                        null,
                        new ChannelConfig(
                                anyPort(),
                                List.of("localhost"),
                                Peers.parse("edge/proxy", Peers.AUDIENCE),
                                new Authority("edge", "stream-ca", "stream-ca", BRIEF))),
                () -> TolerantClients.open(kubernetes),
                new SimpleMeterRegistry());
    }

    private DataPlane dataPlane(String name) throws IOException {
        Path token = Files.writeString(work.resolve(name + ".token"), cluster.token(name) + "\n");
        OperatorAccess access = new OperatorAccess(
                operators.stream().map(ClusterOperator::streamUri).toList(), work.resolve("ca.crt"), token);
        return new DataPlane(
                new DataPlaneConfig(
                        name,
                        SyncConfig.of(access, null),
                        anyPort(),
                        ProxyConfig.of(anyPort(), anyPort()),
                        DrainConfig.DEFAULT),
                List.of());
    }

    /** Does what a kubelet does for a volume of a ConfigMap. */
    private void mount() {
        Path file = work.resolve("ca.crt");
        try {
            while (true) {
                ConfigMap map = cluster.client()
                        .configMaps()
                        .inNamespace("edge")
                        .withName("stream-ca")
                        .get();
                if (map != null) {
                    Path next = Files.writeString(
                            work.resolve("ca.crt.next"), map.getData().getOrDefault("ca.crt", ""));
                    Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
                }
                Thread.sleep(200);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private String authority() {
        return cluster.client()
                .secrets()
                .inNamespace("edge")
                .withName("stream-ca")
                .get()
                .getData()
                .getOrDefault("ca.crt", "");
    }

    private static double streamsLost(DataPlane dataPlane) {
        return dataPlane
                .registry()
                .get("holdfast.config.stream.reconnects")
                .counter()
                .count();
    }

    private static double fullTables(DataPlane dataPlane) {
        return dataPlane.registry().find("holdfast.config.updates").tag("kind", "full").counters().stream()
                .mapToDouble(Counter::count)
                .sum();
    }

    private void awaitServed(String name) {
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(dataPlanes)
                        .allSatisfy(dataPlane -> assertThat(RawGet.status(dataPlane.httpPort(), name + ".test"))
                                .isEqualTo(200)));
    }

    private static InetSocketAddress anyPort() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }
}
