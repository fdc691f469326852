package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Pod;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** R38: the table stream and tokens as Kubernetes makes them, judged by its TokenReview. */
@Order(13)
@Timeout(300)
class ChannelStory {
    private static final String AUDIENCE = "holdfast.dev/route-stream";
    private static final String DATA_PLANES = "holdfast-proxy";
    private static final int ANSWER_BYTES_MAX = 64 * 1_024;
    private static final List<String> METHODS =
            List.of("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE");
    private static final List<String> PATHS =
            List.of("/v1/tables", "/v1/reports", "/", "/metrics", "/v1/%74ables", "/v2/tables");

    /** It is a data plane's pod by its ServiceAccount, and never runs. */
    private static final String SHORT_LIVED = """
            apiVersion: v1
            kind: Pod
            metadata: {name: short-lived}
            spec:
              serviceAccountName: holdfast-proxy
              schedulingGates: [{name: holdfast.dev/never}]
              securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
              containers:
                - name: echo
                  image: holdfast.local/echo:1
                  securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
            """;

    private final RealCluster cluster = RealCluster.get();

    /**
     * Who asks.
     *
     * @param token or null, to show none
     * @param status that every request of it is answered with
     */
    private record Identity(@Nullable String token, int status) {}

    @AfterEach
    void theShortLivedPodIsGone() {
        deleteShortLived();
    }

    @Test
    void whoIsNoLivingDataPlaneIsAnsweredNothingByAnyMethodOfAnyPath() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        SSLContext trust = TableStream.trusting(new StreamAuthority(cluster).bundle());
        Map<String, Identity> identities = identities(release);
        int requests = 0;

        // When
        List<String> otherwise = new ArrayList<>();
        for (Pod operator : release.operators()) {
            int port = cluster.podPort(operator, TableStream.PORT);
            for (Map.Entry<String, Identity> each : identities.entrySet()) {
                Identity identity = each.getValue();
                for (String method : METHODS) {
                    for (String path : PATHS) {
                        String answer = answer(trust, port, method + " " + path, "short-lived", identity.token);
                        requests++;
                        if (!isEmpty(answer, identity.status)) {
                            otherwise.add(each.getKey() + ": " + method + " " + path + " -> " + answer);
                        }
                    }
                }
            }
        }

        // Then
        System.out.printf(
                "figure: R38 tokens of a real API server: identities %d (%s), requests %d at %d operators, answered with anything"
                        + " but an empty 401 or 403: %d%n",
                identities.size(),
                String.join(", ", identities.keySet()),
                requests,
                release.operators().size(),
                otherwise.size());
        assertThat(otherwise).isEmpty();
    }

    @Test
    void aDataPlanesTokenOpensItsOwnStreamAtEveryOperatorAndNoOther() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        SSLContext trust = TableStream.trusting(new StreamAuthority(cluster).bundle());
        Pod own = release.dataPlanes().getFirst();
        String other = release.dataPlanes().getLast().getMetadata().getName();
        String token = token(Release.NAMESPACE, DATA_PLANES, AUDIENCE, own);
        List<String> answers = new ArrayList<>();
        List<String> refusals = new ArrayList<>();

        // When
        for (Pod operator : release.operators()) {
            int port = cluster.podPort(operator, TableStream.PORT);
            answers.add(answer(trust, port, "GET /v1/tables", own.getMetadata().getName(), token));
            refusals.add(answer(trust, port, "GET /v1/tables", other, token));
        }

        // Then
        System.out.println("figure: R38 a data plane's token: its own table at " + answers.size()
                + " operators, another's refused at " + refusals.size());
        assertThat(answers)
                .hasSize(Release.REPLICAS)
                .allSatisfy(
                        answer -> assertThat(answer).startsWith("HTTP/1.1 200 ").contains("\nevent: "));
        assertThat(refusals).hasSize(Release.REPLICAS).allMatch(answer -> isEmpty(answer, 403));
    }

    private Map<String, Identity> identities(Release release) {
        Pod dataPlane = release.dataPlanes().getFirst();
        String proper = token(Release.NAMESPACE, DATA_PLANES, AUDIENCE, dataPlane);
        Map<String, Identity> identities = new LinkedHashMap<>();
        identities.put("none", new Identity(null, 401));
        identities.put(
                "a data plane's for the API server",
                new Identity(token(Release.NAMESPACE, DATA_PLANES, "https://kubernetes.default.svc", dataPlane), 401));
        identities.put("a forged signature", new Identity(forged(proper), 401));
        identities.put("a deleted pod's", new Identity(tokenOfADeletedPod(), 401));
        identities.put(
                "an operator's",
                new Identity(
                        token(
                                Release.NAMESPACE,
                                "holdfast-operator",
                                AUDIENCE,
                                release.operators().getFirst()),
                        403));
        identities.put("another namespace's", new Identity(token(Release.STORIES, "default", AUDIENCE, null), 403));
        identities.put("bound to no pod", new Identity(token(Release.NAMESPACE, DATA_PLANES, AUDIENCE, null), 403));
        return identities;
    }

    /** Nobody was shown it while the pod was there. */
    private String tokenOfADeletedPod() {
        deleteShortLived();
        cluster.apply(Release.NAMESPACE, SHORT_LIVED);
        Pod pod = cluster.client()
                .pods()
                .inNamespace(Release.NAMESPACE)
                .withName("short-lived")
                .get();
        String token = token(Release.NAMESPACE, DATA_PLANES, AUDIENCE, pod);
        deleteShortLived();
        return token;
    }

    private void deleteShortLived() {
        cluster.kubectl("-n", Release.NAMESPACE, "delete", "pod/short-lived", "--ignore-not-found");
    }

    /** A token as kubectl has one made. */
    private String token(String namespace, String account, String audience, @Nullable Pod pod) {
        List<String> words =
                new ArrayList<>(List.of("-n", namespace, "create", "token", account, "--audience=" + audience));
        if (pod != null) {
            words.add("--bound-object-kind=Pod");
            words.add("--bound-object-name=" + pod.getMetadata().getName());
            words.add("--bound-object-uid=" + pod.getMetadata().getUid());
        }
        return cluster.kubectl(words.toArray(String[]::new)).strip();
    }

    /** The same claims with one letter of the signature changed. */
    private static String forged(String token) {
        int letter = token.lastIndexOf('.') + 20;
        return token.substring(0, letter) + (token.charAt(letter) == 'A' ? 'B' : 'A') + token.substring(letter + 1);
    }

    private static boolean isEmpty(String answer, int status) {
        return answer.startsWith("HTTP/1.1 " + status + " ") && answer.endsWith("\r\n\r\n");
    }

    /** What comes back until the end, or the first event. */
    private static String answer(SSLContext trust, int port, String request, String dataPlane, @Nullable String token)
            throws IOException {
        try (SSLSocket socket = TableStream.connect(trust, port)) {
            String head = request + " HTTP/1.1\r\nHost: " + TableStream.SERVER + "\r\nHoldfast-Data-Plane: " + dataPlane
                    + "\r\n" + (token == null ? "" : "Authorization: Bearer " + token + "\r\n") + "\r\n";
            socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
            StringBuilder answer = new StringBuilder();
            while (answer.length() < ANSWER_BYTES_MAX && answer.indexOf("\nevent: ") < 0) {
                int next = socket.getInputStream().read();
                if (next < 0) {
                    break;
                }
                answer.append((char) next);
            }
            return answer.toString();
        }
    }
}
