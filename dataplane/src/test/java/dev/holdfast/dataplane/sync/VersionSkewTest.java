package dev.holdfast.dataplane.sync;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.ApplyOutcome;
import dev.holdfast.routetable.update.ApplyOutcome.Applied;
import dev.holdfast.routetable.update.ApplyOutcome.NeedsFullTable;
import dev.holdfast.routetable.update.ApplyOutcome.Refused;
import dev.holdfast.routetable.update.ApplyOutcome.Unchanged;
import dev.holdfast.routetable.update.ApplyReport;
import dev.holdfast.routetable.update.TableUpdate;
import dev.holdfast.routetable.update.TableUpdate.KeepAlive;
import dev.holdfast.routetable.wire.WireCodec;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.time.Duration;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** This data plane and an operator of the next release, or of the one before (scorecard R18). */
@Timeout(120)
class VersionSkewTest {
    private static final RouteTable A = Tables.withPort(1);
    private static final RouteTable B = Tables.withPort(2);
    private static final RouteTable C = Tables.withPort(3);
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final ObjectMapper TREE = new ObjectMapper();

    private final ActiveRoutes routes = new ActiveRoutes();
    private ScriptedOperator operator;
    private TableSync sync;

    @BeforeEach
    void follow() throws IOException {
        operator = new ScriptedOperator();
        sync = new TableSync(
                new SyncConfig(
                        operator.uri(), null, Duration.ofSeconds(15), Duration.ofMillis(5), Duration.ofMillis(20)),
                "proxy-a",
                routes,
                new SimpleMeterRegistry());
        sync.start();
    }

    @AfterEach
    void close() throws IOException {
        sync.close();
        operator.close();
    }

    @Test
    void whatALaterOperatorAddsAroundATableIsHarmless() throws Exception {
        // Given
        ScriptedOperator.Stream stream = operator.stream()
                .write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nHoldfast-Later: x\r\n"
                        + "Connection: close\r\n\r\n: hello\nretry: 10\nlater: y\n\n");

        // When
        for (TableUpdate update :
                new TableUpdate[] {Tables.full(1, A), Tables.delta(2, A, B), new KeepAlive(Tables.version(2, B))}) {
            stream.write(event(update, "later: z\n", document -> {
                document.put("fieldOfALaterRelease", "x");
                document.withObject("/version").putArray("fieldOfALaterRelease").add(1);
            }));
        }

        // Then
        assertThat(outcome(Tables.version(1, A))).isEqualTo(new Applied());
        assertThat(outcome(Tables.version(2, B))).isIn(new Applied(), new Unchanged());
        await().atMost(SOON).until(() -> Tables.servedPort(routes) == 2);
    }

    @Test
    void anUnknownKindOfUpdateChangesNothingAndIsAnswered() throws Exception {
        // Given
        ScriptedOperator.Stream stream = operator.stream().accept().send(Tables.full(1, A));
        assertThat(operator.report().outcome()).isEqualTo(new Applied());

        // When
        stream.write(event(
                new KeepAlive(Tables.version(1, A)),
                "",
                document -> document.put("type", "goElsewhere").put("operator", "http://127.0.0.1:1")));

        // Then
        assertThat(operator.report().outcome())
                .isEqualTo(new Refused("document: unknown type (expected: one of version 1)"));
        stream.send(new KeepAlive(Tables.version(1, A)));
        assertThat(operator.report().outcome()).isEqualTo(new Unchanged());
        stream.send(Tables.delta(2, A, B));
        assertThat(operator.report().outcome()).isEqualTo(new Applied());
        assertThat(Tables.servedPort(routes)).isEqualTo(2);
    }

    @Test
    void aTableThatNeedsALaterReleaseIsRefusedWholeAndTheNextOneIsServed() throws Exception {
        // Given
        ScriptedOperator.Stream stream = operator.stream().accept().send(Tables.full(1, A));
        assertThat(operator.report().outcome()).isEqualTo(new Applied());

        // When
        stream.write(event(
                Tables.delta(2, A, B),
                "",
                document -> ((ObjectNode) document.at("/changes/endpoints/put/group/endpoints/0"))
                        .put("limitOfALaterRelease", 5)));

        // Then
        assertThat(operator.report().outcome())
                .isEqualTo(new Refused("changes.endpoints.put.group.endpoints[0].limitOfALaterRelease: unknown field"
                        + " (expected: those of version 1)"));
        assertThat(Tables.servedPort(routes)).isEqualTo(1);
        stream.send(Tables.delta(3, B, C));
        assertThat(operator.report().outcome()).isInstanceOf(NeedsFullTable.class);
        ScriptedOperator.Stream second = operator.stream();
        assertThat(second.lastEventId()).isNull();
        second.accept().send(Tables.full(3, C));
        await().atMost(SOON).until(() -> Tables.servedPort(routes) == 3);
    }

    @Test
    void anUnknownSectionOrValueIsRefusedWhole() throws Exception {
        // Given
        ScriptedOperator.Stream stream = operator.stream().accept().send(Tables.full(1, A));
        assertThat(operator.report().outcome()).isEqualTo(new Applied());

        // When
        stream.write(event(
                        Tables.full(2, B),
                        "",
                        document -> document.withObject("/table").putObject("policies")))
                .write(event(
                        Tables.full(3, C),
                        "",
                        document -> ((ObjectNode) document.at("/table/endpoints/group/endpoints/0"))
                                .put("state", "WARMING")));

        // Then
        assertThat(outcome(Tables.version(3, C)))
                .isEqualTo(new Refused("table.endpoints.group.endpoints[0].state: unknown value"
                        + " (expected: one of version 1, [READY, DRAINING])"));
        assertThat(Tables.servedPort(routes)).isEqualTo(1);
        stream.send(Tables.full(4, B));
        await().atMost(SOON).until(() -> Tables.servedPort(routes) == 2);
    }

    @Test
    void anEarlierOperatorThatDoesNotUnderstandReportsStillLeads() throws Exception {
        // Given
        operator.answerReports("400 Bad Request");
        ScriptedOperator.Stream stream = operator.stream().accept().send(Tables.full(1, A));
        operator.report();

        // When
        stream.send(Tables.delta(2, A, B));

        // Then
        await().atMost(SOON).until(() -> Tables.servedPort(routes) == 2);
        stream.send(Tables.delta(3, B, C));
        await().atMost(SOON).until(() -> Tables.servedPort(routes) == 3);
    }

    /** The answer to one version; reports are sent one at a time and the newest replaces the one that waits. */
    private ApplyOutcome outcome(TableVersion version) throws InterruptedException {
        ApplyReport report = operator.report();
        while (!report.version().equals(version)) {
            report = operator.report();
        }
        return report.outcome();
    }

    private static String event(TableUpdate update, String moreFields, Consumer<ObjectNode> later) throws IOException {
        ObjectNode document = (ObjectNode) TREE.readTree(WireCodec.encode(update));
        later.accept(document);
        return "id: " + update.version() + "\n" + moreFields + "event: later\ndata: "
                + new String(TREE.writeValueAsBytes(document), UTF_8) + "\n\n";
    }
}
