package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.traffic.TunnelFleet;
import io.fabric8.kubernetes.api.model.Pod;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** From an empty cluster to echoes: the chart, the examples as they are, and what the pods may do. */
@Order(1)
@Timeout(400)
class InstallStory {
    private static final int TUNNELS = 20;
    private static final Duration SETTLE = Duration.ofSeconds(20);

    private final RealCluster cluster = RealCluster.get();

    @Test
    void theExamplesEchoOverWsAndWssThroughANodePort() throws Exception {
        // Given
        long began = System.nanoTime();
        Release release = Release.ready(cluster);
        double installSeconds = (System.nanoTime() - began) / 1e9;
        for (String backend : List.of("chat", "secure")) {
            release.echo(backend, 1);
        }

        // When
        long applied = System.nanoTime();
        cluster.kubectl("apply", "-n", Release.STORIES, "-f", RealCluster.path("deploy/examples/01-ingress"));
        cluster.kubectl("apply", "-n", Release.STORIES, "-f", RealCluster.path("deploy/examples/02-websocketroute"));
        cluster.kubectl("apply", "-n", Release.STORIES, "-f", "-");
        cluster.kubectl("-n", Release.STORIES, "wait", "--for=condition=Ready", "wsr/live", "--timeout=60s");
        double readySeconds = (System.nanoTime() - applied) / 1e9;

        // Then
        int http = cluster.nodePort(0, Release.HTTP_NODE_PORT);
        int https = cluster.nodePort(0, Release.HTTPS_NODE_PORT);
        long lost = echo(URI.create("ws://chat.localhost:" + http + "/"));
        long lostByTls = echo(URI.create("wss://secure.localhost:" + https + "/"));
        System.out.printf(
                Locale.ROOT,
                "figure: install %.1f s, Ready %.1f s after apply, %d tunnels by ws and %d by wss, bytes lost %d%n",
                installSeconds,
                readySeconds,
                TUNNELS,
                TUNNELS,
                lost + lostByTls);
        assertThat(lost + lostByTls).isZero();
    }

    private static long echo(URI target) throws Exception {
        try (TunnelFleet fleet = new TunnelFleet()) {
            fleet.open(TUNNELS, target);
            Thread.sleep(1_000);
            long lost = fleet.settle(SETTLE);
            assertThat(fleet.messages()).isPositive();
            assertThat(fleet.drops()).isZero();
            return lost;
        }
    }
}
