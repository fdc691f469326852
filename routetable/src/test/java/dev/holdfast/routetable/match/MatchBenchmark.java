package dev.holdfast.routetable.match;

import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.Route.Owner;
import dev.holdfast.routetable.Route.Plaintext;
import dev.holdfast.routetable.RouteAction.Reject;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.VirtualHost;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * How long a match takes, over the number of hosts: it must be flat and below a microsecond. Every host has an exact
 * path, three prefixes and, one in ten, a regular expression; one host in ten is a wildcard; requests go to all hosts in
 * random order, to paths three elements deep.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class MatchBenchmark {
    private static final int REQUESTS = 1 << 14;
    private static final Owner OWNER = new Owner("Ingress", "ns", "name");

    /** Hosts in the table. */
    @Param({"10", "1000", "100000"})
    public int hosts;

    private MatchIndex index = MatchIndex.of(RouteTable.EMPTY);
    private final TestRequest[] requests = new TestRequest[REQUESTS];
    private int next;

    /** Builds the table and the requests. */
    @Setup
    public void build() {
        List<VirtualHost> virtualHosts = new ArrayList<>();
        for (int i = 0; i < hosts; i++) {
            virtualHosts.add(host(i));
        }
        index = MatchIndex.of(RouteTable.of(virtualHosts, List.of(), List.of(), List.of()));
        Random random = new Random(42);
        for (int i = 0; i < REQUESTS; i++) {
            requests[i] = request(random, random.nextInt(hosts));
        }
    }

    /** One match. */
    @Benchmark
    public MatchResult match() {
        next = (next + 1) & (REQUESTS - 1);
        return index.match(requests[next]);
    }

    private static boolean isWildcard(int host) {
        return host % 10 == 3;
    }

    private static VirtualHost host(int i) {
        List<Route> routes = new ArrayList<>();
        routes.add(route(i, 0, PathMatch.exact("/exact")));
        routes.add(route(i, 1, PathMatch.prefix("/")));
        routes.add(route(i, 2, PathMatch.prefix("/api/v1")));
        routes.add(route(i, 3, PathMatch.prefix("/socket.io")));
        if (i % 10 == 7) {
            routes.add(route(i, 4, PathMatch.regex("/rooms/[0-9]+")));
        }
        routes.sort(Comparator.comparing(route -> MatchPrecedence.of(route.match())));
        String name = "tenant-" + i + ".example.com";
        return new VirtualHost(new HostPattern(isWildcard(i) ? "*." + name : name), null, routes);
    }

    private static Route route(int host, int number, PathMatch path) {
        String id = "Ingress/ns/name/" + host + "/" + number;
        return new Route(id, OWNER, RouteMatch.ofPath(path), new Reject(503, "no"), Plaintext.SERVE);
    }

    private static TestRequest request(Random random, int host) {
        String name = (isWildcard(host) ? "label." : "") + "tenant-" + host + ".example.com";
        String path = List.of("/exact", "/api/v1/users", "/socket.io/", "/other/deep/path", "/rooms/17")
                .get(random.nextInt(5));
        return TestRequest.of(name, path);
    }

    /** Runs the benchmark; takes about half a minute. */
    public static void main(String[] args) throws RunnerException {
        new Runner(new OptionsBuilder()
                        .include(MatchBenchmark.class.getSimpleName())
                        .addProfiler(GCProfiler.class)
                        .build())
                .run();
    }
}
