package dev.holdfast.routetable.match;

import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.ValueMatch;
import dev.holdfast.routetable.VirtualHost;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The routes of one host. Match order is exact, regular expression, prefix from long to short, so three lookups in that
 * order find the first route that applies: two by hash, one a walk over the expressions.
 */
final class HostIndex {
    private final VirtualHost host;
    private final Map<String, List<Candidate>> exact = new HashMap<>();
    private final List<Candidate> expressions = new ArrayList<>();
    private final Map<String, List<Candidate>> prefixes = new HashMap<>();

    private HostIndex(VirtualHost host) {
        this.host = host;
    }

    static HostIndex of(VirtualHost host) {
        HostIndex index = new HostIndex(host);
        for (Route route : host.routes()) {
            PathMatch path = route.match().path();
            Candidate candidate = Candidate.of(route);
            switch (path.type()) {
                case EXACT ->
                    index.exact
                            .computeIfAbsent(path.value(), key -> new ArrayList<>(1))
                            .add(candidate);
                case REGEX -> index.expressions.add(candidate);
                case PREFIX ->
                    index.prefixes
                            .computeIfAbsent(path.value(), key -> new ArrayList<>(1))
                            .add(candidate);
            }
        }
        return index;
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
        static Candidate of(Route route) {
            RouteMatch match = route.match();
            try {
                return new Candidate(
                        route,
                        match.path().type() == PathMatch.Type.REGEX
                                ? Pattern.compile(match.path().value())
                                : null,
                        match.headers().stream().map(Condition::of).toList(),
                        match.queryParams().stream().map(Condition::of).toList());
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
            return subprotocols.isEmpty() || request.subprotocols().stream().anyMatch(subprotocols::contains);
        }
    }

    private record Condition(String name, @Nullable Pattern pattern, String value) {
        static Condition of(ValueMatch match) {
            return new Condition(
                    match.name(),
                    match.type() == ValueMatch.Type.REGEX ? Pattern.compile(match.value()) : null,
                    match.value());
        }

        boolean anyOf(List<String> values) {
            for (String candidate : values) {
                if (pattern == null ? value.equals(candidate) : pattern.matches(candidate)) {
                    return true;
                }
            }
            return false;
        }
    }
}
