package dev.holdfast.routetable;

import dev.holdfast.routetable.match.MatchPrecedence;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Everything that is served under one host pattern.
 *
 * @param certificate key of the table's certificates, for SNI; null presents the default certificate
 * @param routes in match order: an earlier route never has a lower {@link MatchPrecedence} than a later one, and of two
 *     that both match a request the earlier wins
 */
public record VirtualHost(HostPattern host, @Nullable String certificate, List<Route> routes) {
    /** Copies the list; refuses routes that are out of match order. */
    public VirtualHost {
        routes = List.copyOf(routes);
        Bounds.size("routes of " + host, routes, Bounds.ROUTES_PER_HOST_MAX);
        for (int i = 1; i < routes.size(); i++) {
            if (MatchPrecedence.of(routes.get(i - 1).match())
                            .compareTo(MatchPrecedence.of(routes.get(i).match()))
                    > 0) {
                throw new IllegalArgumentException("routes of " + host + ": \""
                        + routes.get(i).id() + "\" stands behind a route of lower precedence (expected: match order)");
            }
        }
    }
}
