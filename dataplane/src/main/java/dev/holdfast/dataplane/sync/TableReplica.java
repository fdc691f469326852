package dev.holdfast.dataplane.sync;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.ApplyOutcome;
import dev.holdfast.routetable.update.ApplyOutcome.Applied;
import dev.holdfast.routetable.update.ApplyOutcome.NeedsFullTable;
import dev.holdfast.routetable.update.ApplyOutcome.Refused;
import dev.holdfast.routetable.update.ApplyOutcome.Unchanged;
import dev.holdfast.routetable.update.TableUpdate;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import dev.holdfast.routetable.update.TableUpdate.KeepAlive;
import dev.holdfast.routetable.update.TableUpdate.TableDelta;
import dev.holdfast.routetable.wire.TableDigester;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The data plane's copy of the operator's table. Every table is checked against its digest before it is swapped in; an
 * update that is wrong, or that cannot be served, leaves the active table as it is. A table that was refused is kept
 * as the base of the next delta. No sockets, no clock; used by one thread at a time.
 */
public final class TableReplica {
    private static final int REASON_CHARS_MAX = 1_000;

    /**
     * What could not be served.
     *
     * @param table null if it could not even be read
     */
    private record RefusedTable(
            TableVersion version, @Nullable RouteTable table, Refused outcome) {}

    private final ActiveRoutes routes;
    private final TableDigester digester = new TableDigester();
    private @Nullable RefusedTable refused;

    /** Swaps what it receives into {@code routes}. */
    public TableReplica(ActiveRoutes routes) {
        this.routes = routes;
    }

    /** The version that is served; empty before the first. */
    public Optional<TableVersion> serves() {
        return Optional.ofNullable(routes.active()).map(ActiveTable::version);
    }

    /** Applies one update. Blocks while the index is built; call off the event loop. */
    public synchronized ApplyOutcome apply(TableUpdate update) {
        return switch (update) {
            case FullTable full -> take(full.version(), full.table());
            case TableDelta delta -> applyDelta(delta);
            case KeepAlive keepAlive -> confirm(keepAlive.version());
        };
    }

    /**
     * Notes that the update to {@code version} cannot be read, so that a keep-alive for it asks for nothing. One to the
     * version that is served (a kind that a later operator knows) changes nothing about what is served.
     */
    public synchronized ApplyOutcome refuse(TableVersion version, String reason) {
        if (serves().filter(version::isSameTable).isPresent()) {
            return new Refused(bounded(reason));
        }
        return refuse(version, null, reason);
    }

    private ApplyOutcome applyDelta(TableDelta delta) {
        RouteTable base = base(delta.base());
        if (base == null) {
            return new NeedsFullTable("delta.base: " + delta.base() + " (expected: " + held() + ")");
        }
        RouteTable table;
        try {
            table = delta.changes().applyTo(base);
        } catch (IllegalArgumentException e) {
            return new NeedsFullTable(bounded("delta: " + e.getMessage()));
        }
        return take(delta.version(), table);
    }

    private ApplyOutcome take(TableVersion version, RouteTable table) {
        String digest = digester.digest(table);
        if (!digest.equals(version.digest())) {
            return new NeedsFullTable("digest: " + digest + " (expected: " + version.digest() + ")");
        }
        ActiveTable active = routes.active();
        if (active != null && active.version().isSameTable(version)) {
            refused = null;
            return new Unchanged();
        }
        try {
            routes.swap(version, table);
        } catch (RuntimeException e) {
            String reason = e instanceof IllegalArgumentException ? e.getMessage() : e.toString();
            return refuse(version, table, String.valueOf(reason));
        }
        refused = null;
        return new Applied();
    }

    private ApplyOutcome confirm(TableVersion version) {
        RefusedTable last = refused;
        if (last != null && last.version.isSameTable(version)) {
            return last.outcome;
        }
        ActiveTable active = routes.active();
        if (active != null && active.version().isSameTable(version)) {
            return new Unchanged();
        }
        return new NeedsFullTable("keepAlive.version: " + version + " (expected: " + held() + ")");
    }

    private ApplyOutcome refuse(TableVersion version, @Nullable RouteTable table, String reason) {
        Refused outcome = new Refused(bounded(reason));
        refused = new RefusedTable(version, table, outcome);
        return outcome;
    }

    private @Nullable RouteTable base(TableVersion version) {
        RefusedTable last = refused;
        if (last != null && last.version.isSameTable(version)) {
            return last.table;
        }
        ActiveTable active = routes.active();
        return active != null && active.version().isSameTable(version) ? active.table() : null;
    }

    private String held() {
        return serves().map(TableVersion::toString).orElse("no delta, no table is held");
    }

    private static String bounded(String reason) {
        return reason.length() <= REASON_CHARS_MAX ? reason : reason.substring(0, REASON_CHARS_MAX) + "…";
    }
}
