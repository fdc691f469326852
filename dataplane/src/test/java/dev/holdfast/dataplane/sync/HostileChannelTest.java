package dev.holdfast.dataplane.sync;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.EndpointGroup.Endpoint;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.TableUpdate;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import dev.holdfast.routetable.update.TableUpdate.KeepAlive;
import dev.holdfast.routetable.wire.TableDigester;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The channel cut, delayed, truncated, replayed, reordered, with wrong digests and from an operator that is older
 * (scorecard R16). The oracle knows every table that was published, each with a content of its own, in their order:
 * whatever is swapped in must be one of them, whole, and never one before what was swapped in already.
 */
@Timeout(120)
class HostileChannelTest {
    private static final Duration SOON = Duration.ofSeconds(60);

    /** A table that was published. */
    private record Published(long epoch, long sequence, RouteTable table) {
        TableVersion version() {
            return Tables.version(sequence, table);
        }

        FullTable full() {
            return new FullTable(version(), table);
        }

        KeepAlive keepAlive() {
            return new KeepAlive(version());
        }

        boolean isBefore(Published other) {
            return epoch < other.epoch || epoch == other.epoch && sequence < other.sequence;
        }
    }

    private final ActiveRoutes routes = new ActiveRoutes();
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final Map<String, Published> published = new ConcurrentHashMap<>();
    private final List<String> faults = new CopyOnWriteArrayList<>();
    private int swaps;
    private int contents;
    private @Nullable Published newest;
    private ScriptedOperator operator;
    private TableSync sync;

    @BeforeEach
    void follow() throws IOException {
        operator = new ScriptedOperator();
        routes.join(next -> new ActiveRoutes.Prepared() {
            @Override
            public void adopt() {
                judge(next);
            }

            @Override
            public void discard() {}
        });
        sync = new TableSync(
                new SyncConfig(
                        operator.uri(), null, Duration.ofSeconds(15), Duration.ofMillis(1), Duration.ofMillis(2)),
                "proxy-a",
                routes,
                registry);
        sync.start();
    }

    @AfterEach
    void close() throws IOException {
        sync.close();
        operator.close();
    }

    @Test
    void aStreamThatIsCutAtAnyByteAppliesWholeEventsAndNothingElse() throws Exception {
        // Given
        int cuts = 0;
        int length = Integer.MAX_VALUE;
        String held = null;
        for (int at = 0; at <= length; at++) {
            Published first = publish(at + 1, 1);
            Published second = publish(at + 1, 2);
            Published third = publish(at + 1, 3);
            List<TableUpdate> updates =
                    List.of(first.full(), delta(first, second), second.keepAlive(), delta(second, third));
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            bytes.writeBytes(ScriptedOperator.head(at + 1).getBytes(US_ASCII));
            String expected = held;
            for (TableUpdate update : updates) {
                bytes.writeBytes(ScriptedOperator.event(update));
                expected = bytes.size() <= at ? update.version().toString() : expected;
            }
            length = bytes.size();

            // When
            try (ScriptedOperator.Stream stream = operator.stream()) {
                assertThat(stream.lastEventId()).as("before the cut at " + at).isEqualTo(held);
                stream.write(Arrays.copyOf(bytes.toByteArray(), at));
            }
            held = expected;
            cuts++;
        }

        // Then
        assertThat(operator.stream().lastEventId()).isEqualTo(held);
        assertThat(faults).isEmpty();
        System.out.printf(
                "figure: R16 cut: bytes %d, tables swapped in %d, in part or stale %d%n", cuts, swaps, faults.size());
    }

