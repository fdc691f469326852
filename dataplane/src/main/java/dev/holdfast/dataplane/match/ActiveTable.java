package dev.holdfast.dataplane.match;

import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.match.MatchIndex;

/**
 * A table that is ready to serve: complete, immutable, indexed. Read once per request, so that no request is answered by
 * two tables.
 */
public record ActiveTable(TableVersion version, RouteTable table, MatchIndex index) {}
