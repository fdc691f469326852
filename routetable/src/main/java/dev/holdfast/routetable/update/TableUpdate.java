package dev.holdfast.routetable.update;

import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;

/** One event of the table stream. */
public sealed interface TableUpdate {
    /** The version that the receiver holds after it. */
    TableVersion version();

    /** A whole table. */
    record FullTable(TableVersion version, RouteTable table) implements TableUpdate {}

    /**
     * What changed since {@code base}.
     *
     * @param base the receiver must hold exactly this table, or ask for a full one
     * @param version the table after the changes; its digest is checked
     */
    record TableDelta(TableVersion base, TableVersion version, TableChanges changes) implements TableUpdate {}

    /** Nothing changed; the stream is alive. */
    record KeepAlive(TableVersion version) implements TableUpdate {}
}
