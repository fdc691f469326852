package dev.holdfast.routetable.match;

import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.RouteMatch;
import java.util.Comparator;

/**
 * How specific a match is; the natural order puts the more specific first. Follows Gateway API {@code HTTPRouteMatch}:
 * an exact path, then a regular expression, then a prefix; the longer path; then more header conditions, more query
 * conditions, and a subprotocol condition. Matches that tie are ordered by the age of their object.
 */
public record MatchPrecedence(PathMatch.Type pathType, int pathChars, int headers, int queryParams, int subprotocols)
        implements Comparable<MatchPrecedence> {
    private static final Comparator<MatchPrecedence> ORDER = Comparator.<MatchPrecedence>comparingInt(
                    precedence -> rank(precedence.pathType))
            .thenComparing(Comparator.comparingInt(MatchPrecedence::pathChars).reversed())
            .thenComparing(Comparator.comparingInt(MatchPrecedence::headers).reversed())
            .thenComparing(Comparator.comparingInt(MatchPrecedence::queryParams).reversed())
            .thenComparing(
                    Comparator.comparingInt(MatchPrecedence::subprotocols).reversed());

    /** The precedence of a match. Offering more alternatives of a subprotocol does not make a match more specific. */
    public static MatchPrecedence of(RouteMatch match) {
        return new MatchPrecedence(
                match.path().type(),
                match.path().value().length(),
                match.headers().size(),
                match.queryParams().size(),
                match.subprotocols().isEmpty() ? 0 : 1);
    }

    @Override
    public int compareTo(MatchPrecedence other) {
        return ORDER.compare(this, other);
    }

    private static int rank(PathMatch.Type type) {
        return switch (type) {
            case EXACT -> 0;
            case REGEX -> 1;
            case PREFIX -> 2;
        };
    }
}
