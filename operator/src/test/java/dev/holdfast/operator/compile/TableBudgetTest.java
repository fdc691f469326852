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
    @Test
    void hostsTimesMatchesTimesHeadersAreBoundedAndTheNeighbourIsServed() {
        // Given: 270 KB of one object, a quarter of a gigabyte of routes
        String hosts = IntStream.range(0, 64).mapToObj(i -> "h" + i + ".test").collect(Collectors.joining(", "));
        String matches = IntStream.range(0, 16)
                .mapToObj(i -> "{path: {value: /p" + i + "}}")
                .collect(Collectors.joining(", "));
        String headers = IntStream.range(0, 16)
                .mapToObj(i -> "{name: x-" + i + ", value: " + "v".repeat(4_096) + "}")
                .collect(Collectors.joining(", "));
        String changes = "{set: [" + headers + "], add: [" + headers.replace("x-", "y-") + "]}";
        Manifests manifests = new Manifests().add("""
                kind: IngressClass
                metadata: {name: holdfast}
                spec: {controller: holdfast.dev/ingress-controller}
                ---
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
                ---
                kind: Service
                metadata: {name: chat, namespace: shop}
                spec: {ports: [{port: 80}], clusterIPs: [10.96.0.20]}
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
        TableVersion version = new TableVersion(1, new TableDigester().digest(result.table()));
        assertThat(WireCodec.encode(new FullTable(version, result.table())).length)
                .isLessThan((int) (2 * TextBudget.OBJECT_CHARS_MAX));
    }
}
