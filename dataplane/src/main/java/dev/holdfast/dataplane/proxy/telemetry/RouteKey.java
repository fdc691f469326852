package dev.holdfast.dataplane.proxy.telemetry;

import dev.holdfast.routetable.Route;

/** The labels of a route: the object that owns it. */
record RouteKey(String namespace, String route) {
    /** Requests that no route matched. */
    static final RouteKey UNMATCHED = new RouteKey("", "");

    static RouteKey of(Route.Owner owner) {
        return new RouteKey(owner.namespace(), owner.name());
    }
}
