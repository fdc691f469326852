package dev.holdfast.operator.compile;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.routetable.Route;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What many objects, or one with much, may ask of one host, and of how many hosts. */
class HostBudgetTest {
    private static final String SURROUNDINGS = """
            kind: IngressClass
            metadata: {name: holdfast}
            spec: {controller: holdfast.dev/ingress-controller}
            ---
            kind: Service
            metadata: {name: chat, namespace: shop}
            spec: {ports: [{port: 80}], clusterIPs: [10.96.0.20]}
            ---
            kind: EndpointSlice
            metadata: {name: chat-a, namespace: shop, labels: {kubernetes.io/service-name: chat}}
            addressType: IPv4
            ports: [{port: 8080}]
            endpoints: [{addresses: [10.0.0.1]}]
            """;

    @Test
    void theStepsOfAHostsExpressionsAreBoundedAndOlderOnesStay() {
        // Given: 256 ordinary expressions, and 64 of which each takes 40 ms for a path of 8 KB
        Manifests manifests = new Manifests().add(SURROUNDINGS).add("""
                kind: WebSocketRoute
                metadata: {name: ordinary, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
                spec:
                  hostnames: [chat.test]
                  rules: [%s]
                ---
                kind: WebSocketRoute
                metadata: {name: slow, namespace: shop, creationTimestamp: "2026-01-02T00:00:00Z"}
                spec:
                  hostnames: [chat.test]
                  rules: [%s]
                """.formatted(
                        rules(16, 16, "path: {type: RegularExpression, value: '/%d/users/[^/]+/rooms/[0-9]+'}"),
                        rules(4, 16, "path: {type: RegularExpression, value: '/(a*){1,40}(a*){1,40}%d'}")));

        // When
        CompileResult result = new RouteTableCompiler().compile(manifests.snapshot(), CompileOptions.DEFAULT);

        // Then
        assertThat(result.diagnostics())
                .filteredOn(diagnostic -> diagnostic.code() == DiagnosticCode.LIMIT_EXCEEDED)
                .isNotEmpty()
                .allSatisfy(told -> assertThat(told.subject()).hasToString("WebSocketRoute shop/slow"));
        assertThat(routes(result, "chat.test"))
                .extracting(route -> route.owner().name())
                .contains("slow")
                .hasSizeLessThan(256 + 16)
                .filteredOn("ordinary"::equals)
                .hasSize(256);
    }

    @Test
    void theConditionsOfOneMatchCountTogether() {
        // Given: sixteen header conditions of some 320 steps, in the first match of the host
        String headers = IntStream.range(0, 16)
                .mapToObj(i -> "{name: x-" + i + ", type: RegularExpression, value: '(a*){1,40}(a*){1,40}b'}")
                .collect(Collectors.joining(", "));
        Manifests manifests = new Manifests().add(SURROUNDINGS).add("""
                kind: WebSocketRoute
                metadata: {name: slow, namespace: shop}
                spec:
                  hostnames: [chat.test]
                  rules: [{matches: [{headers: [%s]}], backendRefs: [{name: chat, port: 80}]}]
                """.formatted(headers));

        // When
        CompileResult result = new RouteTableCompiler().compile(manifests.snapshot(), CompileOptions.DEFAULT);

        // Then
        assertThat(result.diagnostics()).extracting(Diagnostic::code).containsExactly(DiagnosticCode.LIMIT_EXCEEDED);
        assertThat(result.table().virtualHosts()).isEmpty();
    }

    @Test
    void hostsThatHaveNeitherRouteNorCertificateAreNotInTheTable() {
        // Given: 50,000 names with a Secret that does not exist
        String hosts =
                IntStream.range(0, 50_000).mapToObj(i -> "h" + i + ".test").collect(Collectors.joining(", "));
        Manifests manifests = new Manifests().add(SURROUNDINGS).add("""
                kind: Ingress
                metadata: {name: greedy, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
                spec:
                  ingressClassName: holdfast
                  tls: [{secretName: nowhere, hosts: [%s]}]
                  defaultBackend: {service: {name: chat, port: {number: 80}}}
                ---
                kind: WebSocketRoute
                metadata: {name: modest, namespace: shop, creationTimestamp: "2026-01-02T00:00:00Z"}
                spec: {hostnames: [modest.test], rules: [{backendRefs: [{name: chat, port: 80}]}]}
                """.formatted(hosts));

        // When
        CompileResult result = new RouteTableCompiler().compile(manifests.snapshot(), CompileOptions.DEFAULT);

        // Then
        assertThat(result.table().virtualHosts()).containsOnlyKeys("*", "modest.test");
        assertThat(result.diagnostics())
                .filteredOn(diagnostic -> diagnostic.code() == DiagnosticCode.LIMIT_EXCEEDED)
                .singleElement()
                .extracting(Diagnostic::subject)
                .hasToString("Ingress shop/greedy");
    }

