package dev.holdfast.routetable.match;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.sun.management.ThreadMXBean;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.RandomTables;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.Route.Owner;
import dev.holdfast.routetable.Route.Plaintext;
import dev.holdfast.routetable.RouteAction.Reject;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.Seeds;
import dev.holdfast.routetable.ValueMatch;
import dev.holdfast.routetable.VirtualHost;
import dev.holdfast.routetable.match.MatchResult.Matched;
import dev.holdfast.routetable.match.MatchResult.NoMatch;
import dev.holdfast.routetable.match.MatchResult.Reason;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MatchIndexTest {
    @Test
    void theIndexAgreesWithTheReference() {
        Seeds.check(3_000, random -> {
            // Given
            RandomTables tables = new RandomTables(random);
            RouteTable before = tables.table();
            RouteTable table = tables.changed(before);
            ReferenceMatcher reference = new ReferenceMatcher(table);

            // When
            MatchIndex index =
                    random.nextBoolean() ? MatchIndex.of(table) : MatchIndex.of(table, MatchIndex.of(before));

            // Then
            for (int i = 0; i < 30; i++) {
                TestRequest request = new TestRequest(
                        tables.hostName(), tables.path(), tables.words(), tables.words(), tables.words());
                assertThat(index.match(request)).as(request.toString()).isEqualTo(reference.match(request));
            }
        });
    }

    @ParameterizedTest
    @CsvSource({
        "example.com, example.com",
        "a.example.com, *.example.com",
        "b.example.com, b.example.com",
        "a.b.example.com, *",
        "other.test, *",
        "com, *",
        ".example.com, *",
    })
    void aHostIsFoundByNameThenByOneLabelThenByAny(String name, String expected) {
        // Given
        MatchIndex index = MatchIndex.of(table(
                host("example.com", PathMatch.ALL),
                host("*.example.com", PathMatch.ALL),
                host("b.example.com", PathMatch.ALL),
                host("*", PathMatch.ALL)));

        // When
        VirtualHost found = index.host(name);

        // Then
        assertThat(found).isNotNull();
        assertThat(found.host()).isEqualTo(new HostPattern(expected));
    }

    @Test
    void aHostWithoutAFittingRouteDoesNotFallBackToABroaderHost() {
        // Given
        MatchIndex index = MatchIndex.of(table(
                host("a.example.com", PathMatch.exact("/only")),
                host("*.example.com", PathMatch.ALL),
                host("*", PathMatch.ALL)));

        // When
        MatchResult result = index.match(TestRequest.of("a.example.com", "/"));

        // Then
        assertThat(result).isEqualTo(new NoMatch(Reason.NO_ROUTE));
    }

    @ParameterizedTest
    @CsvSource({
        "/a, /a, true",
        "/a, /a/, true",
        "/a, /a/b, true",
        "/a, /ab, false",
        "/a, /, false",
        "/a, /A, false",
        "/a/b, /a, false",
        "/a/b, /a/b, true",
        "/a/b, /a/bc, false",
        "/, /, true",
        "/, /x/y/z, true",
        "/a, /a%2Fb, false",
    })
    void aPrefixMatchesWholeElements(String prefix, String path, boolean expected) {
        // Given
        MatchIndex index = MatchIndex.of(table(host("h", PathMatch.prefix(prefix))));

        // When
        MatchResult result = index.match(TestRequest.of("h", path));

        // Then
        assertThat(result instanceof Matched).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({"/a/b, exact:/a/b", "/a/c, regex:/a/[a-z]+", "/a/1, prefix:/a", "/b, prefix:/"})
    void exactComesBeforeExpressionBeforeLongPrefixBeforeShort(String path, String expected) {
        // Given
        MatchIndex index = MatchIndex.of(table(host(
                "h",
                PathMatch.prefix("/"),
                PathMatch.prefix("/a"),
                PathMatch.regex("/a/[a-z]+"),
                PathMatch.exact("/a/b"))));

        // When
        MatchResult result = index.match(TestRequest.of("h", path));

        // Then
        assertThat(result).isInstanceOfSatisfying(Matched.class, matched -> {
            PathMatch match = matched.route().match().path();
            assertThat(match.type().name().toLowerCase(java.util.Locale.ROOT) + ":" + match.value())
                    .isEqualTo(expected);
        });
    }

    @ParameterizedTest
    @CsvSource({"/a, /a", "/a, /a/b/", "/a/bb, /a/bb/cc", "/a/bb/c, /a/bb/c", "/a/bb/c, /a/bb/c/d/e", "/, /b/bb/cc/dd"})
    void aPathThatIsLongerThanEveryPrefixFindsTheLongestOfItsOwn(String expected, String path) {
        // Given
        MatchIndex index = MatchIndex.of(table(host(
                "h",
                PathMatch.prefix("/"),
                PathMatch.prefix("/a"),
                PathMatch.prefix("/a/bb"),
                PathMatch.prefix("/a/bb/c"))));

        // When
        MatchResult result = index.match(TestRequest.of("h", path));

        // Then
        assertThat(result)
                .isInstanceOfSatisfying(
                        Matched.class,
                        matched -> assertThat(matched.route().match().path().value())
                                .isEqualTo(expected));
    }

    @Test
    void aLongPathIsNotCopiedElementByElement() {
        // Given
        MatchIndex index = MatchIndex.of(table(host("h", PathMatch.prefix("/b/c"))));
        TestRequest request = TestRequest.of("h", "/a".repeat(8_192));
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();

        // When
        MatchResult result = index.match(request);

        // Then
        assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(1 << 20);
        assertThat(result).isEqualTo(new NoMatch(Reason.NO_ROUTE));
    }

    @Test
    void anExpressionThatRe2DoesNotAcceptNamesItsRoute() {
        // Given
        RouteTable path = table(host("h", PathMatch.regex("(?=a)")));
        RouteMatch match = new RouteMatch(
                PathMatch.ALL, List.of(new ValueMatch("X-Mode", ValueMatch.Type.REGEX, "(")), List.of(), List.of());
        RouteTable header = table(new VirtualHost(new HostPattern("h"), null, List.of(route("route-7", match))));

        // When / Then
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MatchIndex.of(path))
                .withMessageContaining("route h/0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MatchIndex.of(header))
                .withMessageContaining("route-7");
    }

    private static RouteTable table(VirtualHost... hosts) {
        return RouteTable.of(List.of(hosts), List.of(), List.of(), List.of());
    }

    private static VirtualHost host(String pattern, PathMatch... paths) {
        List<Route> routes = new ArrayList<>();
        for (PathMatch path : Arrays.asList(paths)) {
            routes.add(route(pattern + "/" + routes.size(), RouteMatch.ofPath(path)));
        }
        routes.sort(Comparator.comparing(route -> MatchPrecedence.of(route.match())));
        return new VirtualHost(new HostPattern(pattern), null, routes);
    }

    private static Route route(String id, RouteMatch match) {
        return new Route(id, new Owner("Ingress", "ns", "name"), match, new Reject(503, "no"), Plaintext.SERVE);
    }
}
