package dev.holdfast.routetable;

import java.util.Collection;
import java.util.Collections;
import java.util.NavigableMap;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Everything a data plane needs to serve: four sections, each keyed and sorted, so that equal input gives an equal
 * table and a difference is a set of keys. References between sections always resolve.
 *
 * @param virtualHosts by {@link HostPattern#value()}
 * @param upstreams by {@link Upstream#id()}
 * @param endpoints by {@link EndpointGroup#id()}
 * @param certificates by {@link Certificate#id()}
 */
public record RouteTable(
        NavigableMap<String, VirtualHost> virtualHosts,
        NavigableMap<String, Upstream> upstreams,
        NavigableMap<String, EndpointGroup> endpoints,
        NavigableMap<String, Certificate> certificates) {
    /** Serves nothing. */
    public static final RouteTable EMPTY =
            new RouteTable(new TreeMap<>(), new TreeMap<>(), new TreeMap<>(), new TreeMap<>());

    /** Copies the maps; refuses a key that is not its value's own and a reference that does not resolve. */
    public RouteTable {
        virtualHosts = section("virtualHosts", virtualHosts, host -> host.host().value());
        upstreams = section("upstreams", upstreams, Upstream::id);
        endpoints = section("endpoints", endpoints, EndpointGroup::id);
        certificates = section("certificates", certificates, Certificate::id);
        for (Upstream upstream : upstreams.values()) {
            requireKey("endpoints of upstream " + upstream.id(), upstream.endpoints(), endpoints);
        }
        for (VirtualHost host : virtualHosts.values()) {
            String certificate = host.certificate();
            if (certificate != null) {
                requireKey("certificate of host " + host.host(), certificate, certificates);
            }
            for (Route route : host.routes()) {
                if (route.action() instanceof RouteAction.Forward forward) {
                    for (RouteAction.WeightedUpstream share : forward.upstreams()) {
                        requireKey("upstream of route " + route.id(), share.upstream(), upstreams);
                    }
                }
            }
        }
    }

    /** A table of these parts, each keyed by its own id. */
    public static RouteTable of(
            Collection<VirtualHost> virtualHosts,
            Collection<Upstream> upstreams,
            Collection<EndpointGroup> endpoints,
            Collection<Certificate> certificates) {
        return new RouteTable(
                keyed(virtualHosts, host -> host.host().value()),
                keyed(upstreams, Upstream::id),
                keyed(endpoints, EndpointGroup::id),
                keyed(certificates, Certificate::id));
    }

    /** How many routes all hosts have together. */
    public int routeCount() {
        return virtualHosts.values().stream()
                .mapToInt(host -> host.routes().size())
                .sum();
    }

    private static <T> NavigableMap<String, T> keyed(Collection<T> values, Function<T, String> key) {
        TreeMap<String, T> map = new TreeMap<>();
        for (T value : values) {
            if (map.put(key.apply(value), value) != null) {
                throw new IllegalArgumentException("key: \"" + key.apply(value) + "\" twice (expected: once)");
            }
        }
        return map;
    }

    private static <T> NavigableMap<String, T> section(
            String field, SortedMap<String, T> values, Function<T, String> key) {
        Bounds.size(field, values, Bounds.ENTRIES_PER_SECTION_MAX);
        values.forEach((name, value) -> {
            if (!name.equals(key.apply(value))) {
                throw new IllegalArgumentException(
                        field + ": \"" + key.apply(value) + "\" under the key \"" + name + "\" (expected: its own)");
            }
        });
        return Collections.unmodifiableNavigableMap(new TreeMap<>(values));
    }

    private static void requireKey(String field, String key, SortedMap<String, ?> section) {
        if (!section.containsKey(key)) {
            throw new IllegalArgumentException(field + ": \"" + key + "\" (expected: a key of the table)");
        }
    }
}
