package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.traffic.RawGet;
import io.fabric8.kubernetes.api.model.Pod;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** R39: keys of a real API server's Secrets, looked for in whatever pods and objects tell. */
@Order(14)
@Timeout(300)
class KeyCanaryStory {
    private static final String HOST = "canary.test";
    private static final String SERVED = "canary-tls";
    /** Names a Secret, an Ingress and a route. */
    private static final String MISMATCHED = "canary-mismatched";

    private static final String ROUTE = """
            apiVersion: holdfast.dev/v1alpha1
            kind: WebSocketRoute
            metadata: {name: %1$s}
            spec:
              ingressClassName: holdfast
              hostnames: [route.%1$s.test]
              tls: {secretName: %1$s}
              rules: [{backendRefs: [{name: echo, port: 80}]}]
            """;
    private static final int PIECE = 40;
    private static final int STEP = 100;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final RealCluster cluster = RealCluster.get();

    @Test
    void aKeyIsInNothingThatPodsOrObjectsTell() throws Exception {
        // Given: a key that is served, and one that does not fit, of which its owners are told
        Release release = Release.ready(cluster);
        StoryCertificate served = StoryCertificate.ofRsa(HOST);
        StoryCertificate other = StoryCertificate.ofRsa(HOST);
        StoryCertificate mismatched = new StoryCertificate(served.serial(), served.chain(), other.key());
        cluster.apply(Release.STORIES, served.secret(SERVED));
        cluster.apply(Release.STORIES, mismatched.secret(MISMATCHED));
        cluster.apply(Release.STORIES, ingress(release, "canary", HOST, SERVED));
        cluster.apply(Release.STORIES, ingress(release, MISMATCHED, MISMATCHED + ".test", MISMATCHED));
        cluster.apply(Release.STORIES, ROUTE.formatted(MISMATCHED));
        cluster.kubectl(
                "-n", Release.STORIES, "wait", "--for=condition=Ready=false", "wsr/" + MISMATCHED, "--timeout=60s");
        Release.await("the Event", PATIENCE, () -> !events().isEmpty());
        for (Pod pod : release.dataPlanes()) {
            Release.await("its certificate", PATIENCE, () -> tables(pod).contains(Release.STORIES + "/" + SERVED));
        }
        List<String> pieces = pieces(served.key());
        pieces.addAll(pieces(other.key()));

        // When
        Map<String, String> told = told(release);

        // Then
        List<String> hits = new ArrayList<>();
        long characters = 0;
        for (Map.Entry<String, String> each : told.entrySet()) {
            characters += each.getValue().length();
            if (hits(each.getValue(), pieces) > 0) {
                hits.add(each.getKey());
            }
        }
        int control = hits(cluster.kubectl("-n", Release.STORIES, "get", "secrets", "-o", "yaml"), pieces);
        System.out.printf(
                "figure: R39 keys, one served and one that does not fit: pieces %d, looked for in %s, characters %d:"
                        + " plaintext hits %d; in the Secrets themselves %d%n",
                pieces.size(), String.join(", ", told.keySet()), characters, hits.size(), control);
        assertThat(control).as("pieces found where they are").isPositive();
        assertThat(told.values()).allSatisfy(text -> assertThat(text).isNotBlank());
        assertThat(hits).isEmpty();
    }

    /** What can be read without the right to read Secrets, by who says it. */
    private Map<String, String> told(Release release) {
        Map<String, String> told = new LinkedHashMap<>();
        for (Pod pod : release.operators()) {
            told(told, pod, Release.OPERATOR_ADMIN);
        }
        for (Pod pod : release.dataPlanes()) {
            told(told, pod, Release.DATA_PLANE_ADMIN);
            told.put("tables of " + pod.getMetadata().getName(), tables(pod));
        }
        told.put("Events", cluster.kubectl("get", "events", "-A", "-o", "yaml"));
        told.put("routes and Ingresses", cluster.kubectl("get", "wsr,ingress", "-A", "-o", "yaml"));
        told.put("ConfigMaps and Leases", cluster.kubectl("get", "configmaps,leases", "-A", "-o", "yaml"));
        return told;
    }

    private void told(Map<String, String> told, Pod pod, int admin) {
        String name = pod.getMetadata().getName();
        told.put("log of " + name, cluster.kubectl("-n", Release.NAMESPACE, "logs", name, "--all-containers"));
        told.put("metrics of " + name, get(cluster.podPort(pod, admin), "/metrics"));
    }

    private String tables(Pod pod) {
        return get(cluster.podPort(pod, Release.DATA_PLANE_ADMIN), "/tables");
    }

    private static String get(int port, String path) {
        try (RawGet connection = new RawGet(port, "admin", path)) {
            RawGet.Answer answer = connection.get();
            return answer.status() == 200 ? answer.body() : "";
        } catch (IOException e) {
            return "";
        }
    }

    private String events() {
        return cluster.kubectl(
                "-n",
                Release.STORIES,
                "get",
                "events",
                "--field-selector=reason=InvalidCertificate,involvedObject.name=" + MISMATCHED,
                "-o",
                "name");
    }

    private static String ingress(Release release, String name, String host, String secret) {
        return release.ingress(name, host, "echo")
                .replace("  rules:", "  tls: [{hosts: [" + host + "], secretName: " + secret + "}]\n  rules:");
    }

    /** How many pieces are in a text, however its lines are broken. */
    private static int hits(String text, List<String> pieces) {
        String joined = text.replaceAll("\\s|\\\\[rn]", "");
        int hits = 0;
        for (String piece : pieces) {
            hits += joined.contains(piece) ? 1 : 0;
        }
        return hits;
    }

    /** Of the second half of a key in PEM, as it is and as a Secret has it; a key of RSA begins with what is public. */
    private static List<String> pieces(String key) {
        String pem = String.join("\n", key.strip().lines().toList()) + "\n";
        String inSecret = Base64.getEncoder().encodeToString(pem.getBytes(StandardCharsets.US_ASCII));
        List<String> pieces = new ArrayList<>();
        for (String text : List.of(key.replaceAll("-----[A-Z ]+-----|\\s", ""), inSecret)) {
            for (int from = text.length() / 2; from + PIECE + STEP <= text.length(); from += STEP) {
                pieces.add(text.substring(from, from + PIECE));
            }
        }
        return pieces;
    }
}
