package dev.holdfast.operator.publish;

import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;

/** A table with the version under which data planes know it. */
public record PublishedTable(TableVersion version, RouteTable table) {}
