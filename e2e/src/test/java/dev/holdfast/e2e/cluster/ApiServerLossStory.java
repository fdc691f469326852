package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.traffic.RawGet;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.networking.v1.Ingress;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** R10, R11, R12, R15: an API server that is gone, that forgot, or that says no. */
@Order(5)
@Timeout(400)
class ApiServerLossStory {
    private static final String API_SERVER = "kube-apiserver";
    private static final String HOST = "api.test";
    private static final String INGRESSES = "/apis/networking.k8s.io/v1/ingresses";
    /** Of the status Expired, 410, which a watch tells as an event. */
    private static final String TOO_OLD = "too old resource version";

    private static final int TUNNELS = 100;
    private static final int EDITS = 50;
    /** How often an operator without an API server is asked whether it is ready, if its container runs so long. */
    private static final int LOOKS = 50;

    private static final int LOOKS_MIN = 20;
    private static final double CONVERGED_SECONDS_MAX = 10;
    private static final double READY_SECONDS_MAX = 30;
    private static final double ALARM_SECONDS_MAX = 30;
    private static final Duration PATIENCE = Duration.ofSeconds(90);
    private static final String[] NO_PODS = {
        "INPUT", "-p", "tcp", "--dport", "6443", "-s", "10.244.0.0/16", "-j", "REJECT", "--reject-with", "tcp-reset"
    };

    private final RealCluster cluster = RealCluster.get();
    /** A second try must not find what the first one applied. */
    private final String edits = "missed-" + Long.toString(System.nanoTime(), Character.MAX_RADIX) + "-";

    @BeforeEach
    void ours() {
        cluster.needsOwn();
    }

    @AfterEach
    void theApiServerIsBack() {
        if (cluster.isOwn()) {
            cluster.signal(API_SERVER, "CONT");
            cluster.start(API_SERVER);
            cluster.awaitApi();
        }
    }