    @Test
    void aChannelThatDoesEverythingWrongNeverTakesTheTableBack() throws Exception {
        // Given
        Random random = new Random(Long.getLong("channel.seed", 20_261_121));
        int streams = Integer.getInteger("channel.streams", 600);
        List<byte[]> recorded = new ArrayList<>();
        Published current = publish(1_000, 1);
        operator.stream().accept(1_000).send(current.full()).close();

        for (int i = 0; i < streams; i++) {
            // When
            List<Published> history = new ArrayList<>(List.of(current));
            boolean restarted = random.nextInt(4) == 0;
            long epoch = current.epoch() + (restarted ? 1 : 0);
            for (int step = 0; step < 3; step++) {
                Published before = history.getLast();
                history.add(publish(epoch, epoch == before.epoch() ? before.sequence() + 1 : 1));
            }
            byte[] bytes = damaged(history, recorded, random);
            try (ScriptedOperator.Stream stream = operator.stream()) {
                try {
                    stream.write(bytes);
                } catch (IOException e) {
                    // The data plane gave the stream up before its end.
                }
            }
            current = history.getLast();
        }

        // Then
        operator.stream().accept(current.epoch()).send(current.full());
        String expected = current.version().toString();
        await().atMost(SOON).until(() -> serves().equals(expected));
        assertThat(faults).isEmpty();
        System.out.printf(
                "figure: R16 hostile: streams %d, tables published %d, swapped in %d, in part or stale %d,"
                        + " refused as stale %.0f%n",
                streams,
                published.size(),
                swaps,
                faults.size(),
                registry.get("holdfast.config.stale").counter().count());
        assertThat(swaps).isGreaterThan(streams / 10);
        assertThat(registry.get("holdfast.config.stale").counter().count()).isPositive();
    }

    @Test
    void anEventThatTakesFiveSecondsIsServedWhenItIsWhole() throws Exception {
        // Given
        Published first = publish(1, 1);
        Published second = publish(1, 2);
        ScriptedOperator.Stream stream = operator.stream().accept(1).send(first.full());
        await().atMost(SOON).until(() -> serves().equals(first.version().toString()));
        byte[] event = ScriptedOperator.event(delta(first, second));

        // When
        stream.write(Arrays.copyOf(event, event.length / 2));
        Thread.sleep(5_000);
        String meanwhile = serves();
        stream.write(Arrays.copyOfRange(event, event.length / 2, event.length));

        // Then
        await().atMost(SOON).until(() -> serves().equals(second.version().toString()));
        assertThat(meanwhile).isEqualTo(first.version().toString());
        assertThat(faults).isEmpty();
    }

    @Test
    void aReplayedStreamIsStaleAndIsGivenUp() throws Exception {
        // Given
        Published first = publish(5, 1);
        Published second = publish(5, 2);
        operator.stream()
                .accept(5)
                .send(first.full())
                .send(delta(first, second))
                .close();
        ScriptedOperator.Stream replayed = operator.stream();
        assertThat(replayed.lastEventId()).isEqualTo(second.version().toString());

        // When
        replayed.accept(5).send(first.full()).send(delta(first, second));

        // Then
        assertThat(operator.stream().lastEventId()).isEqualTo(second.version().toString());
        assertThat(swaps).isEqualTo(2);
        assertThat(faults).isEmpty();
    }

    @Test
    void anOperatorThatWasReplacedIsNotBelieved() throws Exception {
        // Given
        Published old = publish(5, 9);
        Published fresh = publish(6, 1);
        operator.stream().accept(6).send(fresh.full()).close();

        // When
        operator.stream().accept(5).send(old.full());

        // Then
        ScriptedOperator.Stream next = operator.stream();
        assertThat(next.lastEventId()).isEqualTo(fresh.version().toString());
        Published later = publish(6, 2);
        next.accept(6).send(delta(fresh, later));
        await().atMost(SOON).until(() -> serves().equals(later.version().toString()));
        assertThat(faults).isEmpty();
    }

    @Test
    void anotherReplicaThatIsCurrentIsFollowedAtOnce() throws Exception {
        // Given
        Published here = publish(6, 1);
        operator.stream().accept(6).send(here.full()).close();
        TableVersion there = Tables.version(40, here.table());

        // When
        Published next = publish(7, 1);
        operator.stream()
                .accept(5)
                .send(new KeepAlive(there))
                .send(new TableUpdate.TableDelta(
                        there,
                        Tables.version(41, next.table()),
                        delta(here, next).changes()));

        // Then
        await().atMost(SOON).until(() -> serves().startsWith("41-"));
    }

