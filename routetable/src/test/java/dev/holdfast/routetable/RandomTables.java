package dev.holdfast.routetable;

import dev.holdfast.routetable.Balancing.Policy;
import dev.holdfast.routetable.Balancing.SameSite;
import dev.holdfast.routetable.Balancing.StickyCookie;
import dev.holdfast.routetable.EndpointGroup.Endpoint;
import dev.holdfast.routetable.HeaderChanges.Header;
import dev.holdfast.routetable.Route.Owner;
import dev.holdfast.routetable.Route.Plaintext;
import dev.holdfast.routetable.RouteAction.Forward;
import dev.holdfast.routetable.RouteAction.Reject;
import dev.holdfast.routetable.RouteAction.WeightedUpstream;
import dev.holdfast.routetable.match.MatchPrecedence;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Random tables that use every record and few names, so that keys meet and conditions overlap. */
public final class RandomTables {
    /** What every private key that this class makes contains. */
    public static final String KEY_MARK = "PRIVATE-KEY-MATERIAL";

    private static final List<String> HOSTS = List.of(
            "*",
            "*.example.com",
            "*.b.example.com",
            "example.com",
            "a.example.com",
            "a.b.example.com",
            "localhost",
            "xn--bcher-kva.test",
            "_srv.test",
            "[::1]");
    private static final List<String> EXPRESSIONS =
            List.of("/a.*", "/[ab]/.*", "(?i)/A/b", "/[0-9]+", "/.*/c", "/(a|b|c)", "/");
    private static final List<String> ELEMENTS = List.of("a", "b", "c", "ab", "1", "%2F", "A");
    private static final List<String> WORDS = List.of("x", "y", "chat", "mqtt");
    private static final List<String> TEXTS =
            List.of("", "plain", "tab\there", "\"quoted\\\"", "é", "日本", "😀", "a,b;c");

    private final Random random;

    /** Takes every choice from {@code random}. */
    public RandomTables(Random random) {
        this.random = random;
    }

    /** A table with up to a few entries in each section. */
    public RouteTable table() {
        Map<String, EndpointGroup> groups = new TreeMap<>();
        Map<String, Upstream> upstreams = new TreeMap<>();
        Map<String, Certificate> certificates = new TreeMap<>();
        Map<String, VirtualHost> hosts = new TreeMap<>();
        for (int i = 0; i <= random.nextInt(4); i++) {
            EndpointGroup group = new EndpointGroup("ns/svc:" + random.nextInt(6), list(4, this::endpoint));
            groups.put(group.id(), group);
        }
        for (int i = 0; i <= random.nextInt(4); i++) {
            Upstream upstream =
                    new Upstream("up-" + random.nextInt(6), one(groups.keySet()), maybe(this::backendTls), balancing());
            upstreams.put(upstream.id(), upstream);
        }
        for (int i = 0; i < random.nextInt(3); i++) {
            Certificate certificate = new Certificate(
                    "ns/tls-" + random.nextInt(3), "-----BEGIN CERTIFICATE-----\n" + one(TEXTS), secret());
            certificates.put(certificate.id(), certificate);
        }
        for (int i = 0; i < random.nextInt(6); i++) {
            HostPattern host = new HostPattern(one(HOSTS));
            String certificate = certificates.isEmpty() ? null : maybe(() -> one(certificates.keySet()));
            hosts.put(host.value(), new VirtualHost(host, certificate, routes(host, List.copyOf(upstreams.keySet()))));
        }
        return RouteTable.of(hosts.values(), upstreams.values(), groups.values(), certificates.values());
    }

    /** A table that shares most of its entries with {@code table}, some as equal copies. */
    public RouteTable changed(RouteTable table) {
        RouteTable other = table();
        Map<String, EndpointGroup> groups = merged(other.endpoints(), table.endpoints());
        Map<String, Upstream> upstreams = merged(other.upstreams(), table.upstreams());
        Map<String, Certificate> certificates = merged(other.certificates(), table.certificates());
        Map<String, VirtualHost> hosts = merged(other.virtualHosts(), table.virtualHosts());
        hosts.values().removeIf(host -> random.nextInt(4) == 0);
        return RouteTable.of(hosts.values(), upstreams.values(), groups.values(), certificates.values());
    }

    /** A path in normal form that some of the paths in a table match. */
    public String path() {
        StringBuilder path = new StringBuilder();
        for (int i = random.nextInt(4); i > 0; i--) {
            path.append('/').append(one(ELEMENTS));
        }
        return path.isEmpty() || random.nextInt(4) == 0 ? path + "/" : path.toString();
    }

    /** A host name that some of the hosts in a table match. */
    public String hostName() {
        return one(List.of(
                "example.com",
                "a.example.com",
                "c.example.com",
                "a.b.example.com",
                "c.b.example.com",
                "d.c.b.example.com",
                "localhost",
                "other.test",
                ".example.com",
                "com",
                "[::1]",
                ""));
    }

