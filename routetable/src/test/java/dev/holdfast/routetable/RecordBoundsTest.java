package dev.holdfast.routetable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.holdfast.routetable.Balancing.StickyCookie;
import dev.holdfast.routetable.EndpointGroup.Endpoint;
import dev.holdfast.routetable.HeaderChanges.Header;
import dev.holdfast.routetable.Route.Owner;
import dev.holdfast.routetable.Route.Plaintext;
import dev.holdfast.routetable.RouteAction.Forward;
import dev.holdfast.routetable.RouteAction.Reject;
import dev.holdfast.routetable.RouteAction.WeightedUpstream;
import dev.holdfast.routetable.update.ApplyOutcome;
import dev.holdfast.routetable.update.ApplyReport;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Each record refuses what the other side could not hold, and says which field, what was found and what is expected. */
class RecordBoundsTest {
    private static final String DIGEST = "0".repeat(64);
    private static final Owner OWNER = new Owner("Ingress", "ns", "name");

    @Test
    void everyValueBeyondItsBoundIsRefusedByNameAndRule() {
        Map<String, ThrowingCallable> refused = new TreeMap<>();
        refused.put("path.value: \"a\"", () -> PathMatch.exact("a"));
        refused.put("path.value: \"/a/\"", () -> new PathMatch(PathMatch.Type.PREFIX, "/a/"));
        refused.put("path.value: empty", () -> PathMatch.regex(""));
        refused.put("path.value: 1025", () -> PathMatch.exact("/" + "a".repeat(Bounds.PATH_CHARS_MAX)));
        refused.put("path.value: 513", () -> PathMatch.regex("a".repeat(Bounds.REGEX_CHARS_MAX + 1)));
        refused.put("path.value: character 55296", () -> PathMatch.exact("/\ud800"));
        refused.put("path.value: character 0", () -> PathMatch.exact("/\u0000"));
        refused.put("host: \"Example.com\"", () -> new HostPattern("Example.com"));
        refused.put("host: \"*.*.com\"", () -> new HostPattern("*.*.com"));
        refused.put("host: \"a.\"", () -> new HostPattern("a."));
        refused.put("host: \"a:80\"", () -> new HostPattern("a:80"));
        refused.put("host: 254", () -> new HostPattern("a.".repeat(126) + "aa"));
        refused.put("host: empty", () -> new HostPattern(""));
        refused.put("header.name: character 58", () -> new Header("a:b", ""));
        refused.put("header.value: control character 10", () -> new Header("a", "b\nc"));
        refused.put("header.value: control character 13", () -> new Header("a", "b\r"));
        refused.put(
                "set: 65",
                () -> new HeaderChanges(Collections.nCopies(65, new Header("a", "b")), List.of(), List.of()));
        refused.put("remove: character 32", () -> new HeaderChanges(List.of(), List.of(), List.of("a b")));
        refused.put("weight: -1", () -> new WeightedUpstream("up", -1));
        refused.put("weight: 1000001", () -> new WeightedUpstream("up", 1_000_001));
        refused.put(
                "upstreams: none",
                () -> new Forward(List.of(), Rewrite.NONE, HeaderChanges.NONE, HeaderChanges.NONE, Timeouts.DEFAULT));
        refused.put("status: 200", () -> new Reject(200, ""));
        refused.put("status: 600", () -> new Reject(600, ""));
        refused.put("reason: control character 13", () -> new Reject(503, "a\r\nb"));
        refused.put("endpoint.port: 0", () -> Endpoint.ready("10.0.0.1", 0));
        refused.put("endpoint.port: 65536", () -> Endpoint.ready("10.0.0.1", 65_536));
        refused.put("endpoint.address: empty", () -> Endpoint.ready("", 1));
        refused.put(
                "endpoint.zone: 257",
                () -> new Endpoint("10.0.0.1", 1, EndpointGroup.State.READY, "z".repeat(257), List.of()));
        refused.put("timeouts.connect: PT0S", () -> timeouts(Duration.ZERO));
        refused.put("timeouts.connect: PT-1S", () -> timeouts(Duration.ofSeconds(-1)));
        refused.put("timeouts.connect: PT8784H", () -> timeouts(Duration.ofDays(366)));
        refused.put("stickyCookie.name: character 59", () -> new StickyCookie("a;b", "/", null, null));
        refused.put("stickyCookie.path: \"/;x\"", () -> new StickyCookie("a", "/;x", null, null));
        refused.put("certificate.keyPem: 0", () -> new Certificate("id", "chain", SecretBytes.ofText("")));
        refused.put("rewrite.host: \"a b\"", () -> new Rewrite(new Rewrite.Keep(), "a b"));
        refused.put("rewrite.path.replaceFullPath: \"/a?b\"", () -> new Rewrite.ReplaceFull("/a?b"));
        refused.put("rewrite.path.replacePrefixMatch: \"a\"", () -> new Rewrite.ReplacePrefix("a"));
        refused.put(
                "subprotocols: 17",
                () -> new RouteMatch(PathMatch.ALL, List.of(), List.of(), Collections.nCopies(17, "mqtt")));
        refused.put(
                "subprotocols: character 44",
                () -> new RouteMatch(PathMatch.ALL, List.of(), List.of(), List.of("a,b")));
        refused.put("version.sequence: -1", () -> new TableVersion(-1, DIGEST));
        refused.put("version.digest: ", () -> new TableVersion(1, "0".repeat(63) + "A"));
        refused.put("version: \"1\"", () -> TableVersion.parse("1"));
        refused.put("version: \"x-0\"", () -> TableVersion.parse("x-0"));
        refused.put(
                "dataPlane: \"a/b\"",
                () -> new ApplyReport("a/b", new TableVersion(1, DIGEST), new ApplyOutcome.Applied()));

        refused.forEach((message, construction) -> assertThatIllegalArgumentException()
                .as(message)
                .isThrownBy(construction)
                .withMessageStartingWith(message)
                .withMessageContaining("(expected: "));
    }

