package dev.holdfast.routetable;

import java.util.Comparator;
import java.util.List;

/**
 * When a route applies, beyond its host: the path and every condition must hold.
 *
 * @param subprotocols the client must offer one of these in {@code Sec-WebSocket-Protocol}; empty asks for none
 */
public record RouteMatch(
        PathMatch path, List<ValueMatch> headers, List<ValueMatch> queryParams, List<String> subprotocols)
        implements Comparable<RouteMatch> {
    private static final Comparator<ValueMatch> CONDITIONS = Comparator.comparing(ValueMatch::name)
            .thenComparing(ValueMatch::type)
            .thenComparing(ValueMatch::value);
    private static final Comparator<RouteMatch> ORDER = Comparator.comparing(
                    RouteMatch::path, Comparator.comparing(PathMatch::value).thenComparing(PathMatch::type))
            .thenComparing(RouteMatch::headers, listsBy(CONDITIONS))
            .thenComparing(RouteMatch::queryParams, listsBy(CONDITIONS))
            .thenComparing(RouteMatch::subprotocols, listsBy(Comparator.<String>naturalOrder()));

    /** Matches every request. */
    public static final RouteMatch ALL = ofPath(PathMatch.ALL);

    /** Copies the lists; refuses more conditions than {@link Bounds#CONDITIONS_MAX} of a kind. */
    public RouteMatch {
        headers = List.copyOf(headers);
        queryParams = List.copyOf(queryParams);
        subprotocols = List.copyOf(subprotocols);
        Bounds.size("headers", headers, Bounds.CONDITIONS_MAX);
        Bounds.size("queryParams", queryParams, Bounds.CONDITIONS_MAX);
        Bounds.size("subprotocols", subprotocols, Bounds.CONDITIONS_MAX);
        headers.forEach(header -> Bounds.token("headers.name", header.name()));
        subprotocols.forEach(subprotocol -> Bounds.token("subprotocols", subprotocol));
    }

    /**
     * An order without meaning, not that of matching: by it a hash map finds its way among keys with equal hashes, and
     * whoever chooses paths chooses hashes.
     */
    @Override
    public int compareTo(RouteMatch other) {
        return ORDER.compare(this, other);
    }

    private static <T> Comparator<List<T>> listsBy(Comparator<T> order) {
        return (one, other) -> {
            for (int i = 0; i < Math.min(one.size(), other.size()); i++) {
                int found = order.compare(one.get(i), other.get(i));
                if (found != 0) {
                    return found;
                }
            }
            return Integer.compare(one.size(), other.size());
        };
    }

    /** A match on the path alone. */
    public static RouteMatch ofPath(PathMatch path) {
        return new RouteMatch(path, List.of(), List.of(), List.of());
    }
}
