package dev.holdfast.dataplane.match;

import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.match.MatchIndex;
import java.util.Map;

/**
 * A table that is ready to serve: complete, immutable, indexed, with what every participant derived from it. Read once
 * per request and carried by it, so that no request is answered by two tables.
 */
public record ActiveTable(
        TableVersion version,
        RouteTable table,
        MatchIndex index,
        Map<ActiveRoutes.Participant, ActiveRoutes.Prepared> prepared) {
    /** Copies the map. */
    public ActiveTable {
        prepared = Map.copyOf(prepared);
    }

    ActiveTable with(Map<ActiveRoutes.Participant, ActiveRoutes.Prepared> derived) {
        return new ActiveTable(version, table, index, derived);
    }

    /**
     * What a participant derived from this table.
     *
     * @throws IllegalStateException if it did not take part in the swap
     */
    public ActiveRoutes.Prepared preparedBy(ActiveRoutes.Participant participant) {
        ActiveRoutes.Prepared found = prepared.get(participant);
        if (found == null) {
            throw new IllegalStateException("participant: not joined before the swap to " + version);
        }
        return found;
    }
}
