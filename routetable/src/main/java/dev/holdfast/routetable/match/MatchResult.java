package dev.holdfast.routetable.match;

import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.VirtualHost;

/** What matching found. */
public sealed interface MatchResult {
    /** The first route, in match order, that the request satisfies. */
    record Matched(VirtualHost host, Route route) implements MatchResult {}

    /** Nothing serves the request: no pattern names its host, or none of the host's routes applies. */
    record NoMatch(Reason reason) implements MatchResult {}

    /** Why nothing matched. */
    enum Reason {
        /** No pattern of the table names the host. */
        NO_HOST,
        /** The host is known, its routes do not apply. There is no fall-back to a broader host. */
        NO_ROUTE
    }
}
