package dev.holdfast.routetable;

import java.util.List;

/**
 * When a route applies, beyond its host: the path and every condition must hold.
 *
 * @param subprotocols the client must offer one of these in {@code Sec-WebSocket-Protocol}; empty asks for none
 */
public record RouteMatch(
        PathMatch path, List<ValueMatch> headers, List<ValueMatch> queryParams, List<String> subprotocols) {
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

    /** A match on the path alone. */
    public static RouteMatch ofPath(PathMatch path) {
        return new RouteMatch(path, List.of(), List.of(), List.of());
    }
}
