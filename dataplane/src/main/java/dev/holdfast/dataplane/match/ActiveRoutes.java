package dev.holdfast.dataplane.match;

import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.match.MatchIndex;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * Holds the active table and swaps it. Readers see the old table or the new one, never a part: one volatile reference.
 * Whoever serves from a table (TLS contexts, upstream state) takes part in the swap: it prepares everything that can
 * fail before the swap, and adopts it after.
 */
public final class ActiveRoutes {
    /** Builds what it needs of a table before the table is served. */
    @FunctionalInterface
    public interface Participant {
        /**
         * Prepares for {@code next}; called off the event loop, before the swap, when nothing is prepared in it yet.
         *
         * @return adopts or discards what was prepared
         * @throws IllegalArgumentException if the table cannot be served; the message names the entry and the rule. The
         *     swap does not happen
         */
        Prepared prepare(ActiveTable next);
    }

    /**
     * What one participant prepared. Exactly one of both methods is called; neither may fail. A request that is routed by
     * the table finds it there ({@link ActiveTable#preparedBy}), so what it reads of it always fits its route.
     */
    public interface Prepared {
        /** Serves from the table that was prepared, from now on. */
        void adopt();

        /** Releases what was prepared. */
        void discard();
    }

    private final List<Participant> participants = new CopyOnWriteArrayList<>();
    private volatile @Nullable ActiveTable active;

    /** Adds a participant; if a table is active already it is prepared and adopted at once. */
    public synchronized void join(Participant participant) {
        participants.add(participant);
        ActiveTable current = active;
        if (current != null) {
            Prepared prepared = participant.prepare(current);
            prepared.adopt();
            Map<Participant, Prepared> all = new HashMap<>(current.prepared());
            all.put(participant, prepared);
            active = current.with(all);
        }
    }

    /** The table that is served now, or null before the first. */
    public @Nullable ActiveTable active() {
        return active;
    }

    /**
     * Indexes a table, lets every participant prepare, and swaps it in. Call off the event loop.
     *
     * @throws IllegalArgumentException if the table cannot be served; the old one stays active
     */
    public synchronized void swap(TableVersion version, RouteTable table) {
        ActiveTable current = active;
        MatchIndex index = MatchIndex.of(table, current == null ? null : current.index());
        ActiveTable next = new ActiveTable(version, table, index, Map.of());
        Map<Participant, Prepared> prepared = new LinkedHashMap<>();
        try {
            for (Participant participant : participants) {
                prepared.put(participant, participant.prepare(next));
            }
        } catch (RuntimeException | Error e) {
            prepared.values().forEach(Prepared::discard);
            throw e;
        }
        prepared.values().forEach(Prepared::adopt);
        active = next.with(prepared);
    }
}