    @Test
    void aPausedApiServerIsNoticedByNobodyWhoHasATunnel() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        int port = cluster.nodePort(0, Release.HTTP_NODE_PORT);
        try (Traffic traffic = Traffic.start(port, HOST, TUNNELS)) {
            // When: longer than a leader's lease
            cluster.signal(API_SERVER, "STOP");
            Thread.sleep(RealCluster.outage());
            cluster.signal(API_SERVER, "CONT");
            cluster.awaitApi();
            long back = System.nanoTime();
            release.serve("after-the-pause.test", "echo");
            double seconds = (System.nanoTime() - back) / 1e9;
            traffic.awaitEchoes();

            // Then
            traffic.stopRequests();
            System.out.printf(
                    Locale.ROOT,
                    "figure: R10 API server paused for %d s: drops %d of %d, %s, %s; a new route served"
                            + " %.1f s after its return%n",
                    RealCluster.outage().toSeconds(),
                    traffic.fleet().endings().size(),
                    TUNNELS,
                    traffic.echoes(),
                    traffic.requests(),
                    seconds);
            assertThat(seconds).as("seconds until it converged").isLessThanOrEqualTo(CONVERGED_SECONDS_MAX);
            traffic.assertNoTunnelEnded();
            traffic.assertEveryRequestAnswered();
        }
    }

    @Test
    void editsThatWereMissedWhileTheServerForgotTheOldOnesAreServedAfterwards() throws Exception {
        // Given: operators cut off the API server, which then restarts and knows no version that they have
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        List<Pod> dataPlanes = release.dataPlanes();
        int restarts = operatorRestarts(release);
        int port = cluster.nodePort(0, Release.HTTP_NODE_PORT);
        try (Traffic traffic = Traffic.start(port, HOST, TUNNELS)) {
            String newestHeard = editUnseen(release);

            // When
            long back = System.nanoTime();
            for (Pod pod : dataPlanes) {
                try (RawGet last = new RawGet(cluster.podPort(pod, Release.HTTP), missed(EDITS - 1) + ".test", "/")) {
                    awaitQuick(() -> status(last) == 200);
                }
            }
            double seconds = (System.nanoTime() - back) / 1e9;
            traffic.awaitEchoes();

            // Then: nobody may go on from what the operators had, so what they serve they have listed anew
            String refusal = watchFrom(newestHeard);
            int missing = 0;
            for (Pod pod : dataPlanes) {
                for (int i = 0; i < EDITS; i++) {
                    int expected = i == 0 ? 404 : 200;
                    missing += Probe.once(cluster.podPort(pod, Release.HTTP), missed(i) + ".test") == expected ? 0 : 1;
                }
            }
            traffic.stopRequests();
            System.out.printf(
                    Locale.ROOT,
                    "figure: R10 R12 API server lost twice, %d edits missed, a watch from the operators' version is too old: %s,"
                            + " restarts of operators %d: drops %d of %d, %s, %s; listed anew and served %.1f s after its return,"
                            + " objects missing %d%n",
                    EDITS,
                    refusal.contains(TOO_OLD),
                    operatorRestarts(release) - restarts,
                    traffic.fleet().endings().size(),
                    TUNNELS,
                    traffic.echoes(),
                    traffic.requests(),
                    seconds,
                    missing);
            assertThat(refusal).as("a watch from version %s", newestHeard).contains(TOO_OLD);
            assertThat(operatorRestarts(release)).as("restarts of operators").isEqualTo(restarts);
            assertThat(missing).isZero();
            assertThat(seconds).as("seconds until it converged").isLessThanOrEqualTo(CONVERGED_SECONDS_MAX);
            traffic.assertNoTunnelEnded();
            traffic.assertEveryRequestAnswered();
        }
        cluster.client().network().v1().ingresses().inNamespace(Release.STORIES).delete();
    }

    private String missed(int edit) {
        return edits + edit;
    }

    /**
     * Edits that no operator can see, by a server that restarts before and after them.
     *
     * @return the newest version that an operator can have heard of
     */
    private String editUnseen(Release release) throws Exception {
        packetFilter("-I");
        try {
            cluster.signal(API_SERVER, "KILL");
            cluster.start(API_SERVER);
            cluster.awaitApi();
            String before = cluster.client()
                    .network()
                    .v1()
                    .ingresses()
                    .inAnyNamespace()
                    .list()
                    .getMetadata()
                    .getResourceVersion();
            for (int i = 0; i < EDITS; i++) {
                create(release.ingress(missed(i), missed(i) + ".test", "echo"));
            }
            cluster.client()
                    .network()
                    .v1()
                    .ingresses()
                    .inNamespace(Release.STORIES)
                    .withName(missed(0))
                    .delete();
            cluster.signal(API_SERVER, "KILL");
            cluster.start(API_SERVER);
            cluster.awaitApi();
            return before;
        } finally {
            packetFilter("-D");
        }
    }

    /** What the API server answers whoever wants to go on from a version. */
    private String watchFrom(String version) {
        String events = INGRESSES + "?watch=true&timeoutSeconds=2&resourceVersion=" + version;
        return cluster.tryKubectl("get", "--raw", events).output();
    }

    private static int operatorRestarts(Release release) {
        int restarts = 0;
        for (Pod operator : release.operators()) {
            restarts += operator.getStatus().getContainerStatuses().getFirst().getRestartCount();
        }
        return restarts;
    }

    @Test
    void anOperatorThatStartsWithoutAnApiServerIsNotReadyUntilThereIsOne() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        List<Pod> operators = release.operators();
        int port = cluster.nodePort(0, Release.HTTP_NODE_PORT);
        int admin = cluster.podPort(operators.getFirst(), Release.OPERATOR_ADMIN);
        try (Traffic traffic = Traffic.start(port, HOST, TUNNELS)) {
            // When
            cluster.signal(API_SERVER, "KILL");
            for (Pod operator : operators) {
                cluster.signal(operator, "KILL");
            }
            int ready = 0;
            int asked = 0;
            // The kubelet lets a container that ended again and again wait before it starts it.
            long until = System.nanoTime() + PATIENCE.toNanos();
            while (asked < LOOKS && System.nanoTime() < until) {
                int status = admin(admin, "/readyz");
                ready += status == 200 ? 1 : 0;
                asked += status == 0 ? 0 : 1;
                Thread.sleep(200);
            }
            cluster.start(API_SERVER);
            cluster.awaitApi();
            long back = System.nanoTime();
            awaitQuick(() -> admin(admin, "/readyz") == 200);
            double seconds = (System.nanoTime() - back) / 1e9;

            // Then
            release.awaitSettled();
            release.serve("after-the-start.test", "echo");
            traffic.awaitEchoes();
            traffic.stopRequests();
            System.out.printf(
                    Locale.ROOT,
                    "figure: R11 operators started without an API server: ready %d of %d times asked; ready %.1f s after its return;"
                            + " drops %d of %d, %s, %s%n",
                    ready,
                    asked,
                    seconds,
                    traffic.fleet().endings().size(),
                    TUNNELS,
                    traffic.echoes(),
                    traffic.requests());
            assertThat(ready).isZero();
            assertThat(asked).as("looks that were answered").isGreaterThanOrEqualTo(LOOKS_MIN);
            assertThat(seconds).as("seconds until it is ready").isLessThanOrEqualTo(READY_SECONDS_MAX);
            traffic.assertNoTunnelEnded();
            traffic.assertEveryRequestAnswered();
        }
    }

    @Test
    void rightsThatAreTakenAwayWithdrawNothing() throws Exception {
        // Given
        Release release = Release.ready(cluster);
        release.serve(HOST, "echo");
        Pod operator = release.operators().getFirst();
        int admin = cluster.podPort(operator, Release.OPERATOR_ADMIN);
        String binding = cluster.kubectl("get", "clusterrolebinding", "holdfast-operator", "-o", "yaml");

        // When: the server asks for rights when a watch begins, so each must begin anew
        long taken = System.nanoTime();
        String takenAt = Instant.now().toString();
        double alarmSeconds;
        int withdrawn = 0;
        cluster.kubectl("delete", "clusterrolebinding", "holdfast-operator");
        try {
            cluster.signal(API_SERVER, "KILL");
            cluster.start(API_SERVER);
            cluster.awaitApi();
            long answered = System.nanoTime();
            // The broken watches are counted by now: what comes on top are refusals.
            double errorsBefore = Metrics.sum(admin, "holdfast_operator_watch_errors_total");
            awaitQuick(() -> Metrics.sum(admin, "holdfast_operator_watch_errors_total") > errorsBefore
                    && cluster.kubectl(
                                    "-n",
                                    Release.NAMESPACE,
                                    "logs",
                                    "--since-time=" + takenAt,
                                    operator.getMetadata().getName())
                            .contains("grant the ServiceAccount list and watch"));
            alarmSeconds = (System.nanoTime() - answered) / 1e9;
            create(release.ingress("unseen", "unseen.test", "echo"));
            for (int i = 0; i < 20; i++) {
                for (Pod pod : release.dataPlanes()) {
                    withdrawn += Probe.once(cluster.podPort(pod, Release.HTTP), HOST) == 200 ? 0 : 1;
                }
                Thread.sleep(250);
            }
        } finally {
            theApiServerIsBack();
            cluster.apply(Release.NAMESPACE, binding);
        }
        double without = (System.nanoTime() - taken) / 1e9;

        // Then
        long back = System.nanoTime();
        for (Pod pod : release.dataPlanes()) {
            Release.awaitStatus(cluster.podPort(pod, Release.HTTP), "unseen.test", 200, PATIENCE);
        }
        System.out.printf(
                Locale.ROOT,
                "figure: R15 rights gone for %.0f s: requests to routes that were there failed %d; metric and log tell after"
                        + " %.1f s; what was applied meanwhile is served %.1f s after the rights' return%n",
                without,
                withdrawn,
                alarmSeconds,
                (System.nanoTime() - back) / 1e9);
        assertThat(withdrawn).isZero();
        assertThat(alarmSeconds).as("seconds until metric and log tell").isLessThanOrEqualTo(ALARM_SECONDS_MAX);
    }

    private void packetFilter(String action) {
        String[] words = new String[NO_PODS.length + 2];
        words[0] = "iptables";
        words[1] = action;
        System.arraycopy(NO_PODS, 0, words, 2, NO_PODS.length);
        cluster.inNetwork(words);
    }

    private void create(String yaml) {
        cluster.client().resource(Serialization.unmarshal(yaml, Ingress.class)).serverSideApply();
    }

    private static int status(RawGet connection) {
        try {
            return connection.get().status();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static int admin(int port, String path) {
        try (RawGet connection = new RawGet(port, "operator", path)) {
            return connection.get().status();
        } catch (IOException | RuntimeException e) {
            return 0;
        }
    }

    private static void awaitQuick(BooleanSupplier is) throws InterruptedException {
        Release.await("what comes after the API server's return", PATIENCE, is);
    }
}
