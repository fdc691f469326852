package dev.holdfast.dataplane.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.ApplyOutcome.Applied;
import dev.holdfast.routetable.update.ApplyOutcome.NeedsFullTable;
import dev.holdfast.routetable.update.ApplyOutcome.Refused;
import dev.holdfast.routetable.update.ApplyOutcome.Unchanged;
import dev.holdfast.routetable.update.ApplyReport;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import dev.holdfast.routetable.update.TableUpdate.KeepAlive;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The data plane's end of the stream against an operator that misbehaves in every way. */
class TableSyncTest {
    private static final RouteTable A = Tables.withPort(1);
    private static final RouteTable B = Tables.withPort(2);
    private static final RouteTable C = Tables.withPort(3);

    @TempDir
    private Path directory;

    private final ActiveRoutes routes = new ActiveRoutes();
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private ScriptedOperator operator;
    private @Nullable TableSync sync;

    @BeforeEach
    void listen() throws IOException {
        operator = new ScriptedOperator();
    }

    @AfterEach
    void close() throws IOException {
        if (sync != null) {
            sync.close();
        }
        operator.close();
    }

    @Test
    void updatesAreServedAndAnswered() throws Exception {
        // Given
        start(Duration.ofSeconds(15));
        ScriptedOperator.Stream stream = operator.stream().accept().send(Tables.full(1, A));
        assertThat(operator.report()).isEqualTo(new ApplyReport("proxy-a", Tables.version(1, A), new Applied()));

        // When
        stream.send(Tables.delta(2, A, B)).send(new KeepAlive(Tables.version(2, B)));

        // Then
        await().until(() -> Tables.servedPort(routes) == 2);
        ApplyReport last = operator.report();
        while (last.outcome() instanceof Applied) {
            last = operator.report();
        }
        assertThat(last).isEqualTo(new ApplyReport("proxy-a", Tables.version(2, B), new Unchanged()));
        assertThat(stream.fields())
                .containsEntry("holdfast-data-plane", "proxy-a")
                .doesNotContainKey("last-event-id");
        assertThat(registry.get("holdfast.config.generation").gauge().value()).isEqualTo(2);
        assertThat(registry.get("holdfast.config.last_apply_success").gauge().value())
                .isEqualTo(1);
    }

    @Test
    void aLostStreamKeepsServingAndResumesWithWhatItHolds() throws Exception {
        // Given
        start(Duration.ofSeconds(15));
        ScriptedOperator.Stream stream = operator.stream().accept().send(Tables.full(1, A));
        await().until(() -> Tables.servedPort(routes) == 1);

        // When
        stream.close();

        // Then
        ScriptedOperator.Stream second = operator.stream();
        assertThat(second.lastEventId()).isEqualTo(Tables.version(1, A).toString());
        assertThat(Tables.servedPort(routes)).isEqualTo(1);
        second.accept().send(Tables.delta(2, A, B));
        await().until(() -> Tables.servedPort(routes) == 2);
    }

    @Test
    void anEventThatIsCutOffAnywhereIsNeverServed() throws Exception {
        // Given
        start(Duration.ofSeconds(15));
        operator.stream().accept().send(Tables.full(1, A)).close();
        byte[] event = ScriptedOperator.event(Tables.delta(2, A, B));

        for (int length = 0; length < event.length; length += length < event.length - 4 ? 13 : 1) {
            // When
            try (ScriptedOperator.Stream stream = operator.stream()) {
                stream.accept().write(Arrays.copyOf(event, length));
            }

            // Then
            assertThat(Tables.servedPort(routes)).as(length + " bytes").isEqualTo(1);
        }
        operator.stream().accept().write(event);
        await().until(() -> Tables.servedPort(routes) == 2);
    }

    @Test
    void aWrongDigestMakesItAskForAFullTable() throws Exception {
        // Given
        start(Duration.ofSeconds(15));
        ScriptedOperator.Stream stream = operator.stream().accept().send(Tables.full(1, A));
        await().until(() -> Tables.servedPort(routes) == 1);

        // When
        stream.send(new FullTable(Tables.version(2, C), B));

        // Then
        ScriptedOperator.Stream second = operator.stream();
        assertThat(second.lastEventId()).isNull();
        assertThat(Tables.servedPort(routes)).isEqualTo(1);
        second.accept().send(Tables.full(2, B));
        await().until(() -> Tables.servedPort(routes) == 2);
    }

