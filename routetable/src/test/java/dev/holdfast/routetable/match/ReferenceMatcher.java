package dev.holdfast.routetable.match;

import com.google.re2j.Pattern;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.ValueMatch;
import dev.holdfast.routetable.VirtualHost;
import dev.holdfast.routetable.match.MatchResult.Matched;
import dev.holdfast.routetable.match.MatchResult.NoMatch;
import dev.holdfast.routetable.match.MatchResult.Reason;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/** The rules of matching read aloud: looks at every host and every route, and compares the ones that apply. */
final class ReferenceMatcher {
    private final RouteTable table;

    ReferenceMatcher(RouteTable table) {
        this.table = table;
    }

    MatchResult match(RequestView request) {
        VirtualHost host = null;
        for (VirtualHost candidate : table.virtualHosts().values()) {
            if (hostRank(candidate, request.host()) > (host == null ? 0 : hostRank(host, request.host()))) {
                host = candidate;
            }
        }
        if (host == null) {
            return new NoMatch(Reason.NO_HOST);
        }
        Route best = null;
        for (Route candidate : host.routes()) {
            if (applies(candidate.match(), request) && (best == null || isBetter(candidate.match(), best.match()))) {
                best = candidate;
            }
        }
        return best == null ? new NoMatch(Reason.NO_ROUTE) : new Matched(host, best);
    }

    /** 3 for the very name, 2 for a wildcard that stands for one label, 1 for any host, 0 if it is none of these. */
    private static int hostRank(VirtualHost host, String name) {
        String pattern = host.host().value();
        if (pattern.equals(name)) {
            return 3;
        }
        if (pattern.startsWith("*.")) {
            List<String> labels = new ArrayList<>(Arrays.asList(name.split("\\.", -1)));
            String first = labels.removeFirst();
            return !first.isEmpty() && String.join(".", labels).equals(pattern.substring(2)) ? 2 : 0;
        }
        return pattern.equals("*") ? 1 : 0;
    }

    private static boolean applies(RouteMatch match, RequestView request) {
        return pathApplies(match.path(), request.path())
                && match.headers().stream()
                        .allMatch(header -> valueApplies(header, request.headerValues(header.name())))
                && match.queryParams().stream()
                        .allMatch(parameter -> valueApplies(parameter, request.queryValues(parameter.name())))
                && (match.subprotocols().isEmpty()
                        || match.subprotocols().stream()
                                .anyMatch(wanted -> request.subprotocols().contains(wanted)));
    }

    private static boolean pathApplies(PathMatch match, String path) {
        return switch (match.type()) {
            case EXACT -> path.equals(match.value());
            case REGEX -> Pattern.matches(match.value(), path);
            case PREFIX -> elements(path, match.value());
        };
    }

    private static boolean elements(String path, String prefix) {
        List<String> wanted = Arrays.stream(prefix.split("/"))
                .filter(element -> !element.isEmpty())
                .toList();
        List<String> found = Arrays.stream(path.split("/"))
                .filter(element -> !element.isEmpty())
                .toList();
        return found.size() >= wanted.size() && found.subList(0, wanted.size()).equals(wanted);
    }

    private static boolean valueApplies(ValueMatch match, Collection<String> values) {
        return values.stream().anyMatch(value -> switch (match.type()) {
            case EXACT -> value.equals(match.value());
            case REGEX -> Pattern.matches(match.value(), value);
        });
    }

    private static boolean isBetter(RouteMatch a, RouteMatch b) {
        int[] first = weights(a);
        int[] second = weights(b);
        int differs = Arrays.mismatch(first, second);
        return differs >= 0 && first[differs] > second[differs];
    }

    private static int[] weights(RouteMatch match) {
        int type = switch (match.path().type()) {
            case EXACT -> 3;
            case REGEX -> 2;
            case PREFIX -> 1;
        };
        return new int[] {
            type,
            match.path().value().length(),
            match.headers().size(),
            match.queryParams().size(),
            match.subprotocols().isEmpty() ? 0 : 1
        };
    }
}
