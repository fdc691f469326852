package dev.holdfast.dataplane.sync;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.EndpointGroup.Endpoint;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction.Reject;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.SecretBytes;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.VirtualHost;
import dev.holdfast.routetable.update.TableChanges;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import dev.holdfast.routetable.update.TableUpdate.TableDelta;
import dev.holdfast.routetable.wire.TableDigester;
import java.util.List;

/** Small tables that are told apart by one number, and the updates between them. */
public final class Tables {
    /** What the private key in every table contains. */
    public static final String KEY = "PRIVATE-KEY-MATERIAL";

    private Tables() {}

    /** A table with one group whose only endpoint has this port, and a certificate. */
    public static RouteTable withPort(int port) {
        return RouteTable.of(
                List.of(),
                List.of(),
                List.of(new EndpointGroup("group", List.of(Endpoint.ready("10.0.0.1", port)))),
                List.of(new Certificate("ns/tls", "chain", SecretBytes.ofText(KEY))));
    }

    /** A table that RE2 refuses. */
    static RouteTable unservable() {
        Route route = new Route(
                "Ingress/ns/bad/0/0",
                new Route.Owner("Ingress", "ns", "bad"),
                RouteMatch.ofPath(PathMatch.regex("(?=a)")),
                new Reject(503, ""),
                Route.Plaintext.SERVE);
        VirtualHost host = new VirtualHost(HostPattern.ANY, null, List.of(route));
        return RouteTable.of(List.of(host), List.of(), List.of(), List.of());
    }

    /** The version of a table at a publisher that counts to {@code sequence}. */
    public static TableVersion version(long sequence, RouteTable table) {
        return new TableVersion(sequence, new TableDigester().digest(table));
    }

    static FullTable full(long sequence, RouteTable table) {
        return new FullTable(version(sequence, table), table);
    }

    static TableDelta delta(long sequence, RouteTable before, RouteTable after) {
        return new TableDelta(
                version(sequence - 1, before), version(sequence, after), TableChanges.between(before, after));
    }

    /** The port of the active table, 0 without one. */
    static int servedPort(ActiveRoutes routes) {
        ActiveTable active = routes.active();
        if (active == null || active.table().endpoints().isEmpty()) {
            return 0;
        }
        return active.table()
                .endpoints()
                .firstEntry()
                .getValue()
                .endpoints()
                .getFirst()
                .port();
    }
}