    @Test
    void aDeltaWithAnUnknownBaseMakesItAskForAFullTable() throws Exception {
        // Given
        start(Duration.ofSeconds(15));
        ScriptedOperator.Stream stream = operator.stream().accept().send(Tables.full(1, A));
        operator.report();

        // When
        stream.send(Tables.delta(3, B, C));

        // Then
        assertThat(operator.report().outcome()).isInstanceOf(NeedsFullTable.class);
        assertThat(operator.stream().lastEventId()).isNull();
        assertThat(Tables.servedPort(routes)).isEqualTo(1);
    }

    @Test
    void onOneStreamVersionsNeverGoBack() throws Exception {
        // Given
        start(Duration.ofSeconds(15));
        ScriptedOperator.Stream stream = operator.stream().accept().send(Tables.full(2, B));
        await().until(() -> Tables.servedPort(routes) == 2);

        // When
        stream.send(Tables.full(1, A));

        // Then
        ScriptedOperator.Stream second = operator.stream();
        assertThat(second.lastEventId()).isEqualTo(Tables.version(2, B).toString());
        assertThat(Tables.servedPort(routes)).isEqualTo(2);
    }

    @Test
    void silenceIsTakenForALostStream() throws Exception {
        // Given
        start(Duration.ofMillis(100));
        ScriptedOperator.Stream silent = operator.stream().accept().send(Tables.full(1, A));

        // When
        ScriptedOperator.Stream second = operator.stream();

        // Then
        assertThat(silent.socket().isClosed()).isFalse();
        assertThat(second.lastEventId()).isEqualTo(Tables.version(1, A).toString());
    }

    @Test
    void commentsKeepAStreamAlive() throws Exception {
        // Given
        start(Duration.ofMillis(200));
        ScriptedOperator.Stream stream = operator.stream().accept();

        // When
        for (int i = 0; i < 20; i++) {
            stream.write(":\n\n");
            Thread.sleep(60);
        }
        stream.send(Tables.full(1, A));

        // Then
        await().until(() -> Tables.servedPort(routes) == 1);
        assertThat(registry.get("holdfast.config.stream.reconnects").counter().count())
                .isZero();
    }

    @Test
    void anOperatorThatNeverAnswersIsAskedAgain() throws Exception {
        // Given
        start(Duration.ofMillis(100));
        operator.stream();

        // When
        ScriptedOperator.Stream second = operator.stream();

        // Then
        second.accept().send(Tables.full(1, A));
        await().until(() -> Tables.servedPort(routes) == 1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/v1/tables\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>",
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n\u0000\u0001\n\nid: x\ndata: y\n\n",
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {}\n\n",
                "SSH-2.0-OpenSSH\r\n",
                ""
            })
    void whateverAnOperatorAnswersTheTableStays(String answer) throws Exception {
        // Given
        start(Duration.ofSeconds(15));
        operator.stream().accept().send(Tables.full(1, A)).close();

        // When
        try (ScriptedOperator.Stream stream = operator.stream()) {
            stream.write(answer);
            if (answer.isEmpty() || answer.startsWith("SSH")) {
                stream.socket().shutdownOutput();
            }

            // Then
            ScriptedOperator.Stream next = operator.stream();
            assertThat(Tables.servedPort(routes)).isEqualTo(1);
            next.accept().send(Tables.delta(2, A, B));
            await().until(() -> Tables.servedPort(routes) == 2);
        }
    }

    @Test
    void anUpdateThatCannotBeReadIsRefusedAndTheStreamGoesOn() throws Exception {
        // Given
        start(Duration.ofSeconds(15));
        ScriptedOperator.Stream stream = operator.stream().accept().send(Tables.full(1, A));
        operator.report();
        TableVersion later = Tables.version(2, B);

        // When
        stream.write("id: " + later + "\nevent: full\ndata: {\"type\":\"full\",\"later\":1}\n\n");

        // Then
        ApplyReport report = operator.report();
        assertThat(report.version()).isEqualTo(later);
        assertThat(report.outcome()).isInstanceOf(Refused.class);
        stream.send(new KeepAlive(later));
        assertThat(operator.report().outcome()).isInstanceOf(Refused.class);
        assertThat(Tables.servedPort(routes)).isEqualTo(1);
        stream.send(Tables.full(3, C));
        await().until(() -> Tables.servedPort(routes) == 3);
    }

