package dev.holdfast.routetable;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class RouteMatchTest {
    @Test
    void matchesThatDifferInAnythingAreKeptApartByTheirOrder() {
        // Given
        PathMatch path = PathMatch.prefix("/a");
        ValueMatch x = new ValueMatch("x", ValueMatch.Type.EXACT, "1");
        ValueMatch expression = new ValueMatch("x", ValueMatch.Type.REGEX, "1");
        List<RouteMatch> matches = List.of(
                RouteMatch.ofPath(path),
                RouteMatch.ofPath(PathMatch.exact("/a")),
                RouteMatch.ofPath(PathMatch.prefix("/b")),
                new RouteMatch(path, List.of(x), List.of(), List.of()),
                new RouteMatch(path, List.of(expression), List.of(), List.of()),
                new RouteMatch(path, List.of(x, expression), List.of(), List.of()),
                new RouteMatch(path, List.of(), List.of(x), List.of()),
                new RouteMatch(path, List.of(), List.of(new ValueMatch("x", ValueMatch.Type.EXACT, "2")), List.of()),
                new RouteMatch(path, List.of(), List.of(new ValueMatch("y", ValueMatch.Type.EXACT, "1")), List.of()),
                new RouteMatch(path, List.of(), List.of(), List.of("chat")),
                new RouteMatch(path, List.of(), List.of(), List.of("chat", "game")));

        // When
        TreeSet<RouteMatch> ordered = new TreeSet<>(matches);

        // Then
        assertThat(ordered).hasSize(matches.size()).containsAll(List.copyOf(matches));
    }
}