    @Test
    void anOldDefaultBackendKeepsItsPlaceBeforeYoungerRules() {
        // Given: a host that younger objects fill
        Manifests manifests = new Manifests().add(SURROUNDINGS).add("""
                kind: Ingress
                metadata: {name: old, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
                spec:
                  ingressClassName: holdfast
                  defaultBackend: {service: {name: chat, port: {number: 80}}}
                  rules: [{host: chat.test}]
                """);
        for (int i = 2; i <= 3; i++) {
            String young = "/" + i + "-";
            manifests.add("""
                    kind: Ingress
                    metadata: {name: young-%d, namespace: shop, creationTimestamp: "2026-01-0%dT00:00:00Z"}
                    spec:
                      ingressClassName: holdfast
                      rules: [{host: chat.test, http: {paths: [%s]}}]
                    """.formatted(
                            i,
                            i,
                            IntStream.range(0, 10_000)
                                    .mapToObj(path -> "{path: " + young + path
                                            + ", backend: {service: {name: chat, port: {number: 80}}}}")
                                    .collect(Collectors.joining(", "))));
        }

        // When
        CompileResult result = new RouteTableCompiler().compile(manifests.snapshot(), CompileOptions.DEFAULT);

        // Then
        assertThat(routes(result, "chat.test").getLast().id()).isEqualTo("Ingress/shop/old/default/0@chat.test");
        assertThat(result.diagnostics())
                .filteredOn(diagnostic -> diagnostic.code() == DiagnosticCode.LIMIT_EXCEEDED)
                .singleElement()
                .extracting(Diagnostic::subject)
                .hasToString("Ingress shop/young-3");
    }

    @Test
    void whatADisplacedDefaultBackendHeldIsGivenBack() {
        // Given: default backends of two objects, of which the older yields to a rule that is younger than both
        Manifests manifests = new Manifests().add(SURROUNDINGS);
        for (String name : List.of("first", "second")) {
            manifests.add("""
                    kind: Ingress
                    metadata: {name: %s, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
                    spec:
                      ingressClassName: holdfast
                      defaultBackend: {service: {name: %s, port: {number: 80}}}
                      rules: [{host: chat.test}]
                    """.formatted(name, name));
        }
        manifests.add("""
                kind: Service
                metadata: {name: first, namespace: shop}
                spec: {ports: [{port: 80}], clusterIPs: [10.96.0.21]}
                ---
                kind: Service
                metadata: {name: second, namespace: shop}
                spec: {ports: [{port: 80}], clusterIPs: [10.96.0.22]}
                ---
                kind: WebSocketRoute
                metadata: {name: young, namespace: shop, creationTimestamp: "2026-01-02T00:00:00Z"}
                spec: {hostnames: [chat.test], rules: [{backendRefs: [{name: chat, port: 80}]}]}
                """);

        // When
        CompileResult result = new RouteTableCompiler().compile(manifests.snapshot(), CompileOptions.DEFAULT);

        // Then: nobody is told of a conflict with a default backend that is not served
        assertThat(routes(result, "chat.test"))
                .extracting(route -> route.owner().name())
                .containsExactly("young");
        assertThat(result.table().upstreams()).containsOnlyKeys("shop/chat:80");
        assertThat(result.diagnostics()).extracting(Diagnostic::code).doesNotContain(DiagnosticCode.CONFLICT);
        assertThat(result.subjects())
                .hasEntrySatisfying(
                        new ResourceRef("Ingress", "shop", "first"),
                        subject -> assertThat(subject.routes()).isZero());
    }

    private static List<Route> routes(CompileResult result, String host) {
        return Objects.requireNonNull(result.table().virtualHosts().get(host)).routes();
    }

    /** Rules with matches of this text, in which a number tells one from the other. */
    static String rules(int rules, int matches, String match) {
        return IntStream.range(0, rules)
                .mapToObj(rule -> "{backendRefs: [{name: chat, port: 80}], matches: ["
                        + IntStream.range(rule * matches, (rule + 1) * matches)
                                .mapToObj(i -> "{" + match.formatted(i) + "}")
                                .collect(Collectors.joining(", "))
                        + "]}")
                .collect(Collectors.joining(", "));
    }
}
