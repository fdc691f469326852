package dev.holdfast.routetable.wire;

import dev.holdfast.routetable.BackendTls;
import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.Balancing.Policy;
import dev.holdfast.routetable.Balancing.SameSite;
import dev.holdfast.routetable.Balancing.StickyCookie;
import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.EndpointGroup.Endpoint;
import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.HeaderChanges.Header;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.RandomTables;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.Route.Owner;
import dev.holdfast.routetable.Route.Plaintext;
import dev.holdfast.routetable.RouteAction.Forward;
import dev.holdfast.routetable.RouteAction.Reject;
import dev.holdfast.routetable.RouteAction.WeightedUpstream;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.SecretBytes;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.Timeouts;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.ValueMatch;
import dev.holdfast.routetable.VirtualHost;
import dev.holdfast.routetable.update.ApplyOutcome;
import dev.holdfast.routetable.update.ApplyReport;
import dev.holdfast.routetable.update.TableChanges;
import dev.holdfast.routetable.update.TableUpdate;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import dev.holdfast.routetable.update.TableUpdate.KeepAlive;
import dev.holdfast.routetable.update.TableUpdate.TableDelta;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** What the files of {@code wire/v1/} hold, as records. A file is only ever added. */
final class WireSamples {
    static final String EMPTY_DIGEST = "3b9acd4d087c5cd31872e907b0933a9402863d8e6c8d09122685c863a269eb5c";

    private static final TableVersion ONE = new TableVersion(1, EMPTY_DIGEST);
    private static final TableVersion TWO = new TableVersion(2, "02".repeat(32));
    private static final Owner OWNER = new Owner("WebSocketRoute", "shop", "chat");

    private WireSamples() {}

    /** Updates by file name. */
    static SortedMap<String, TableUpdate> updates() {
        RouteTable table = table();
        return new TreeMap<>(Map.of(
                "full-empty", new FullTable(ONE, RouteTable.EMPTY),
                "full", new FullTable(TWO, table),
                "delta-put", new TableDelta(ONE, TWO, TableChanges.between(RouteTable.EMPTY, table)),
                "delta-removed", new TableDelta(TWO, ONE, TableChanges.between(table, RouteTable.EMPTY)),
                "keep-alive", new KeepAlive(TWO)));
    }

    /** Reports by file name. */
    static SortedMap<String, ApplyReport> reports() {
        return new TreeMap<>(Map.of(
                "report-applied", new ApplyReport("proxy-7d9f", TWO, new ApplyOutcome.Applied()),
                "report-unchanged", new ApplyReport("proxy-7d9f", TWO, new ApplyOutcome.Unchanged()),
                "report-needs-full-table",
                        new ApplyReport("proxy-7d9f", TWO, new ApplyOutcome.NeedsFullTable("delta.base: unknown")),
                "report-refused",
                        new ApplyReport("proxy-7d9f", TWO, new ApplyOutcome.Refused("certificate shop/tls: no key"))));
    }

    private static RouteTable table() {
        VirtualHost host = new VirtualHost(
                new HostPattern("chat.example.com"), "shop/tls", List.of(exact(), expression(), prefix(), rejected()));
        VirtualHost wildcard = new VirtualHost(new HostPattern("*.example.com"), null, List.of());
        VirtualHost any = new VirtualHost(
                HostPattern.ANY,
                null,
                List.of(new Route(
                        "Ingress/shop/all/0/0",
                        new Owner("Ingress", "shop", "all"),
                        RouteMatch.ALL,
                        Forward.to("shop/plain:80"),
                        Plaintext.SERVE)));
        Endpoint draining =
                new Endpoint("fd00::1", 8080, EndpointGroup.State.DRAINING, "zone-a", List.of("zone-a", "zone-b"));
        return RouteTable.of(
                List.of(host, wildcard, any),
                List.of(
                        new Upstream("shop/plain:80", "shop/plain:80", null, Balancing.DEFAULT),
                        new Upstream(
                                "shop/secure:443",
                                "shop/secure:443",
                                new BackendTls(BackendTls.Verification.VERIFY, "CA PEM", "secure.internal"),
                                new Balancing(
                                        Policy.ROUND_ROBIN,
                                        new StickyCookie("hf", "/", Duration.ofHours(1), SameSite.STRICT))),
                        new Upstream(
                                "shop/lax:443",
                                "shop/secure:443",
                                new BackendTls(BackendTls.Verification.SKIP, null, null),
                                new Balancing(Policy.CLIENT_ADDRESS_HASH, new StickyCookie("hf", "/a", null, null)))),
                List.of(
                        new EndpointGroup("shop/plain:80", List.of(Endpoint.ready("10.0.0.1", 8080), draining)),
                        new EndpointGroup("shop/secure:443", List.of())),
                List.of(new Certificate("shop/tls", "CHAIN PEM", SecretBytes.ofText(RandomTables.KEY_MARK))));
    }

    private static Route exact() {
        RouteMatch match = new RouteMatch(
                PathMatch.exact("/socket"),
                List.of(new ValueMatch("X-Mode", ValueMatch.Type.EXACT, "live")),
                List.of(new ValueMatch("room", ValueMatch.Type.REGEX, "[0-9]+")),
                List.of("graphql-transport-ws", "mqtt"));
        Forward forward = new Forward(
                List.of(new WeightedUpstream("shop/plain:80", 90), new WeightedUpstream("shop/secure:443", 10)),
                new Rewrite(new Rewrite.ReplacePrefix("/v2"), "backend.internal:8080"),
                new HeaderChanges(
                        List.of(new Header("X-Set", "1")), List.of(new Header("X-Add", "é")), List.of("X-Gone")),
                HeaderChanges.NONE,
                new Timeouts(Duration.ofSeconds(1), Duration.ofMillis(1_500), Duration.ofDays(1)));
        return new Route("WebSocketRoute/shop/chat/0/0", OWNER, match, forward, Plaintext.REDIRECT);
    }

    private static Route expression() {
        Forward forward = new Forward(
                List.of(new WeightedUpstream("shop/lax:443", 0)),
                new Rewrite(new Rewrite.ReplaceFull("/fixed"), null),
                HeaderChanges.NONE,
                HeaderChanges.NONE,
                Timeouts.DEFAULT);
        RouteMatch match = RouteMatch.ofPath(PathMatch.regex("/rooms/[0-9]+"));
        return new Route("WebSocketRoute/shop/chat/1/0", OWNER, match, forward, Plaintext.SERVE);
    }

    private static Route prefix() {
        RouteMatch match = RouteMatch.ofPath(PathMatch.prefix("/chat"));
        return new Route("WebSocketRoute/shop/chat/2/0", OWNER, match, Forward.to("shop/plain:80"), Plaintext.SERVE);
    }

    private static Route rejected() {
        RouteMatch match = RouteMatch.ofPath(PathMatch.prefix("/"));
        Reject reject = new Reject(503, "the backend is not available");
        return new Route("WebSocketRoute/shop/chat/3/0", OWNER, match, reject, Plaintext.SERVE);
    }
}
