package dev.holdfast.operator.compile;

import dev.holdfast.operator.compile.translate.RouteIntent;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.ValueMatch;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How much of the table an object may take, and all of them together. A route carries its whole action, so a short object
 * with many hosts, matches and header changes multiplies into more than a data plane can hold; whoever is older keeps
 * what it has. Characters, which are bytes but for what is not ASCII.
 */
final class TextBudget {
    /** For one object: some 15,000 routes without anything special. */
    static final long OBJECT_CHARS_MAX = 4L << 20;
    /** For the table: what a data plane of the size that is shipped reads with room to spare. */
    static final long TABLE_CHARS_MAX = 64L << 20;

    private static final long ROUTE_CHARS = 256;

    private final Map<ResourceRef, Long> byOwner = new HashMap<>();
    private long total;

    /** Takes what a route needs; returns why that is too much, or null. */
    @Nullable
    String take(ResourceRef owner, RouteIntent intent, RouteAction action, int shares) {
        long wanted = ROUTE_CHARS * (1 + shares) + chars(intent.match()) + chars(action);
        long own = byOwner.getOrDefault(owner, 0L) + wanted;
        if (own > OBJECT_CHARS_MAX) {
            return "the routes of this object, each with its matches and header changes, need more than "
                    + OBJECT_CHARS_MAX + " characters (expected: less hosts, matches or header values; spread them over"
                    + " several objects); those from here on are not served";
        }
        if (total + wanted > TABLE_CHARS_MAX) {
            return "the table has " + TABLE_CHARS_MAX + " characters of older objects already (expected: at most that"
                    + " many); those from here on are not served";
        }
        byOwner.put(owner, own);
        total += wanted;
        return null;
    }

    private static long chars(RouteMatch match) {
        long chars = match.path().value().length()
                + charsOfConditions(match.headers())
                + charsOfConditions(match.queryParams());
        for (String subprotocol : match.subprotocols()) {
            chars += subprotocol.length();
        }
        return chars;
    }

    private static long charsOfConditions(List<ValueMatch> conditions) {
        long chars = 0;
        for (ValueMatch condition : conditions) {
            chars += condition.name().length() + condition.value().length();
        }
        return chars;
    }

    private static long chars(RouteAction action) {
        return switch (action) {
            case RouteAction.Reject reject -> reject.reason().length();
            case RouteAction.Forward forward -> chars(forward.requestHeaders()) + chars(forward.responseHeaders());
        };
    }

    private static long chars(HeaderChanges changes) {
        long chars = charsOfHeaders(changes.set()) + charsOfHeaders(changes.add());
        for (String name : changes.remove()) {
            chars += name.length();
        }
        return chars;
    }

    private static long charsOfHeaders(List<HeaderChanges.Header> headers) {
        long chars = 0;
        for (HeaderChanges.Header header : headers) {
            chars += header.name().length() + header.value().length();
        }
        return chars;
    }
}
