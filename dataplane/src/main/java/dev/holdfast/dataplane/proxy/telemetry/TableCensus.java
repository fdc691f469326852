package dev.holdfast.dataplane.proxy.telemetry;

import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.VirtualHost;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a table holds for each object that owns routes. Counted when somebody first asks, which is a scrape: a swap must
 * not wait for it. Thread-safe.
 */
final class TableCensus {
    /** The labels of endpoints. */
    static final List<String> ENDPOINT_STATES = List.of("ready", "draining");

    /** What an object does; a label. */
    enum State {
        /** A backend with endpoints. */
        SERVING("serving"),
        /** Backends, none of which has an endpoint. */
        UNAVAILABLE("unavailable"),
        /** An answer of our own. */
        REJECTING("rejecting");

        private final String label;

        State(String label) {
            this.label = label;
        }

        String label() {
            return label;
        }
    }

    private record Counts(State state, int ready, int draining) {}

    private static final class Groups {
        private final Set<String> ids = new HashSet<>();
        private boolean forwards;
    }

    private final RouteTable table;
    private @Nullable Map<RouteKey, Counts> counted;

    TableCensus(RouteTable table) {
        this.table = table;
    }

    /** Endpoints of an object in a state of {@link #ENDPOINT_STATES}. */
    int endpoints(RouteKey key, String state) {
        Counts counts = counted().get(key);
        if (counts == null) {
            return 0;
        }
        return state.equals("ready") ? counts.ready() : counts.draining();
    }

    /** How many objects are in a state. */
    long objects(State state) {
        return counted().values().stream()
                .filter(counts -> counts.state() == state)
                .count();
    }

    private synchronized Map<RouteKey, Counts> counted() {
        Map<RouteKey, Counts> known = counted;
        if (known == null) {
            known = count();
            counted = known;
        }
        return known;
    }

    private Map<RouteKey, Counts> count() {
        Map<RouteKey, Groups> groups = new HashMap<>();
        for (VirtualHost host : table.virtualHosts().values()) {
            for (Route route : host.routes()) {
                Groups own = groups.computeIfAbsent(RouteKey.of(route.owner()), key -> new Groups());
                if (route.action() instanceof RouteAction.Forward forward) {
                    own.forwards = true;
                    forward.upstreams().forEach(share -> {
                        Upstream upstream = table.upstreams().get(share.upstream());
                        if (upstream != null) {
                            own.ids.add(upstream.endpoints());
                        }
                    });
                }
            }
        }
        Map<RouteKey, Counts> result = HashMap.newHashMap(groups.size());
        groups.forEach((key, own) -> result.put(key, counts(own)));
        return result;
    }

    private Counts counts(Groups own) {
        int ready = 0;
        int draining = 0;
        for (String id : own.ids) {
            EndpointGroup group = table.endpoints().get(id);
            if (group != null) {
                for (EndpointGroup.Endpoint endpoint : group.endpoints()) {
                    switch (endpoint.state()) {
                        case READY -> ready++;
                        case DRAINING -> draining++;
                    }
                }
            }
        }
        State state = !own.forwards ? State.REJECTING : ready + draining > 0 ? State.SERVING : State.UNAVAILABLE;
        return new Counts(state, ready, draining);
    }
}