    @Test
    void routesOutOfMatchOrderAreRefused() {
        // Given
        Route prefix = route("prefix", PathMatch.ALL);
        Route exact = route("exact", PathMatch.exact("/"));

        // When / Then
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new VirtualHost(HostPattern.ANY, null, List.of(prefix, exact)))
                .withMessageContaining("\"exact\" stands behind a route of lower precedence");
    }

    @Test
    void aReferenceThatDoesNotResolveIsRefused() {
        // Given
        VirtualHost host = new VirtualHost(HostPattern.ANY, "ns/tls", List.of());
        Upstream upstream = new Upstream("up", "group", null, Balancing.DEFAULT);

        // When / Then
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RouteTable.of(List.of(host), List.of(), List.of(), List.of()))
                .withMessageContaining("certificate of host *: \"ns/tls\" (expected: a key of the table)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RouteTable.of(List.of(), List.of(upstream), List.of(), List.of()))
                .withMessageContaining("endpoints of upstream up: \"group\"");
    }

    @Test
    void aTableDoesNotFollowTheMapsItWasMadeOf() {
        // Given
        TreeMap<String, EndpointGroup> groups = new TreeMap<>(Map.of("g", new EndpointGroup("g", List.of())));
        RouteTable table = new RouteTable(new TreeMap<>(), new TreeMap<>(), groups, new TreeMap<>());

        // When
        groups.clear();

        // Then
        assertThat(table.endpoints()).containsOnlyKeys("g");
    }

    @Test
    void aSecretPrintsAsRedactedWhereverItIs() {
        // Given
        SecretBytes secret = SecretBytes.ofText("hunter2");
        Certificate certificate = new Certificate("ns/tls", "chain", secret);
        RouteTable table = RouteTable.of(List.of(), List.of(), List.of(), List.of(certificate));

        // When
        String printed = secret + " " + certificate + " " + table;

        // Then
        assertThat(printed).contains("<redacted>").doesNotContain("hunter2", "aHVudGVyMg");
        assertThat(secret).isEqualTo(SecretBytes.ofText("hunter2")).isNotEqualTo(SecretBytes.ofText("hunter3"));
        assertThat(secret.hashCode()).isEqualTo(SecretBytes.ofText("hunter3").hashCode());
    }

    @Test
    void aVersionIsReadAsItPrints() {
        // Given
        TableVersion version = new TableVersion(Long.MAX_VALUE, DIGEST);

        // When / Then
        assertThat(TableVersion.parse(version.toString())).isEqualTo(version);
    }

    private static Timeouts timeouts(Duration connect) {
        return new Timeouts(connect, Duration.ofSeconds(1), Duration.ofSeconds(1));
    }

    private static Route route(String id, PathMatch path) {
        return new Route(id, OWNER, RouteMatch.ofPath(path), new Reject(503, ""), Plaintext.SERVE);
    }
}