    /** A few values for a header, a query parameter or the subprotocols. */
    public List<String> words() {
        return list(3, () -> one(WORDS));
    }

    private <T> Map<String, T> merged(Map<String, T> first, Map<String, T> second) {
        Map<String, T> result = new TreeMap<>(first);
        result.putAll(second);
        first.forEach((key, value) -> {
            if (random.nextBoolean()) {
                result.put(key, value);
            }
        });
        return result;
    }

    private List<Route> routes(HostPattern host, List<String> upstreams) {
        List<Route> routes = new ArrayList<>();
        for (int i = 0; i < random.nextInt(12); i++) {
            Owner owner = new Owner(one(List.of("Ingress", "WebSocketRoute")), "ns", "name-" + random.nextInt(3));
            String id = owner.kind() + "/ns/" + owner.name() + "/" + host + "/" + i;
            RouteAction action =
                    random.nextInt(5) == 0 ? new Reject(400 + random.nextInt(200), one(TEXTS)) : forward(upstreams);
            routes.add(new Route(id, owner, match(), action, one(List.of(Plaintext.values()))));
        }
        routes.sort(Comparator.comparing(route -> MatchPrecedence.of(route.match())));
        return routes;
    }

    private RouteMatch match() {
        return new RouteMatch(
                pathMatch(),
                list(2, () -> condition("X-Mode")),
                list(2, () -> condition("mode")),
                random.nextInt(3) == 0 ? list(2, () -> one(WORDS)) : List.of());
    }

    private PathMatch pathMatch() {
        return switch (random.nextInt(5)) {
            case 0 -> PathMatch.regex(one(EXPRESSIONS));
            case 1, 2 -> PathMatch.exact(path());
            default -> PathMatch.prefix(path());
        };
    }

    private ValueMatch condition(String name) {
        return random.nextBoolean()
                ? new ValueMatch(name, ValueMatch.Type.EXACT, one(WORDS))
                : new ValueMatch(name, ValueMatch.Type.REGEX, one(List.of("[xy]", "c.*", "")));
    }

    private Forward forward(List<String> upstreams) {
        Rewrite.Path path = switch (random.nextInt(3)) {
            case 0 -> new Rewrite.ReplacePrefix("/new");
            case 1 -> new Rewrite.ReplaceFull("/full");
            default -> new Rewrite.Keep();
        };
        List<WeightedUpstream> shares = Stream.concat(
                        Stream.of(new WeightedUpstream(one(upstreams), 1)),
                        list(2, () -> new WeightedUpstream(one(upstreams), random.nextInt(Bounds.WEIGHT_MAX + 1)))
                                .stream())
                .toList();
        return new Forward(
                shares,
                new Rewrite(path, maybe(() -> "backend.test:8080")),
                headerChanges(),
                headerChanges(),
                new Timeouts(duration(), duration(), duration()));
    }

    private HeaderChanges headerChanges() {
        return new HeaderChanges(
                list(2, () -> new Header("X-Set", one(TEXTS))),
                list(2, () -> new Header("X-Add", one(TEXTS))),
                list(2, () -> "X-Remove"));
    }

    private Balancing balancing() {
        return new Balancing(
                one(List.of(Policy.values())),
                maybe(() -> new StickyCookie(
                        "holdfast", "/", maybe(this::duration), maybe(() -> one(List.of(SameSite.values()))))));
    }

    private BackendTls backendTls() {
        return new BackendTls(
                one(List.of(BackendTls.Verification.values())),
                maybe(() -> "-----BEGIN CERTIFICATE-----\nCA"),
                maybe(() -> "backend.test"));
    }

    private Endpoint endpoint() {
        return new Endpoint(
                one(List.of("10.0.0.1", "10.0.0.2", "fd00::1")),
                1 + random.nextInt(65_535),
                one(List.of(EndpointGroup.State.values())),
                maybe(() -> "zone-a"),
                list(2, () -> "zone-b"));
    }

    private SecretBytes secret() {
        return SecretBytes.ofText("-----BEGIN PRIVATE KEY-----\n" + KEY_MARK + random.nextInt(5));
    }

    private Duration duration() {
        return Duration.ofMillis(1 + random.nextInt(100_000_000));
    }

    private <T> List<T> list(int sizeMax, Supplier<T> element) {
        return Stream.generate(element).limit(random.nextInt(sizeMax + 1)).toList();
    }

    private <T> @Nullable T maybe(Supplier<T> value) {
        return random.nextBoolean() ? value.get() : null;
    }

    private <T> T one(java.util.Collection<T> values) {
        return values.stream().skip(random.nextInt(values.size())).findFirst().orElseThrow();
    }
}