    @Test
    void aRefusedUpdateNeverSwaps() throws Exception {
        // Given
        start(Duration.ofSeconds(15));
        ScriptedOperator.Stream stream = operator.stream().accept().send(Tables.full(1, A));
        operator.report();
        ActiveTable before = routes.active();

        // When
        stream.send(Tables.delta(2, A, Tables.unservable()));

        // Then
        assertThat(operator.report().outcome()).isInstanceOf(Refused.class);
        assertThat(routes.active()).isSameAs(before);
        assertThat(registry.get("holdfast.config.last_apply_success").gauge().value())
                .isZero();
    }

    @ParameterizedTest
    @ValueSource(
            classes = {
                OutOfMemoryError.class,
                StackOverflowError.class,
                NoClassDefFoundError.class,
                AssertionError.class,
                InternalError.class
            })
    void anErrorWhileATableIsPreparedCostsTheStreamAndNotTheProcess(Class<? extends Error> failure) throws Exception {
        // Given
        Error error = failure.getDeclaredConstructor().newInstance();
        AtomicInteger discarded = new AtomicInteger();
        AtomicInteger prepared = new AtomicInteger();
        routes.join(next -> prepared(discarded::incrementAndGet));
        routes.join(next -> {
            if (prepared.incrementAndGet() == 1) {
                throw error;
            }
            return prepared(() -> {});
        });
        start(Duration.ofSeconds(15));

        // When
        operator.stream().accept().send(Tables.full(1, A));

        // Then
        ScriptedOperator.Stream second = operator.stream();
        assertThat(second.lastEventId()).isNull();
        assertThat(discarded).hasValue(1);
        second.accept().send(Tables.full(1, A));
        await().until(() -> Tables.servedPort(routes) == 1);
        assertThat(discarded).hasValue(1);
    }

    private static ActiveRoutes.Prepared prepared(Runnable discard) {
        return new ActiveRoutes.Prepared() {
            @Override
            public void adopt() {}

            @Override
            public void discard() {
                discard.run();
            }
        };
    }

    @Test
    void aRestartServesFromDiskWithoutAnOperator() throws Exception {
        // Given
        start(Duration.ofSeconds(15));
        operator.stream().accept().send(Tables.full(1, A)).send(Tables.delta(2, A, B));
        await().until(() -> Tables.servedPort(routes) == 2);
        int port = operator.port();
        stop();
        operator.close();
        ActiveRoutes restarted = new ActiveRoutes();

        // When
        sync = sync(URI.create("http://127.0.0.1:" + port), Duration.ofSeconds(15), restarted);
        sync.start();

        // Then
        assertThat(Tables.servedPort(restarted)).isEqualTo(2);
        assertThat(registry.get("holdfast.config.last_apply_success").gauge().value())
                .as("nothing was refused")
                .isEqualTo(1);
        operator = new ScriptedOperator(port);
        assertThat(operator.stream().lastEventId())
                .isEqualTo(Tables.version(2, B).toString());
    }

    @Test
    void aRestartWithADamagedFileStartsEmptyAndConverges() throws Exception {
        // Given
        Files.writeString(directory.resolve("last-known-good.json"), "{\"type\":\"full\"");

        // When
        start(Duration.ofSeconds(15));

        // Then
        ScriptedOperator.Stream stream = operator.stream();
        assertThat(stream.lastEventId()).isNull();
        assertThat(routes.active()).isNull();
        stream.accept().send(Tables.full(1, A));
        await().until(() -> Tables.servedPort(routes) == 1);
    }

    @Test
    void aDirectoryThatCannotBeWrittenDoesNotStopServing() throws Exception {
        // Given
        Path file = Files.createFile(directory.resolve("not-a-directory"));
        sync = new TableSync(
                new SyncConfig(
                        operator.uri(), file, Duration.ofSeconds(15), Duration.ofMillis(5), Duration.ofMillis(20)),
                "proxy-a",
                routes,
                registry);
        sync.start();

        // When
        operator.stream().accept().send(Tables.full(1, A)).send(Tables.delta(2, A, B));

        // Then
        await().until(() -> Tables.servedPort(routes) == 2);
    }

    private void start(Duration keepAlive) {
        sync = sync(operator.uri(), keepAlive, routes);
        sync.start();
    }

    private void stop() {
        if (sync != null) {
            sync.close();
        }
    }

    private TableSync sync(URI from, Duration keepAlive, ActiveRoutes into) {
        SyncConfig config = new SyncConfig(from, directory, keepAlive, Duration.ofMillis(5), Duration.ofMillis(20));
        return new TableSync(config, "proxy-a", into, registry);
    }
}
