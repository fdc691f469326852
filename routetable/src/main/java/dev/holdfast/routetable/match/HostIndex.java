package dev.holdfast.routetable.match;

import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.ValueMatch;
import dev.holdfast.routetable.VirtualHost;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The routes of one host. Match order is exact, regular expression, prefix from long to short, so three lookups in that
 * order find the first route that applies: two by hash, one a walk over the expressions.
 */
final class HostIndex {
    /** Beyond it only a map that orders what collides will do: paths are of somebody's choice. */
    private static final int SMALL = 8;

    private final VirtualHost host;
    private final Map<String, List<Candidate>> exact;
    private final List<Candidate> expressions;
    private final Map<String, List<Candidate>> prefixes;
    /** Of the longest prefix, in characters: a path is not searched for what is longer. */
    private final int prefixCharsMax;

    private HostIndex(VirtualHost host, Expressions compiled) {
        Map<String, List<Candidate>> byPath = new HashMap<>();
        Map<String, List<Candidate>> byPrefix = new HashMap<>();
        List<Candidate> inOrder = new ArrayList<>();
        int longest = 0;
        for (Route route : host.routes()) {
            PathMatch path = route.match().path();
            Candidate candidate = Candidate.of(route, compiled);
            switch (path.type()) {
                case EXACT ->
                    byPath.computeIfAbsent(path.value(), key -> new ArrayList<>(1))
                            .add(candidate);
                case REGEX -> inOrder.add(candidate);
                case PREFIX -> {
                    byPrefix.computeIfAbsent(path.value(), key -> new ArrayList<>(1))
                            .add(candidate);
                    longest = Math.max(longest, path.value().length());
                }
            }
        }
        this.host = host;
        this.exact = compact(byPath);
        this.expressions = List.copyOf(inOrder);
        this.prefixes = compact(byPrefix);
        this.prefixCharsMax = longest;
    }

    /** Indexes a host; {@code compiled} is that of its table. */
    static HostIndex of(VirtualHost host, Expressions compiled) {
        return new HostIndex(host, compiled);
    }

    /** Most hosts have one route: what is made for growing would be most of a large table. */
    private static Map<String, List<Candidate>> compact(Map<String, List<Candidate>> candidates) {
        candidates.replaceAll((path, list) -> List.copyOf(list));
        return candidates.size() <= SMALL ? Map.copyOf(candidates) : candidates;
    }

    /** Expressions by their text, compiled once however many routes have them: one takes up to a hundred kilobytes. */
    static final class Expressions {
        private final Map<String, Pattern> compiled = new HashMap<>();

        private Pattern of(String text) {
            return compiled.computeIfAbsent(text, Pattern::compile);
        }
    }

    VirtualHost host() {
        return host;
    }

    @Nullable
    Route match(RequestView request) {
        String path = request.path();
        Route found = first(exact.get(path), request);
        if (found == null && !expressions.isEmpty()) {
            found = first(expressions, request);
        }
        if (found == null && !prefixes.isEmpty()) {
            found = longestPrefix(path, request);
        }
        return found;
    }

    private @Nullable Route longestPrefix(String path, RequestView request) {
        int end = path.length();
        if (end > 1 && path.charAt(end - 1) == '/') {
            end--;
        }
        if (end > prefixCharsMax) {
            end = path.lastIndexOf('/', prefixCharsMax);
        }
        while (end > 0) {
            Route found = first(prefixes.get(path.substring(0, end)), request);
            if (found != null) {
                return found;
            }
            end = path.lastIndexOf('/', end - 1);
        }
        return first(prefixes.get("/"), request);
    }

    private static @Nullable Route first(@Nullable List<Candidate> candidates, RequestView request) {
        if (candidates != null) {
            for (Candidate candidate : candidates) {
                if (candidate.accepts(request)) {
                    return candidate.route;
                }
            }
        }
        return null;
    }

    /** A route with its expressions compiled. */
    private record Candidate(
            Route route, @Nullable Pattern path, List<Condition> headers, List<Condition> queryParams) {
        static Candidate of(Route route, Expressions compiled) {
            RouteMatch match = route.match();
            try {
                return new Candidate(
                        route,
                        match.path().type() == PathMatch.Type.REGEX
                                ? compiled.of(match.path().value())
                                : null,
                        conditions(match.headers(), header -> header.name().toLowerCase(Locale.ROOT), compiled),
                        conditions(match.queryParams(), ValueMatch::name, compiled));
            } catch (PatternSyntaxException e) {
                throw new IllegalArgumentException(
                        "route " + route.id() + ": " + e.getMessage() + " (expected: an RE2 expression)", e);
            }
        }

        boolean accepts(RequestView request) {
            if (path != null && !path.matches(request.path())) {
                return false;
            }
            for (Condition header : headers) {
                if (!header.anyOf(request.headerValues(header.name))) {
                    return false;
                }
            }
            for (Condition parameter : queryParams) {
                if (!parameter.anyOf(request.queryValues(parameter.name))) {
                    return false;
                }
            }
            List<String> subprotocols = route.match().subprotocols();
            return subprotocols.isEmpty() || !Collections.disjoint(subprotocols, request.subprotocols());
        }

        private static List<Condition> conditions(
                List<ValueMatch> matches, Function<ValueMatch, String> name, Expressions compiled) {
            return matches.stream()
                    .map(match -> new Condition(
                            name.apply(match),
                            match.type() == ValueMatch.Type.REGEX ? compiled.of(match.value()) : null,
                            match.value()))
                    .toList();
        }
    }

    private record Condition(String name, @Nullable Pattern pattern, String value) {
        boolean anyOf(Collection<String> values) {
            if (pattern == null) {
                return values.contains(value);
            }
            for (String candidate : values) {
                if (pattern.matches(candidate)) {
                    return true;
                }
            }
            return false;
        }
    }
}
