package dev.holdfast.dataplane.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.update.ApplyOutcome.Unchanged;
import dev.holdfast.routetable.update.TableUpdate.KeepAlive;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A data plane between two replicas of the operator. */
@Timeout(120)
class ReplicasTest {
    private static final RouteTable A = Tables.withPort(1);
    private static final RouteTable B = Tables.withPort(2);
    private static final RouteTable C = Tables.withPort(3);

    private final ActiveRoutes routes = new ActiveRoutes();
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private ScriptedOperator one;
    private ScriptedOperator two;
    private TableSync sync;

    @BeforeEach
    void start() throws IOException {
        one = new ScriptedOperator();
        two = new ScriptedOperator();
        sync = new TableSync(
                new SyncConfig(
                        new OperatorAccess(List.of(one.uri(), two.uri()), null, null),
                        null,
                        Duration.ofSeconds(15),
                        Duration.ofMillis(5),
                        Duration.ofMillis(20)),
                "proxy-a",
                routes,
                registry);
        sync.start();
    }

    @AfterEach
    void stop() throws IOException {
        sync.close();
        one.close();
        two.close();
    }

    @Test
    void aStreamThatIsLostResumesAtAnotherReplicaByDigest() throws Exception {
        // Given
        Chosen chosen = chosen();
        chosen.stream.accept(2_000).send(Tables.full(7, A));
        await().until(() -> Tables.servedPort(routes) == 1);

        // When
        chosen.stream.close();

        // Then
        ScriptedOperator.Stream second = chosen.other.stream();
        assertThat(second.lastEventId()).isEqualTo(Tables.version(7, A).toString());
        second.accept(1_000).send(new KeepAlive(Tables.version(3, A)));
        assertThat(registry.get("holdfast.config.stale").counter().count()).isZero();
    }

    @Test
    void aReplicaThatStartedEarlierIsBelievedWhenItGoesOnFromWhatIsServed() throws Exception {
        // Given
        Chosen chosen = chosen();
        chosen.stream.accept(2_000).send(Tables.full(7, A));
        await().until(() -> Tables.servedPort(routes) == 1);

        // When
        chosen.stream.close();
        chosen.other.stream().accept(1_000).send(Tables.delta(4, A, B));

        // Then
        await().until(() -> Tables.servedPort(routes) == 2);
    }

    @Test
    void aReplicaThatIsLeftBehindIsNotBelieved() throws Exception {
        // Given
        Chosen chosen = chosen();
        chosen.stream.accept(2_000).send(Tables.full(7, A));
        await().until(() -> Tables.servedPort(routes) == 1);

        // When
        chosen.stream.close();
        chosen.other.stream().accept(1_000).send(Tables.delta(4, B, C));

        // Then
        chosen.own.stream().accept(2_000).send(Tables.delta(8, A, B));
        await().until(() -> Tables.servedPort(routes) == 2);
        assertThat(registry.get("holdfast.config.stale").counter().count()).isPositive();
    }

    @Test
    void aReplicaThatIsLeftBehindIsNotBelievedWhenTheOtherFailsOnce() throws Exception {
        // Given
        Chosen chosen = chosen();
        chosen.stream.accept(2_000).send(Tables.full(7, A));
        await().until(() -> Tables.servedPort(routes) == 1);

        // When
        chosen.stream.close();
        chosen.other.stream().accept(1_000).send(Tables.full(4, C));
        chosen.own.stream().write("no answer of HTTP\r\n\r\n").close();
        chosen.other.stream().accept(1_000).send(Tables.full(4, C));

        // Then
        chosen.own.stream().accept(2_000).send(Tables.delta(8, A, B));
        await().until(() -> Tables.servedPort(routes) == 2);
        assertThat(registry.get("holdfast.config.stale").counter().count()).isEqualTo(2);
    }

    @Test
    void aReplicaThatStartedEarlierIsBelievedAtOnceWhenTheLaterOneIsGone() throws Exception {
        // Given
        Chosen chosen = chosen();
        chosen.stream.accept(2_000).send(Tables.full(7, A));
        await().until(() -> Tables.servedPort(routes) == 1);

        // When
        chosen.own.close();

        // Then
        await().until(() -> {
            Optional<ScriptedOperator.Stream> stream = chosen.other.streamNow();
            if (stream.isPresent()) {
                stream.get().accept(1_000).send(Tables.full(4, C));
            }
            return Tables.servedPort(routes) == 3;
        });
    }

    @Test
    void everyReplicaHearsWhatIsServedAndThatItEnds() throws Exception {
        // Given
        Chosen chosen = chosen();

        // When
        chosen.stream.accept().send(Tables.full(1, A));

        // Then
        assertThat(chosen.own.report()).isEqualTo(chosen.other.report());
        chosen.stream.send(new KeepAlive(Tables.version(1, A)));
        assertThat(chosen.own.report().outcome()).isInstanceOf(Unchanged.class);
        assertThat(chosen.other.report().outcome()).isInstanceOf(Unchanged.class);
        sync.close();
        assertThat(chosen.other.report().outcome()).isInstanceOf(Unchanged.class);
        assertThat(chosen.other.lastPlace()).isEqualTo("ended");
    }

    private record Chosen(ScriptedOperator.Stream stream, ScriptedOperator own, ScriptedOperator other) {}

    /** Which of both it took is chance. */
    private Chosen chosen() throws Exception {
        long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (System.nanoTime() < deadline) {
            Optional<ScriptedOperator.Stream> first = one.streamNow();
            if (first.isPresent()) {
                return new Chosen(first.get(), one, two);
            }
            Optional<ScriptedOperator.Stream> second = two.streamNow();
            if (second.isPresent()) {
                return new Chosen(second.get(), two, one);
            }
            Thread.sleep(5);
        }
        throw new AssertionError("no stream was opened");
    }
}
