package dev.holdfast.e2e.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.DataPlane;
import dev.holdfast.dataplane.DataPlaneConfig;
import dev.holdfast.dataplane.DrainConfig;
import dev.holdfast.dataplane.proxy.ProxyConfig;
import dev.holdfast.dataplane.sync.OperatorAccess;
import dev.holdfast.dataplane.sync.SyncConfig;
import dev.holdfast.e2e.cluster.MockCluster;
import dev.holdfast.e2e.observe.MetricsDocument.Meter;
import dev.holdfast.e2e.process.JavaProcess;
import dev.holdfast.e2e.process.Ports;
import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.RawGet;
import dev.holdfast.e2e.traffic.TunnelFleet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code docs/observability.md} against the sources, and against what both processes show under traffic. */
@Timeout(value = 300, unit = TimeUnit.SECONDS)
class MetricsDocumentTest {
    private static final Duration PATIENCE = Duration.ofSeconds(90);
    private static final Pattern NAME = Pattern.compile("\"(holdfast\\.[a-z][a-z_.]*[a-z])\"");

    @Test
    void everyMeterOfTheSourcesIsDocumentedAndNoOther() throws IOException {
        // Given
        Set<String> names = new TreeSet<>();
        for (String module : List.of("dataplane", "operator")) {
            for (Path file : javaFiles(Path.of(System.getProperty("holdfast.root", ".."), module, "src", "main"))) {
                Matcher literal = NAME.matcher(Files.readString(file));
                while (literal.find()) {
                    names.add(literal.group(1).replace('.', '_'));
                }
            }
        }
        names.remove("holdfast_dev");

        // When
        Set<String> documented = new TreeSet<>();
        MetricsDocument.documented().values().forEach(meter -> documented.add(withoutSuffix(meter.name(), names)));

        // Then
        assertThat(documented).as("documented meters, without suffixes").isEqualTo(names);
    }

    @Test
    void whatIsShownIsWhatIsDocumented(@TempDir Path work) throws Exception {
        // Given
        Map<String, Meter> shown = new TreeMap<>();
        int streamPort = Ports.free();
        try (MockCluster cluster = new MockCluster();
                EchoBackend backend = new EchoBackend("backend")) {
            cluster.createService("echo", backend.port());
            cluster.createRoute("shown");
            cluster.createService("dead", 1);
            cluster.create("""
                    apiVersion: holdfast.dev/v1alpha1
                    kind: WebSocketRoute
                    metadata: {name: dead, namespace: shop}
                    spec:
                      ingressClassName: holdfast
                      hostnames: [dead.test]
                      rules: [{backendRefs: [{name: dead, port: 80}]}]
                    """);
            try (JavaProcess operator = JavaProcess.start(
                            "dev.holdfast.cli.HoldfastMain", List.of(), cluster.operatorArguments(work, streamPort));
                    DataPlane dataPlane = dataPlane(streamPort)) {
                dataPlane.start();

                // When
                await().atMost(PATIENCE).until(() -> RawGet.status(dataPlane.httpPort(), "shown.test") == 200);
                RawGet.status(dataPlane.httpPort(), "nowhere.test");
                try (TunnelFleet fleet = new TunnelFleet()) {
                    fleet.open(2, URI.create("ws://shown.test:" + dataPlane.httpPort() + "/"));
                    await().atMost(PATIENCE)
                            .until(() -> metrics(dataPlane.adminPort())
                                    .contains("holdfast_tunnels_opened_total{namespace=\"shop\",route=\"shown\"} 2.0"));
                }
                await().atMost(PATIENCE).until(() -> RawGet.status(dataPlane.httpPort(), "dead.test") == 502);
                shown.putAll(MetricsDocument.shown(metrics(dataPlane.adminPort())));
                int admin = Integer.parseInt(
                        operator.await("adminPort=(\\d+)", PATIENCE).group(1));
                shown.putAll(MetricsDocument.shown(metrics(admin)));
            }
        }
        if (Boolean.getBoolean("observability.print")) {
            shown.values().forEach(meter -> System.out.println(meter.row()));
        }

        // Then
        Map<String, Meter> documented = MetricsDocument.documented();
        assertThat(shown).hasSizeGreaterThan(40);
        assertThat(shown)
                .as("shown (print all with -Dobservability.print=true)")
                .allSatisfy((name, meter) ->
                        assertThat(documented.get(name)).as(meter.row()).isEqualTo(meter));
        System.out.printf(
                "figure: meters documented %d, of which shown under light traffic %d%n",
                documented.size(), shown.size());
    }

    private static String withoutSuffix(String series, Set<String> names) {
        return Stream.of("", "_total", "_seconds", "_seconds_total")
                .filter(series::endsWith)
                .map(suffix -> series.substring(0, series.length() - suffix.length()))
                .filter(names::contains)
                .findFirst()
                .orElse(series);
    }

    private static List<Path> javaFiles(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(path -> path.toString().endsWith(".java")).toList();
        }
    }

    private static DataPlane dataPlane(int streamPort) throws IOException {
        OperatorAccess access = new OperatorAccess(List.of(URI.create("http://127.0.0.1:" + streamPort)), null, null);
        return new DataPlane(
                new DataPlaneConfig(
                        "shown",
                        SyncConfig.of(access, null),
                        anyPort(),
                        ProxyConfig.of(anyPort(), anyPort()),
                        DrainConfig.DEFAULT),
                List.of());
    }

    private static InetSocketAddress anyPort() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    private static String metrics(int port) {
        try (RawGet get = new RawGet(port, "localhost", "/metrics")) {
            return get.get().body();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
