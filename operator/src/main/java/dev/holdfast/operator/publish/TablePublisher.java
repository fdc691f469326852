package dev.holdfast.operator.publish;

import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.TableChanges;
import dev.holdfast.routetable.wire.TableDigester;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Gives tables versions and hands them to readers. Thread-safe; publishing never waits for a reader: a reader that is
 * slow finds the newest table when it comes back and receives the sum of what it missed.
 */
public final class TablePublisher {
    private static final int HISTORY_STEPS_MAX = 64;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition published = lock.newCondition();
    private final TableDigester digester = new TableDigester();
    private final Counter versions;
    private final long epoch;
    private volatile @Nullable Publication publication;

    /** Counts its versions in {@code registry}; its epoch is now. */
    public TablePublisher(MeterRegistry registry) {
        this(registry, InstantSource.system());
    }

    /** Counts its versions in {@code registry}; takes its epoch from {@code time}. */
    TablePublisher(MeterRegistry registry, InstantSource time) {
        epoch = time.millis();
        versions = Counter.builder("holdfast.operator.versions")
                .description("Tables published that differ from the one before")
                .register(registry);
        Gauge.builder("holdfast.operator.version", this, TablePublisher::sequence)
                .description("Sequence of the current table, 0 before the first")
                .register(registry);
    }

    /**
     * Makes a table current. One that equals the current table gets no new version. What did not change is shared with
     * the table before, so that versions cost memory in proportion to their difference.
     *
     * @return the current table, new or old
     */
    public PublishedTable publish(RouteTable table) {
        lock.lock();
        try {
            Publication before = publication;
            Publication next = before == null ? Publication.first(version(1, table)) : after(before, table);
            if (next != before) {
                publication = next;
                versions.increment();
                published.signalAll();
            }
            return next.current();
        } finally {
            lock.unlock();
        }
    }

    /** When this publisher began to count, in milliseconds since 1970: a later one counts from 1 again. */
    public long epoch() {
        return epoch;
    }

    /** The current table; empty before the first. */
    public Optional<PublishedTable> current() {
        return Optional.ofNullable(publication).map(Publication::current);
    }

    /**
     * A reader's place.
     *
     * @param held the version that the reader holds; null when it holds none
     */
    UpdateCursor cursor(@Nullable TableVersion held) {
        return new UpdateCursor(this, held);
    }

    /**
     * Waits for a table of a higher sequence.
     *
     * @param sequence what the caller has seen, 0 for nothing
     * @return the current publication, newer or not, or null if there is none yet
     */
    @Nullable
    Publication await(long sequence, Duration wait) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            long nanos = wait.toNanos();
            while (sequence() <= sequence && nanos > 0) {
                nanos = published.awaitNanos(nanos);
            }
            return publication;
        } finally {
            lock.unlock();
        }
    }

    private Publication after(Publication before, RouteTable table) {
        TableChanges changes = TableChanges.between(before.current().table(), table);
        if (changes.isEmpty()) {
            return before;
        }
        RouteTable shared = changes.applyTo(before.current().table());
        PublishedTable next = version(before.current().version().sequence() + 1, shared);
        return before.next(next, changes, HISTORY_STEPS_MAX);
    }

    private PublishedTable version(long sequence, RouteTable table) {
        return new PublishedTable(new TableVersion(sequence, digester.digest(table)), table);
    }

    private long sequence() {
        Publication now = publication;
        return now == null ? 0 : now.current().version().sequence();
    }
}