    /** A stream of these tables, the first of which the data plane may hold, with one thing wrong, or none. */
    private byte[] damaged(List<Published> history, List<byte[]> recorded, Random random) {
        long epoch = history.getLast().epoch();
        List<byte[]> events = new ArrayList<>();
        events.add(ScriptedOperator.event(history.get(1).full()));
        events.add(ScriptedOperator.event(delta(history.get(1), history.get(2))));
        events.add(ScriptedOperator.event(history.get(2).keepAlive()));
        events.add(ScriptedOperator.event(delta(history.get(2), history.get(3))));
        byte[] whole = stream(epoch, events);
        recorded.add(whole);
        return switch (random.nextInt(9)) {
            case 0 -> whole;
            case 1 -> Arrays.copyOf(whole, random.nextInt(whole.length));
            case 2 -> recorded.get(random.nextInt(recorded.size()));
            case 3 -> stream(epoch - 1 - random.nextInt(5), events);
            case 4 -> {
                java.util.Collections.shuffle(events, random);
                yield stream(epoch, events);
            }
            case 5 -> {
                events.addAll(
                        random.nextInt(4),
                        events.subList(0, 1 + random.nextInt(3)).stream().toList());
                yield stream(epoch, events);
            }
            case 6 -> {
                events.remove(random.nextInt(4));
                yield stream(epoch, events);
            }
            case 7 -> {
                // The content of one table under the version of another.
                Published wrong = history.get(3);
                events.set(
                        random.nextInt(4),
                        ScriptedOperator.event(new FullTable(
                                wrong.version(), history.get(random.nextInt(3)).table())));
                yield stream(epoch, events);
            }
            default -> {
                byte[] flipped = whole.clone();
                int head = ScriptedOperator.head(epoch).length();
                for (int i = 0; i <= random.nextInt(3); i++) {
                    flipped[head + random.nextInt(flipped.length - head)] ^= (byte) (1 << random.nextInt(8));
                }
                yield flipped;
            }
        };
    }

    private static byte[] stream(long epoch, List<byte[]> events) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes(ScriptedOperator.head(Math.max(0, epoch)).getBytes(US_ASCII));
        events.forEach(bytes::writeBytes);
        return bytes.toByteArray();
    }

    private static TableUpdate.TableDelta delta(Published before, Published after) {
        return new TableUpdate.TableDelta(
                before.version(),
                after.version(),
                dev.holdfast.routetable.update.TableChanges.between(before.table(), after.table()));
    }

    /** A table like no other: two groups that carry the same number, so that a part of it would show. */
    private Published publish(long epoch, long sequence) {
        int port = 1 + contents % 65_000;
        String address = "10.0." + contents / 65_000 + ".1";
        contents++;
        RouteTable table = RouteTable.of(
                List.of(),
                List.of(),
                List.of(
                        new EndpointGroup("a", List.of(Endpoint.ready(address, port))),
                        new EndpointGroup("b", List.of(Endpoint.ready(address, port)))),
                List.of());
        Published made = new Published(epoch, sequence, table);
        published.put(made.version().digest(), made);
        return made;
    }

    /** Runs on the thread of the sync client, which is one. */
    private void judge(ActiveTable next) {
        swaps++;
        Published found = published.get(next.version().digest());
        if (found == null || !found.table().equals(next.table())) {
            faults.add("swapped in a table that nobody published: " + next.version());
            return;
        }
        if (!new TableDigester().digest(next.table()).equals(next.version().digest())) {
            faults.add("swapped in a table in part: " + next.version());
        }
        Published before = newest;
        if (before != null && found.isBefore(before)) {
            faults.add("went back from " + before + " to " + found);
        }
        newest = found;
    }

    private String serves() {
        ActiveTable active = routes.active();
        return active == null ? "nothing" : active.version().toString();
    }
}
