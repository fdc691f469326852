package dev.holdfast.operator.compile;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import dev.holdfast.routetable.wire.TableDigester;
import dev.holdfast.routetable.wire.WireCodec;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** An object that is short in the cluster and multiplies in the table. */
class TableBudgetTest {
    private static final String SURROUNDINGS = """
            kind: IngressClass
            metadata: {name: holdfast}
            spec: {controller: holdfast.dev/ingress-controller}
            ---
            kind: Service
            metadata: {name: chat, namespace: shop}
            spec: {ports: [{port: 80}], clusterIPs: [10.96.0.20]}
            """;

    @Test
    void hostsTimesMatchesTimesHeadersAreBoundedAndTheNeighbourIsServed() {
        // Given: 270 KB of one object, a quarter of a gigabyte of routes
        String hosts = IntStream.range(0, 64).mapToObj(i -> "h" + i + ".test").collect(Collectors.joining(", "));
        String matches = IntStream.range(0, 16)
                .mapToObj(i -> "{path: {value: /p" + i + "}}")
                .collect(Collectors.joining(", "));
        String changes = changes();
        Manifests manifests = new Manifests().add(SURROUNDINGS).add("""
                kind: WebSocketRoute
                metadata: {name: greedy, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
                spec:
                  hostnames: [%s]
                  rules:
                  - matches: [%s]
                    filters:
                    - {type: RequestHeaderModifier, requestHeaderModifier: %s}
                    - {type: ResponseHeaderModifier, responseHeaderModifier: %s}
                    backendRefs: [{name: chat, port: 80}]
                ---
                kind: WebSocketRoute
                metadata: {name: modest, namespace: shop, creationTimestamp: "2026-01-02T00:00:00Z"}
                spec: {hostnames: [modest.test], rules: [{backendRefs: [{name: chat, port: 80}]}]}
                """.formatted(hosts, matches, changes, changes));

        // When
        CompileResult result = new RouteTableCompiler().compile(manifests.snapshot(), CompileOptions.DEFAULT);

        // Then
        assertThat(result.diagnostics())
                .filteredOn(diagnostic -> diagnostic.code() == DiagnosticCode.LIMIT_EXCEEDED)
                .singleElement()
                .extracting(Diagnostic::subject)
                .hasToString("WebSocketRoute shop/greedy");
        assertThat(result.table().virtualHosts()).containsKey("modest.test");
        assertThat(result.table().routeCount()).isGreaterThan(1);
        assertThat(encoded(result)).isLessThan((int) (2 * TextBudget.OBJECT_CHARS_MAX));
    }

    @Test
    void hostsOfCertificatesTakeNoMoreOfABroaderHostsRoutesThanTheirObjectMay() {
        // Given: a route of 260 KB for every host of a domain, and 12 KB that name a certificate for each of 200 of
        // them
        String changes = changes();
        String hosts =
                IntStream.range(0, 200).mapToObj(i -> "h" + i + ".a.test").collect(Collectors.joining(", "));
        Manifests manifests = new Manifests().add(SURROUNDINGS).add("""
                kind: WebSocketRoute
                metadata: {name: broad, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
                spec:
                  hostnames: ["*.a.test"]
                  rules:
                  - filters:
                    - {type: RequestHeaderModifier, requestHeaderModifier: %s}
                    - {type: ResponseHeaderModifier, responseHeaderModifier: %s}
                    backendRefs: [{name: chat, port: 80}]
                ---
                kind: Ingress
                metadata: {name: greedy, namespace: shop, creationTimestamp: "2026-01-02T00:00:00Z"}
                spec:
                  ingressClassName: holdfast
                  tls: [{secretName: absent, hosts: [%s]}]
                ---
                kind: Ingress
                metadata: {name: modest, namespace: shop, creationTimestamp: "2026-01-03T00:00:00Z"}
                spec:
                  ingressClassName: holdfast
                  tls: [{secretName: absent, hosts: [modest.a.test]}]
                """.formatted(changes, changes, hosts));

        // When
        CompileResult result = new RouteTableCompiler().compile(manifests.snapshot(), CompileOptions.DEFAULT);

        // Then: the oldest hosts take the routes, the others are left to the broader host
        assertThat(result.diagnostics())
                .filteredOn(diagnostic -> diagnostic.code() == DiagnosticCode.LIMIT_EXCEEDED)
                .singleElement()
                .extracting(Diagnostic::subject)
                .hasToString("Ingress shop/greedy");
        assertThat(result.table().virtualHosts())
                .containsKeys("*.a.test", "h0.a.test", "modest.a.test")
                .doesNotContainKey("h199.a.test");
        assertThat(encoded(result)).isLessThan((int) (1.1 * TextBudget.INHERITED_CHARS_MAX));
    }

    @Test
    void theBudgetCountsWhatIsWritten() {
        // Given: long hosts, names and rewrites, more of them than an object may have
        String hosts = IntStream.range(0, 64)
                .mapToObj(i -> (i + "-" + "h".repeat(50) + ".").repeat(4) + "test")
                .collect(Collectors.joining(", "));
        String rules = IntStream.range(0, 8)
                .mapToObj(rule -> """
                        {matches: [%s],
                         filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /%s}}}],
                         backendRefs: [{name: chat, port: 80}]}""".formatted(
                                IntStream.range(0, 16)
                                        .mapToObj(i -> "{path: {value: /p" + rule + "-" + i + "}}")
                                        .collect(Collectors.joining(", ")),
                                "r".repeat(1_000)))
                .collect(Collectors.joining(", "));
        Manifests manifests = new Manifests().add(SURROUNDINGS).add("""
                kind: WebSocketRoute
                metadata: {name: %s, namespace: shop}
                spec:
                  hostnames: [%s]
                  rules: [%s]
                """.formatted("n".repeat(200), hosts, rules));

        // When
        CompileResult result = new RouteTableCompiler().compile(manifests.snapshot(), CompileOptions.DEFAULT);

        // Then
        assertThat(result.diagnostics()).extracting(Diagnostic::code).contains(DiagnosticCode.LIMIT_EXCEEDED);
        assertThat((double) encoded(result))
                .isBetween(0.8 * TextBudget.OBJECT_CHARS_MAX, 1.1 * TextBudget.OBJECT_CHARS_MAX);
    }

    /** The header changes of a filter, 128 KiB of them. */
    private static String changes() {
        String headers = IntStream.range(0, 16)
                .mapToObj(i -> "{name: x-" + i + ", value: " + "v".repeat(4_096) + "}")
                .collect(Collectors.joining(", "));
        return "{set: [" + headers + "], add: [" + headers.replace("x-", "y-") + "]}";
    }

    private static int encoded(CompileResult result) {
        TableVersion version = new TableVersion(1, new TableDigester().digest(result.table()));
        return WireCodec.encode(new FullTable(version, result.table())).length;
    }
}
