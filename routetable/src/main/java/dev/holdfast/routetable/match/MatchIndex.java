package dev.holdfast.routetable.match;

import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.VirtualHost;
import dev.holdfast.routetable.match.MatchResult.Matched;
import dev.holdfast.routetable.match.MatchResult.NoMatch;
import dev.holdfast.routetable.match.MatchResult.Reason;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds the route of a request in time that does not grow with the number of hosts. Immutable; built off the event
 * loop, read by all. A host is looked up exactly, then as a wildcard of one label, then as {@code *}; the first that
 * exists decides, there is no fall-back to a broader one.
 */
public final class MatchIndex {
    private final Map<String, HostIndex> exact;
    private final Map<String, HostIndex> wildcards;
    private final @Nullable HostIndex any;

    private MatchIndex(Map<String, HostIndex> exact, Map<String, HostIndex> wildcards, @Nullable HostIndex any) {
        this.exact = exact;
        this.wildcards = wildcards;
        this.any = any;
    }

    /**
     * Indexes a table.
     *
     * @throws IllegalArgumentException naming the route whose regular expression RE2 does not accept
     */
    public static MatchIndex of(RouteTable table) {
        return of(table, null);
    }

    /** Indexes a table and takes over from {@code previous} the index of every host that is the same object. */
    public static MatchIndex of(RouteTable table, @Nullable MatchIndex previous) {
        Map<String, HostIndex> exact = HashMap.newHashMap(table.virtualHosts().size());
        Map<String, HostIndex> wildcards = new HashMap<>();
        HostIndex any = null;
        HostIndex.Expressions compiled = new HostIndex.Expressions();
        for (VirtualHost host : table.virtualHosts().values()) {
            HostIndex index = previous == null ? HostIndex.of(host, compiled) : previous.reuse(host, compiled);
            if (host.host().isAny()) {
                any = index;
            } else if (host.host().isWildcard()) {
                wildcards.put(host.host().value().substring(1), index);
            } else {
                exact.put(host.host().value(), index);
            }
        }
        return new MatchIndex(exact, wildcards, any);
    }

    /** The virtual host that serves a name (an SNI or a Host), or null. */
    public @Nullable VirtualHost host(String name) {
        HostIndex index = find(name);
        return index == null ? null : index.host();
    }

    /** The route of a request. */
    public MatchResult match(RequestView request) {
        HostIndex index = find(request.host());
        if (index == null) {
            return new NoMatch(Reason.NO_HOST);
        }
        var route = index.match(request);
        return route == null ? new NoMatch(Reason.NO_ROUTE) : new Matched(index.host(), route);
    }

    private @Nullable HostIndex find(String name) {
        HostIndex index = exact.get(name);
        if (index != null) {
            return index;
        }
        int dot = name.indexOf('.');
        if (dot > 0 && !wildcards.isEmpty()) {
            index = wildcards.get(name.substring(dot));
        }
        return index == null ? any : index;
    }

    private HostIndex reuse(VirtualHost host, HostIndex.Expressions compiled) {
        String key = host.host().value();
        HostIndex known =
                host.host().isAny() ? any : host.host().isWildcard() ? wildcards.get(key.substring(1)) : exact.get(key);
        return known != null && known.host().equals(host) ? known : HostIndex.of(host, compiled);
    }
}
