package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.traffic.TunnelFleet;
import io.fabric8.kubernetes.api.model.Pod;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** From an empty cluster to echoes: the chart, the examples as they are, and what the pods may do. */
@Order(1)
@Timeout(400)
class InstallStory {
    private static final int TUNNELS = 20;
    private static final String AOT_CACHE = "/app/holdfast.aot";
    /** As whoever called {@code e2e/cluster/run.sh} told {@code deploy/build-images}. */
    private static final boolean WITHOUT_CACHE = "no".equals(System.getenv("AOT"));

    private static final Duration SETTLE = Duration.ofSeconds(20);
    private static final Set<String> OPERATOR_MAY = Set.of(
            "configmaps [] [holdfast-stream-ca] [get update]",
            "endpointslices.discovery.k8s.io [] [] [list watch]",
            "events [] [] [create get patch]",
            "ingressclasses.networking.k8s.io [] [] [list watch]",
            "ingresses.networking.k8s.io [] [] [list watch]",
            "ingresses.networking.k8s.io/status [] [] [patch]",
            "leases.coordination.k8s.io [] [] [create]",
            "leases.coordination.k8s.io [] [holdfast-operator] [get patch]",
            "secrets [] [] [list watch]",
            "secrets [] [holdfast-stream-ca] [get update]",
            "services [] [] [list watch]",
            "tokenreviews.authentication.k8s.io [] [] [create]",
            "websocketroutes.holdfast.dev [] [] [list watch]",
            "websocketroutes.holdfast.dev/status [] [] [patch]");

    private final RealCluster cluster = RealCluster.get();

    @Test
    void theExamplesEchoOverWsAndWssThroughANodePort() throws Exception {
        // Given
        Release.ready(cluster);
        List<String> files = List.of(
                "01-ingress/ingress.yaml", "01-ingress/backend.yaml", "03-tls/route.yaml", "03-tls/backend.yaml");

        // When
        long applied = System.nanoTime();
        for (String file : files) {
            cluster.kubectl("apply", "-n", Release.STORIES, "-f", RealCluster.path("deploy/examples/" + file));
        }
        cluster.apply(Release.STORIES, StoryCertificate.of("secure.localhost").secret("secure-tls"));
        cluster.kubectl("-n", Release.STORIES, "wait", "--for=condition=Ready", "wsr/secure", "--timeout=120s");
        double readySeconds = (System.nanoTime() - applied) / 1e9;
        Release.awaitStatus(cluster.nodePort(0, Release.HTTP_NODE_PORT), "chat.localhost", 200, Duration.ofSeconds(60));

        // Then
        long lost = echo(URI.create("ws://chat.localhost:" + cluster.nodePort(0, Release.HTTP_NODE_PORT) + "/"));
        lost += echo(URI.create("wss://secure.localhost:" + cluster.nodePort(0, Release.HTTPS_NODE_PORT) + "/"));
        System.out.printf(
                Locale.ROOT,
                "figure: helm install --wait %.1f s, backends started and the route Ready %.1f s after apply, %d tunnels by ws and %d by wss"
                        + " echo, bytes lost %d%n",
                Release.installSeconds(),
                readySeconds,
                TUNNELS,
                TUNNELS,
                lost);
        assertThat(lost).isZero();
    }

    @Test
    void everyExampleIsTakenByTheApiServer() throws IOException {
        // Given
        Release.ready(cluster);
        List<Path> files;
        try (Stream<Path> found = Files.walk(Path.of(RealCluster.path("deploy/examples")))) {
            // cert-manager's kind is not in this cluster.
            files = found.filter(file -> file.toString().endsWith(".yaml") && !file.endsWith("certificate.yaml"))
                    .sorted()
                    .toList();
        }

        // When
        List<String> taken = new ArrayList<>();
        for (Path file : files) {
            taken.addAll(cluster.kubectl(
                            "apply", "--dry-run=server", "-n", Release.STORIES, "-o", "name", "-f", file.toString())
                    .lines()
                    .toList());
        }

        // Then
        System.out.println(
                "figure: examples taken by the API server: files " + files.size() + ", objects " + taken.size());
        assertThat(files).hasSizeGreaterThan(10);
        assertThat(taken).hasSizeGreaterThan(files.size());
    }

    @Test
    void everyProcessRunsWithTheAotCacheOfItsImage() {
        // Given
        cluster.needsOwn();
        Release release = Release.ready(cluster);
        List<Pod> pods = new ArrayList<>(release.operators());
        pods.addAll(release.dataPlanes());

        // When: a JVM that cannot use the cache starts without, and says nothing
        List<String> without = new ArrayList<>();
        for (Pod pod : pods) {
            if (!cluster.isMapped(pod, AOT_CACHE)) {
                without.add(pod.getMetadata().getName());
            }
        }

        // Then
        System.out.println("figure: pods whose process has " + AOT_CACHE + " in memory: "
                + (pods.size() - without.size()) + " of " + pods.size());
        assertThat(pods).hasSize(2 * Release.REPLICAS);
        assertThat(without).as("pods without it").hasSize(WITHOUT_CACHE ? pods.size() : 0);
    }

    private static long echo(URI target) throws Exception {
        try (TunnelFleet fleet = new TunnelFleet()) {
            fleet.open(TUNNELS, target);
            Thread.sleep(1_000);
            long lost = fleet.settle(SETTLE);
            assertThat(fleet.messages()).as("messages by %s", target).isPositive();
            assertThat(fleet.drops()).as(fleet.firstDrop()).isZero();
            return lost;
        }
    }

    @Test
    void theOperatorMayDoWhatItsDocumentSaysAndADataPlaneNothing() {
        // Given
        Release.ready(cluster);
        Set<String> anyone = may("nobody");

        // When
        Set<String> operator = may("holdfast-operator");
        Set<String> proxy = may("holdfast-proxy");

        // Then
        operator.removeAll(anyone);
        proxy.removeAll(anyone);
        System.out.println("figure: auth can-i: rules of the operator " + operator.size() + ", of a data plane "
                + proxy.size() + "; namespaces enforce the restricted standard");
        assertThat(operator).isEqualTo(OPERATOR_MAY);
        assertThat(proxy).isEmpty();
    }

    private Set<String> may(String account) {
        return cluster.kubectl(
                        "auth",
                        "can-i",
                        "--list",
                        "--namespace=" + Release.NAMESPACE,
                        "--as=system:serviceaccount:" + Release.NAMESPACE + ":" + account,
                        "--as-group=system:authenticated",
                        "--as-group=system:serviceaccounts")
                .lines()
                .skip(1)
                .map(line -> line.strip().replaceAll(" +", " "))
                .collect(Collectors.toCollection(TreeSet::new));
    }
}
