package dev.holdfast.dataplane.proxy.telemetry;

import dev.holdfast.routetable.Route;
import java.util.Comparator;

/** The labels of a route: the object that owns it. Its order is for maps, where tenants' names may collide. */
record RouteKey(String namespace, String route) implements Comparable<RouteKey> {
    /** Requests that no route matched. */
    static final RouteKey UNMATCHED = new RouteKey("", "");

    private static final Comparator<RouteKey> ORDER =
            Comparator.comparing(RouteKey::namespace).thenComparing(RouteKey::route);

    static RouteKey of(Route.Owner owner) {
        return new RouteKey(owner.namespace(), owner.name());
    }

    @Override
    public int compareTo(RouteKey other) {
        return ORDER.compare(this, other);
    }
}
