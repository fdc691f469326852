package dev.holdfast.operator;

import static dev.holdfast.operator.ClusterFixture.await;
import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.networking.v1.IngressRule;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * R12: watches that expire, end without a word, or tell changes twice or in another order than they happened, while
 * objects are edited. What is served afterwards is what an operator serves that starts then.
 */
@Timeout(300)
class WatchOrderTest {
    private static final int TIMES = 20;
    private static final Duration RELIST_MAX = Duration.ofSeconds(5);

    private final ClusterFixture cluster = new ClusterFixture();
    private final WatchWire wire = cluster.api().wire("ingresses");

    @BeforeEach
    void objects() {
        cluster.api()
                .apply(ClusterFixture.CLASS + "---\n" + ClusterFixture.service("chat") + "---\n"
                        + ClusterFixture.slice("chat", "10.0.0.1"));
        for (int i = 0; i < TIMES; i++) {
            edit(i, "first");
        }
    }

    @AfterEach
    void stop() throws Exception {
        cluster.close();
    }

    @Test
    void aWatchThatExpiredIsListedAnew() throws Exception {
        // Given
        ClusterOperator operator = cluster.operator(null, null);
        StreamReader dataPlane = cluster.dataPlane(operator, "dp-1");
        int listsBefore = wire.lists();

        // When changes fall before, into and behind the time between a 410 and the list that follows
        for (int i = 0; i < TIMES; i++) {
            int lists = wire.lists();
            int opened = wire.opened();
            edit(i, "second");
            wire.expire();
            editAround(i);
            await("it is listed anew", () -> wire.lists() > lists);
            await("it is watched again", () -> wire.opened() > opened);
        }

        // Then
        int missed = settle(dataPlane);
        int relists = wire.lists() - listsBefore;
        System.out.printf(
                "figure: R12 410 %d times: missed or left over %d, listed anew %d times, after at most %d ms%n",
                TIMES, missed, relists, wire.relistMax().toMillis());
        assertThat(missed).isZero();
        assertThat(relists).isGreaterThanOrEqualTo(TIMES);
        assertThat(wire.relistMax()).isLessThan(RELIST_MAX);
        assertServesWhatANewOneDoes(operator);
    }

    @Test
    void aWatchThatEndsWithoutAWordIsOpenedAgain() throws Exception {
        // Given
        ClusterOperator operator = cluster.operator(null, null);
        StreamReader dataPlane = cluster.dataPlane(operator, "dp-1");
        int listsBefore = wire.lists();

        // When watches end that told something, and such that told nothing
        for (int i = 0; i < TIMES; i++) {
            String host = host(i, "second");
            int opened = wire.opened();
            if (i % 2 == 0) {
                edit(i, "second");
                await("it is told", () -> dataPlane.serves(host));
            }
            wire.hangUp();
            editAround(i);
            await("it is watched again", () -> wire.opened() > opened);
        }

        // Then
        int missed = settle(dataPlane);
        System.out.printf(
                "figure: R12 bare close %d times: missed or left over %d, listed anew %d times, else resumed%n",
                TIMES, missed, wire.lists() - listsBefore);
        assertThat(missed).isZero();
        assertServesWhatANewOneDoes(operator);
    }

    @Test
    void changesThatAreToldTwiceAreMadeOnce() throws Exception {
        // Given
        ClusterOperator operator = cluster.operator(null, null);
        StreamReader dataPlane = cluster.dataPlane(operator, "dp-1");
        int listsBefore = wire.lists();

        // When
        wire.repeat(2);
        for (int i = 0; i < TIMES; i++) {
            edit(i, "second");
            editAround(i);
        }

        // Then
        int missed = settle(dataPlane);
        System.out.printf(
                "figure: R12 every change told twice, %d edits of each sort: missed or left over %d, listed anew %d times%n",
                TIMES, missed, wire.lists() - listsBefore);
        assertThat(missed).isZero();
        assertThat(wire.lists()).as("duplicates are no reason to list").isEqualTo(listsBefore);
        assertServesWhatANewOneDoes(operator);
    }

    @Test
    void changesThatAreToldInTheWrongOrderAreSettledByAList() throws Exception {
        // Given
        ClusterOperator operator = cluster.operator(null, null);
        StreamReader dataPlane = cluster.dataPlane(operator, "dp-1");
        int listsBefore = wire.lists();
        long slowestMillis = 0;
        int missed = 0;

        // When the first of two changes of an object is told last
        for (int i = 0; i < TIMES; i++) {
            long began = System.nanoTime();
            int lists = wire.lists();
            int opened = wire.opened();
            wire.swap();
            switch (i % 3) {
                case 0 -> {
                    edit(i, "second");
                    edit(i, "third");
                }
                case 1 -> {
                    edit(i, "second");
                    delete("i-" + i);
                }
                default -> {
                    delete("i-" + i);
                    edit(i, "third");
                }
            }
            await("it is listed anew", () -> wire.lists() > lists);
            await("it is watched again", () -> wire.opened() > opened);
            missed += settle(dataPlane);
            slowestMillis = Math.max(slowestMillis, (System.nanoTime() - began) / 1_000_000);
        }

        // Then
        int relists = wire.lists() - listsBefore;
        System.out.printf(
                "figure: R12 wrong order %d times: missed or left over %d, listed anew %d times, settled after at most %d ms%n",
                TIMES, missed, relists, slowestMillis);
        assertThat(missed).isZero();
        assertThat(relists).isGreaterThanOrEqualTo(TIMES);
        assertServesWhatANewOneDoes(operator);
    }

    /** An edit, a creation and a deletion. */
    private void editAround(int i) {
        edit(i, "third");
        cluster.api().apply(ClusterFixture.ingress("more-" + i, host(i, "more"), "chat"));
        if (i > 0) {
            delete("more-" + (i - 1));
        }
    }

    private void edit(int i, String state) {
        cluster.api().apply(ClusterFixture.ingress("i-" + i, host(i, state), "chat"));
    }

    private static String host(int i, String state) {
        return state + "-" + i + ".example.com";
    }

    private void delete(String name) {
        cluster.api()
                .user()
                .network()
                .v1()
                .ingresses()
                .inNamespace("default")
                .withName(name)
                .delete();
    }

    /** Waits until what is served is what the objects say; how many hosts differ then. */
    private int settle(StreamReader dataPlane) {
        Set<String> wanted = hosts();
        Awaitility.await("what is served is what the objects say")
                .atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(20))
                .untilAsserted(() ->
                        assertThat(dataPlane.table().virtualHosts().keySet()).isEqualTo(wanted));
        Set<String> different = new TreeSet<>(hosts());
        Set<String> served = dataPlane.table().virtualHosts().keySet();
        different.removeAll(served);
        return different.size()
                + (int) served.stream().filter(host -> !wanted.contains(host)).count();
    }

    private Set<String> hosts() {
        return cluster.api().user().network().v1().ingresses().inNamespace("default").list().getItems().stream()
                .flatMap(ingress -> ingress.getSpec().getRules().stream())
                .map(IngressRule::getHost)
                .collect(Collectors.toSet());
    }

    private void assertServesWhatANewOneDoes(ClusterOperator operator) throws Exception {
        ClusterOperator other = cluster.operator(null, null);
        assertThat(other.operator().awaitFirstCompile(Duration.ofSeconds(60))).isTrue();
        assertThat(digest(operator)).isEqualTo(digest(other));
    }

    private static String digest(ClusterOperator operator) {
        return operator.operator().last().orElseThrow().published().version().digest();
    }
}
