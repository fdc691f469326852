package dev.holdfast.cli.local;

import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.VirtualHost;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * How two tables differ, in the words of their author. Sets hold route ids with their host, endpoint groups and
 * certificates by their keys.
 */
public record TableDifference(
        SortedSet<String> routesAdded,
        SortedSet<String> routesRemoved,
        SortedSet<String> routesChanged,
        SortedSet<String> endpointsChanged,
        SortedSet<String> certificatesChanged) {

    private record Placed(String host, Route route) {}

    /** From {@code before} to {@code after}. */
    public static TableDifference between(RouteTable before, RouteTable after) {
        Map<String, Placed> old = routes(before);
        Map<String, Placed> now = routes(after);
        SortedSet<String> added = new TreeSet<>();
        SortedSet<String> removed = new TreeSet<>();
        SortedSet<String> changed = new TreeSet<>();
        now.forEach((key, placed) -> {
            Placed was = old.get(key);
            if (was == null) {
                added.add(key);
            } else if (!was.equals(placed) || !sameUpstreams(placed.route, before, after)) {
                changed.add(key);
            }
        });
        old.keySet().stream().filter(key -> !now.containsKey(key)).forEach(removed::add);
        return new TableDifference(
                added,
                removed,
                changed,
                changedKeys(before.endpoints(), after.endpoints()),
                changedKeys(before.certificates(), after.certificates()));
    }

    /** Whether nothing differs that is named here. */
    public boolean isEmpty() {
        return routesAdded.isEmpty()
                && routesRemoved.isEmpty()
                && routesChanged.isEmpty()
                && endpointsChanged.isEmpty()
                && certificatesChanged.isEmpty();
    }

    private static Map<String, Placed> routes(RouteTable table) {
        Map<String, Placed> routes = new HashMap<>();
        for (VirtualHost host : table.virtualHosts().values()) {
            for (Route route : host.routes()) {
                String name = host.host().value() + route.match().path().value();
                routes.put(
                        name + " (" + route.id() + ")", new Placed(host.host().value(), route));
            }
        }
        return routes;
    }

    private static boolean sameUpstreams(Route route, RouteTable before, RouteTable after) {
        return !(route.action() instanceof dev.holdfast.routetable.RouteAction.Forward forward)
                || forward.upstreams().stream()
                        .allMatch(share -> Objects.equals(
                                before.upstreams().get(share.upstream()),
                                after.upstreams().get(share.upstream())));
    }

    private static <T> SortedSet<String> changedKeys(Map<String, T> before, Map<String, T> after) {
        Map<String, T> all = new TreeMap<>(before);
        all.putAll(after);
        SortedSet<String> changed = new TreeSet<>();
        for (String key : all.keySet()) {
            if (before.containsKey(key)
                    && after.containsKey(key)
                    && !before.get(key).equals(after.get(key))) {
                changed.add(key);
            }
        }
        return changed;
    }
}
