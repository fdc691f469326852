package dev.holdfast.cli.local;

import dev.holdfast.cli.manifest.FileNotice;
import dev.holdfast.dataplane.proxy.tunnel.DrainResult;
import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd;
import dev.holdfast.dataplane.proxy.tunnel.TunnelInfo;
import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import java.time.Duration;
import java.util.Map;

/** Something that local mode tells its user. */
public sealed interface LocalEvent {
    /**
     * It serves.
     *
     * @param origin the directory or the backend, as the user wrote it
     * @param backends the names of the built-in backends, by {@code address:port}
     */
    record Started(String origin, LocalConfig.Ports ports, RouteTable table, Map<String, String> backends)
            implements LocalEvent {}

    /** The one backend of {@code --to} was asked for a connection. */
    record Reached(String backend, boolean reachable, Duration took) implements LocalEvent {}

    /**
     * Another table is served.
     *
     * @param tunnelsOpen when it was swapped in
     * @param tunnelsAffected those that we ended because of it
     */
    record Changed(TableVersion version, TableDifference difference, int tunnelsOpen, int tunnelsAffected)
            implements LocalEvent {}

    /** A problem of an object is new. */
    record Appeared(Diagnostic diagnostic) implements LocalEvent {}

    /** A problem of an object is no more. */
    record Resolved(Diagnostic diagnostic) implements LocalEvent {}

    /** Something about a file. */
    record Noticed(FileNotice notice) implements LocalEvent {}

    /** The data plane cannot serve a table; the one before stays. */
    record Refused(String reason) implements LocalEvent {}

    /** A tunnel is open. */
    record Opened(TunnelInfo tunnel) implements LocalEvent {}

    /** A tunnel is closed. */
    record Closed(TunnelInfo tunnel, TunnelEnd end) implements LocalEvent {}

    /** Tunnels are told to go. */
    record Draining(int from, int remaining, Duration left) implements LocalEvent {}

    /** All is closed. */
    record Drained(DrainResult result) implements LocalEvent {}

    /** More happened than could be printed. */
    record LeftOut(long events) implements LocalEvent {}
}
