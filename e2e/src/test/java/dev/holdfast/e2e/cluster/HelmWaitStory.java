package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.process.Command;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code helm upgrade --wait} with a route among the objects of the release. */
@Order(12)
@Timeout(400)
class HelmWaitStory {
    private static final String ROUTE = """
            extraObjects=[{"apiVersion": "holdfast.dev/v1alpha1", "kind": "WebSocketRoute",
              "metadata": {"name": "%1$s", "namespace": "stories"},
              "spec": {"ingressClassName": "holdfast", "hostnames": ["%1$s.test"],
                       "rules": [{"backendRefs": [{"name": "%2$s", "port": 80}]}]}}]
            """;

    private final RealCluster cluster = RealCluster.get();

    @BeforeEach
    void helmThatLooksAtConditions() {
        boolean looks = cluster.helm("version", "--short").startsWith("v4");
        if (!looks) {
            System.out.println("skipped: Helm before version 4 waits for no object of a kind that it does not know");
        }
        Assumptions.assumeTrue(looks, "not Helm 4");
    }

    @AfterEach
    void theReleaseIsAsItWas() {
        if (cluster.tryKubectl("-n", Release.STORIES, "get", "wsr/waited", "wsr/waited-for-ever")
                .output()
                .contains("waited")) {
            Release.ready(cluster).install();
        }
    }

    @Test
    void aRouteThatIsReadyEndsTheWait() {
        // Given
        Release release = Release.ready(cluster);

        // When
        long began = System.nanoTime();
        release.install("--set-json", ROUTE.formatted("waited", "echo"));
        double seconds = (System.nanoTime() - began) / 1e9;

        // Then
        String ready = ready("waited");
        System.out.printf(
                Locale.ROOT,
                "figure: helm upgrade --wait with a good route returned after %.1f s, the route is Ready: %s%n",
                seconds,
                ready);
        assertThat(ready).isEqualTo("True");
    }

    @Test
    void aRouteThatIsBrokenFailsTheWait() {
        // Given
        Release release = Release.ready(cluster);

        // When
        Command.Result result =
                release.tryInstall("--set-json", ROUTE.formatted("waited-for-ever", "nowhere"), "--timeout", "20s");

        // Then
        System.out.printf(
                Locale.ROOT,
                "figure: helm upgrade --wait --timeout 20s with a broken route: exit status %d, %s%n",
                result.status(),
                result.output().lines().reduce("", (before, line) -> line).strip());
        assertThat(result.status()).as(result.output()).isNotZero();
        assertThat(result.output()).contains("waited-for-ever");
        assertThat(ready("waited-for-ever")).isEqualTo("False");
    }

    private String ready(String name) {
        return cluster.kubectl(
                "-n",
                Release.STORIES,
                "get",
                "wsr/" + name,
                "-o",
                "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}");
    }
}
