package dev.holdfast.operator.publish;

import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.TableChanges;
import dev.holdfast.routetable.update.TableUpdate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The current table, the way to it from recent ones, and every encoding of it that some reader asked for. Immutable but
 * for the encodings, which are at most one per known base, one full table and one keep-alive.
 */
final class Publication {
    /** Differences that together name fewer entries than this are kept whatever the size of the table. */
    private static final int HISTORY_ENTRIES_MIN = 1_000;

    /**
     * What the differences may hold together, in bytes as they travel, which is about what they keep alive: of one object
     * that is edited again and again, all its former routes.
     */
    private static final long HISTORY_BYTES_MAX = 16L << 20;

    private static final String FULL = "full";

    /** Leads from {@code base} to the base of the next step, or to the current table. */
    private record Step(TableVersion base, TableChanges changes, long bytes) {}

    private final PublishedTable current;
    private final List<Step> history;
    private final Map<String, EncodedUpdate> encodings = new ConcurrentHashMap<>();

    private Publication(PublishedTable current, List<Step> history) {
        this.current = current;
        this.history = List.copyOf(history);
    }

    static Publication first(PublishedTable table) {
        return new Publication(table, List.of());
    }

    /**
     * The publication after this one; forgets steps beyond {@code stepsMax}, those that cost more than a full table, and
     * those that hold too much: a reader that is further behind gets a full table.
     */
    Publication next(PublishedTable table, TableChanges changes, int stepsMax) {
        List<Step> steps = new ArrayList<>(history);
        EncodedUpdate newest =
                EncodedUpdate.of(new TableUpdate.TableDelta(current.version(), table.version(), changes));
        steps.add(new Step(current.version(), changes, newest.json().length));
        int entriesMax = Math.max(HISTORY_ENTRIES_MIN, entries(table));
        int entries = 0;
        long bytes = 0;
        int from = steps.size();
        while (from > 0 && steps.size() - from < stepsMax) {
            entries += steps.get(from - 1).changes.size();
            bytes += steps.get(from - 1).bytes;
            if (entries > entriesMax || bytes > HISTORY_BYTES_MAX) {
                break;
            }
            from--;
        }
        Publication next = new Publication(table, steps.subList(from, steps.size()));
        if (from < steps.size()) {
            // What nearly every reader will ask for is made already.
            next.encodings.put(current.version().digest(), newest);
        }
        return next;
    }

    PublishedTable current() {
        return current;
    }

    /** What a reader must receive that holds the table of this digest; null for a reader that holds none. */
    EncodedUpdate updateFor(@Nullable String heldDigest) {
        if (heldDigest == null) {
            return full();
        }
        TableVersion version = current.version();
        if (heldDigest.equals(version.digest())) {
            return encodings.computeIfAbsent(heldDigest, key -> EncodedUpdate.of(new TableUpdate.KeepAlive(version)));
        }
        int step = lastStepFrom(heldDigest);
        return step < 0 ? full() : encodings.computeIfAbsent(heldDigest, key -> EncodedUpdate.of(deltaFrom(step)));
    }

    private EncodedUpdate full() {
        return encodings.computeIfAbsent(
                FULL, key -> EncodedUpdate.of(new TableUpdate.FullTable(current.version(), current.table())));
    }

    private int lastStepFrom(String digest) {
        for (int i = history.size() - 1; i >= 0; i--) {
            if (history.get(i).base.digest().equals(digest)) {
                return i;
            }
        }
        return -1;
    }

    private TableUpdate deltaFrom(int step) {
        TableChanges changes = history.get(step).changes;
        for (Step later : history.subList(step + 1, history.size())) {
            changes = changes.then(later.changes);
        }
        return new TableUpdate.TableDelta(history.get(step).base, current.version(), changes);
    }

    private static int entries(PublishedTable published) {
        var table = published.table();
        return table.virtualHosts().size()
                + table.upstreams().size()
                + table.endpoints().size()
                + table.certificates().size();
    }
}
