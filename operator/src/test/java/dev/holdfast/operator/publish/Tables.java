package dev.holdfast.operator.publish;

import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.EndpointGroup.Endpoint;
import dev.holdfast.routetable.RouteTable;
import java.util.List;
import java.util.stream.IntStream;

/** Small tables that are told apart by one number. */
public final class Tables {
    private Tables() {}

    /** A table with one group whose only endpoint has this port. */
    public static RouteTable withPort(int port) {
        return RouteTable.of(List.of(), List.of(), List.of(group("group", port)), List.of());
    }

    /** A table of many groups, of which the first has this port. */
    public static RouteTable large(int groups, int port) {
        return RouteTable.of(
                List.of(),
                List.of(),
                IntStream.range(0, groups)
                        .mapToObj(i -> group("group-" + i, i == 0 ? port : 80))
                        .toList(),
                List.of());
    }

    /** A table with one group of so many endpoints, all with this port. */
    static RouteTable wide(int endpoints, int port) {
        List<Endpoint> wide = IntStream.range(0, endpoints)
                .mapToObj(i -> Endpoint.ready("10.0." + i / 250 + "." + i % 250, port))
                .toList();
        return RouteTable.of(List.of(), List.of(), List.of(new EndpointGroup("group", wide)), List.of());
    }

    /** The port of a table that {@link #withPort} made. */
    static int port(RouteTable table) {
        return table.endpoints().firstEntry().getValue().endpoints().getFirst().port();
    }

    private static EndpointGroup group(String id, int port) {
        return new EndpointGroup(id, List.of(Endpoint.ready("10.0.0.1", port)));
    }
}
