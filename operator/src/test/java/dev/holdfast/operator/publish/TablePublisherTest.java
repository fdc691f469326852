package dev.holdfast.operator.publish;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.TableUpdate;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import dev.holdfast.routetable.update.TableUpdate.KeepAlive;
import dev.holdfast.routetable.update.TableUpdate.TableDelta;
import dev.holdfast.routetable.wire.TableDigester;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class TablePublisherTest {
    private static final Duration NO_WAIT = Duration.ofMillis(1);

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final TablePublisher publisher = new TablePublisher(registry);

    @Test
    void aPublisherThatStartedLaterHasALaterEpoch() {
        // Given
        TablePublisher first = new TablePublisher(registry, () -> java.time.Instant.ofEpochMilli(1_000));

        // When
        TablePublisher second = new TablePublisher(registry, () -> java.time.Instant.ofEpochMilli(1_001));

        // Then
        assertThat(second.epoch()).isGreaterThan(first.epoch());
        assertThat(publisher.epoch()).isPositive();
    }

    @Test
    void anEqualTableGetsNoNewVersion() {
        // Given
        PublishedTable first = publisher.publish(Tables.withPort(80));

        // When
        PublishedTable second = publisher.publish(Tables.withPort(80));

        // Then
        assertThat(second).isSameAs(first);
        assertThat(first.version().sequence()).isEqualTo(1);
        assertThat(registry.get("holdfast.operator.versions").counter().count()).isEqualTo(1);
    }

    @Test
    void theEmptyTableIsATableToo() {
        // When
        PublishedTable published = publisher.publish(RouteTable.EMPTY);

        // Then
        assertThat(publisher.current()).contains(published);
    }

    @Test
    void aChangedTableSharesWhatDidNotChange() {
        // Given
        RouteTable before = publisher.publish(Tables.large(3, 80)).table();

        // When
        PublishedTable after = publisher.publish(Tables.large(3, 81));

        // Then
        assertThat(after.table().endpoints().get("group-1"))
                .isSameAs(before.endpoints().get("group-1"));
        assertThat(after.version().digest()).isEqualTo(new TableDigester().digest(Tables.large(3, 81)));
        assertThat(after.version().sequence()).isEqualTo(2);
    }

    @Test
    void theSameTablesGiveTheSameDigestsAtEveryReplica() {
        // Given
        publisher.publish(Tables.withPort(1));
        publisher.publish(Tables.withPort(2));
        TablePublisher replica = new TablePublisher(registry);

        // When
        PublishedTable published = replica.publish(Tables.withPort(2));

        // Then
        assertThat(published
                        .version()
                        .isSameTable(publisher.current().orElseThrow().version()))
                .isTrue();
    }

    @Test
    void aReaderThatHoldsNothingGetsAFullTable() throws Exception {
        // Given
        publisher.publish(Tables.withPort(80));

        // When
        TableUpdate update = next(publisher.cursor(null));

        // Then
        assertThat(update)
                .isInstanceOfSatisfying(
                        FullTable.class,
                        full -> assertThat(Tables.port(full.table())).isEqualTo(80));
    }

    @Test
    void aReaderThatResumesWithTheCurrentTableHearsSoAtOnce() throws Exception {
        // Given
        PublishedTable published = publisher.publish(Tables.withPort(80));
        TableVersion otherCount = new TableVersion(99, published.version().digest());

        // When
        TableUpdate update = next(publisher.cursor(otherCount));

        // Then
        assertThat(update).isEqualTo(new KeepAlive(published.version()));
    }

    @Test
    void aReaderThatResumesWithAKnownTableGetsTheSumOfWhatItMissed() throws Exception {
        // Given
        RouteTable start = Tables.large(10, 1);
        TableVersion held = publisher.publish(start).version();
        for (int port = 2; port <= 5; port++) {
            publisher.publish(Tables.large(10, port));
        }

        // When
        TableUpdate update = next(publisher.cursor(held));

        // Then
        assertThat(update).isInstanceOfSatisfying(TableDelta.class, delta -> {
            assertThat(delta.base()).isEqualTo(held);
            assertThat(delta.version().sequence()).isEqualTo(5);
            assertThat(delta.changes().size()).isEqualTo(1);
            assertThat(delta.changes().applyTo(start)).isEqualTo(Tables.large(10, 5));
        });
    }

    @Test
    void aReaderThatHoldsAnUnknownTableGetsAFullOne() throws Exception {
        // Given
        publisher.publish(Tables.withPort(80));

        // When
        TableUpdate update = next(publisher.cursor(new TableVersion(1, "0".repeat(64))));

        // Then
        assertThat(update).isInstanceOf(FullTable.class);
    }

    @Test
    void theHistoryIsBounded() throws Exception {
        // Given
        TableVersion oldest = publisher.publish(Tables.withPort(1)).version();
        for (int port = 2; port <= 100; port++) {
            publisher.publish(Tables.withPort(port));
        }

        // When
        TableUpdate update = next(publisher.cursor(oldest));

        // Then
        assertThat(update).isInstanceOf(FullTable.class);
    }

    @Test
    void aDifferenceThatCostsMoreThanATableIsForgotten() throws Exception {
        // Given
        TableVersion held = publisher.publish(RouteTable.EMPTY).version();
        publisher.publish(Tables.large(1_500, 1));
        publisher.publish(Tables.withPort(1));

        // When
        TableUpdate update = next(publisher.cursor(held));

        // Then
        assertThat(update).isInstanceOf(FullTable.class);
    }

    @Test
    void theHistoryIsBoundedByWhatItsDifferencesHold() throws Exception {
        // Given: one entry of 600 KB that changes forty times
        List<TableVersion> held = new ArrayList<>();
        for (int port = 1; port <= 40; port++) {
            held.add(publisher.publish(Tables.wide(10_000, port)).version());
        }

        // When
        TableUpdate recent = next(publisher.cursor(held.get(35)));
        TableUpdate old = next(publisher.cursor(held.getFirst()));

        // Then
        assertThat(recent).isInstanceOf(TableDelta.class);
        assertThat(old).isInstanceOf(FullTable.class);
    }

    @Test
    void oneEncodingServesAllReaders() throws Exception {
        // Given
        TableVersion held = publisher.publish(Tables.withPort(1)).version();
        publisher.publish(Tables.withPort(2));

        // When
        byte[] first = publisher.cursor(held).next(NO_WAIT).orElseThrow().json();
        byte[] second = publisher.cursor(held).next(NO_WAIT).orElseThrow().json();

        // Then
        assertThat(second).isSameAs(first);
    }

    @Test
    void aReaderWaitsForTheFirstTableAndForTheNext() throws Exception {
        // Given
        UpdateCursor cursor = publisher.cursor(null);
        assertThat(cursor.next(NO_WAIT)).isEmpty();
        CompletableFuture<TableUpdate> waiting = new CompletableFuture<>();
        Thread reader = Thread.startVirtualThread(() -> {
            try {
                waiting.complete(
                        cursor.next(Duration.ofSeconds(30)).orElseThrow().update());
            } catch (InterruptedException e) {
                waiting.completeExceptionally(e);
            }
        });

        // When
        publisher.publish(Tables.withPort(80));

        // Then
        assertThat(waiting.get()).isInstanceOf(FullTable.class);
        reader.join();
        assertThat(next(cursor)).isInstanceOf(KeepAlive.class);
    }

    @Test
    void whateverReadersMissTheyAllEndAtTheSameTable() throws Exception {
        // Given
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        List<Reader> readers = new ArrayList<>();

        // When
        for (int i = 0; i < 500; i++) {
            publisher.publish(
                    random.nextInt(3) == 0
                            ? Tables.withPort(1 + random.nextInt(5))
                            : Tables.large(20, 1 + random.nextInt(9)));
            if (random.nextInt(20) == 0) {
                readers.add(new Reader(publisher.cursor(null)));
            }
            for (Reader reader : readers) {
                if (random.nextInt(4) == 0) {
                    reader.read();
                }
            }
        }
        for (Reader reader : readers) {
            reader.read();
        }

        // Then
        PublishedTable current = publisher.current().orElseThrow();
        assertThat(readers)
                .as("seed " + seed)
                .isNotEmpty()
                .allSatisfy(reader -> assertThat(reader.table).isEqualTo(current.table()));
    }

    private static final class Reader {
        private final UpdateCursor cursor;
        private @Nullable RouteTable table;

        Reader(UpdateCursor cursor) {
            this.cursor = cursor;
        }

        void read() throws InterruptedException {
            switch (next(cursor)) {
                case FullTable full -> table = full.table();
                case TableDelta delta -> {
                    RouteTable base = table;
                    assertThat(base).isNotNull();
                    assertThat(new TableDigester().digest(base))
                            .isEqualTo(delta.base().digest());
                    table = delta.changes().applyTo(base);
                }
                case KeepAlive keepAlive -> {}
            }
        }
    }

    private static TableUpdate next(UpdateCursor cursor) throws InterruptedException {
        return cursor.next(NO_WAIT).orElseThrow().update();
    }
}
