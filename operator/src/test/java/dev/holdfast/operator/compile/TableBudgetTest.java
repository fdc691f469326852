package dev.holdfast.operator.compile;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.snapshot.ClusterSnapshot;
import dev.holdfast.operator.snapshot.ClusterSnapshot.Meta;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ServiceView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.WebSocketRouteView;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import dev.holdfast.routetable.wire.TableDigester;
import dev.holdfast.routetable.wire.WireCodec;
import dev.holdfast.v1alpha1.WebSocketRouteSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
    void hostsOfCertificatesTakeNoMoreOfABroaderHostsRoutesThanTheirObjectMay() throws Exception {
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
                  tls: [{secretName: short, hosts: [%s]}]
                ---
                kind: Ingress
                metadata: {name: modest, namespace: shop, creationTimestamp: "2026-01-03T00:00:00Z"}
                spec:
                  ingressClassName: holdfast
                  tls: [{secretName: short, hosts: [modest.a.test]}]
                """.formatted(changes, changes, hosts));
        manifests.add(secret("short", 1));

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
    void authoritiesThatEachUpstreamCarriesAreBoundedAndTheNeighbourIsServed() throws Exception {
        // Given: a Secret of 230 KB, which 64 upstreams of one object trust
        String bundle = certificates(300);
        String rules =
                IntStream.range(0, 32).mapToObj(i -> """
                        {matches: [{path: {value: /p%d}}],
                         backendRefs: [
                           {name: chat, port: 80, protocol: https, tls: {caSecretName: bundle, serverName: a%d.test}},
                           {name: chat, port: 80, protocol: https, tls: {caSecretName: bundle, serverName: b%d.test}}]}""".formatted(i, i, i)).collect(Collectors.joining(", "));
        Manifests manifests = new Manifests().add(SURROUNDINGS).add("""
                kind: Secret
                metadata: {name: bundle, namespace: shop, labels: {holdfast.dev/watch: "true"}}
                type: Opaque
                data: {ca.crt: %s}
                ---
                kind: WebSocketRoute
                metadata: {name: greedy, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
                spec: {hostnames: [greedy.test], rules: [%s]}
                ---
                kind: WebSocketRoute
                metadata: {name: modest, namespace: shop, creationTimestamp: "2026-01-02T00:00:00Z"}
                spec: {hostnames: [modest.test], rules: [{backendRefs: [{name: chat, port: 80}]}]}
                """.formatted(bundle, rules));

        // When
        CompileResult result = new RouteTableCompiler().compile(manifests.snapshot(), CompileOptions.DEFAULT);

        // Then
        assertThatGreedyAloneIsTold(result);
        assertThat(encoded(result)).isLessThan((int) (1.2 * TextBudget.OBJECT_CHARS_MAX));
    }

    @Test
    void certificatesOfOneObjectAreBoundedAndTheNeighbourKeepsItsOwn() throws Exception {
        // Given: twenty Secrets of 800 KB, all in one object
        Manifests manifests = new Manifests().add(SURROUNDINGS);
        String tls = IntStream.range(0, 20)
                .mapToObj(i -> "{secretName: long-" + i + ", hosts: [h" + i + ".test]}")
                .collect(Collectors.joining(", "));
        for (int i = 0; i < 20; i++) {
            manifests.add(secret("long-" + i, 1_200));
        }
        manifests.add(secret("short", 1)).add("""
                kind: Ingress
                metadata: {name: greedy, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
                spec: {ingressClassName: holdfast, tls: [%s]}
                ---
                kind: Ingress
                metadata: {name: modest, namespace: shop, creationTimestamp: "2026-01-02T00:00:00Z"}
                spec:
                  ingressClassName: holdfast
                  tls: [{secretName: short, hosts: [modest.test]}]
                """.formatted(tls));

        // When
        CompileResult result = new RouteTableCompiler().compile(manifests.snapshot(), CompileOptions.DEFAULT);

        // Then
        assertThat(result.diagnostics())
                .filteredOn(diagnostic -> diagnostic.code() == DiagnosticCode.LIMIT_EXCEEDED)
                .isNotEmpty()
                .allSatisfy(told -> assertThat(told.subject()).hasToString("Ingress shop/greedy"));
        assertThat(result.table().certificates()).containsKeys("shop/long-0", "shop/short");
        assertThat(encoded(result)).isLessThan((int) (1.2 * TextBudget.OBJECT_CHARS_MAX));
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

    @ParameterizedTest
    @ValueSource(
            strings = {
                "path: {type: RegularExpression, value: '/%d(a{40}){45}'}",
                "headers: [{name: x, type: RegularExpression, value: '%d(a{40}){45}'}]",
                "queryParams: [{name: x, type: RegularExpression, value: '%d(a{40}){45}'}]"
            })
    void expressionsCostWhatTheyAreCompiledToAndTheNeighbourIsServed(String condition) {
        // Given: 512 expressions of some 1,900 steps for each of 64 hosts, in 30 KB
        String hosts = IntStream.range(0, 64).mapToObj(i -> "h" + i + ".test").collect(Collectors.joining(", "));
        Manifests manifests =
                new Manifests().add(SURROUNDINGS).add("""
                        kind: WebSocketRoute
                        metadata: {name: greedy, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
                        spec:
                          hostnames: [%s]
                          rules: [%s]
                        ---
                        kind: WebSocketRoute
                        metadata: {name: modest, namespace: shop, creationTimestamp: "2026-01-02T00:00:00Z"}
                        spec: {hostnames: [modest.test], rules: [{backendRefs: [{name: chat, port: 80}]}]}
                        """.formatted(hosts, HostBudgetTest.rules(32, 16, condition)));

        // When
        CompileResult result = new RouteTableCompiler().compile(manifests.snapshot(), CompileOptions.DEFAULT);

        // Then
        assertThat(result.diagnostics())
                .filteredOn(diagnostic -> diagnostic.code() == DiagnosticCode.LIMIT_EXCEEDED)
                .singleElement()
                .extracting(Diagnostic::subject)
                .hasToString("WebSocketRoute shop/greedy");
        assertThat(result.table().virtualHosts()).containsKey("modest.test");
        assertThat(result.table().routeCount()).isBetween(50, 100);
    }

    @Test
    void backendsThatDoNotExistAreBoundedAndTheNeighbourIsServed() {
        // Given: 1,050 objects of 32 rules with 16 backends of which one exists; over 500,000 upstreams
        String rules = IntStream.range(0, 32)
                .mapToObj(rule -> "{matches: [{path: {value: /p" + rule + "}}], backendRefs: [{name: chat, port: 80}, "
                        + IntStream.range(0, 15)
                                .mapToObj(i -> "{name: nowhere-" + rule + "-" + i + ", port: 80}")
                                .collect(Collectors.joining(", "))
                        + "]}")
                .collect(Collectors.joining(", "));
        ClusterSnapshot one =
                new Manifests().add(SURROUNDINGS).add("""
                        kind: WebSocketRoute
                        metadata: {name: modest, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
                        spec: {hostnames: [modest.test], rules: [{backendRefs: [{name: chat, port: 80}]}]}
                        ---
                        kind: WebSocketRoute
                        metadata: {name: greedy, namespace: shop, creationTimestamp: "2026-01-02T00:00:00Z"}
                        spec: {rules: [%s]}
                        """.formatted(rules)).snapshot();
        ClusterSnapshot many = inNamespaces(one, 1_050);

        // When
        CompileResult result = new RouteTableCompiler().compile(many, CompileOptions.DEFAULT);

        // Then
        assertThat(result.diagnostics())
                .filteredOn(diagnostic -> diagnostic.code() == DiagnosticCode.LIMIT_EXCEEDED)
                .isNotEmpty()
                .allSatisfy(told -> assertThat(told.subject().name()).isEqualTo("greedy"));
        assertThat(result.table().virtualHosts()).containsKeys("modest.test", "greedy-0.test");
        assertThat(encoded(result)).isLessThan((int) TextBudget.TABLE_CHARS_MAX);
    }

    @Test
    void endpointsAreBoundedAndTheNeighbourIsServed() {
        // Given: twenty ports of a Service with 10,000 endpoints
        String endpoints = IntStream.range(0, 10_000)
                .mapToObj(i -> "{addresses: [10.1." + i / 250 + "." + (1 + i % 250) + "], zone: zone-a}")
                .collect(Collectors.joining(", "));
        String ports = IntStream.range(0, 20)
                .mapToObj(i -> "{name: p" + i + ", port: " + (8_000 + i) + "}")
                .collect(Collectors.joining(", "));
        String rules = IntStream.range(0, 20)
                .mapToObj(i -> "{matches: [{path: {value: /p" + i + "}}], backendRefs: [{name: wide, port: "
                        + (8_000 + i) + "}]}")
                .collect(Collectors.joining(", "));
        Manifests manifests = new Manifests().add(SURROUNDINGS).add("""
                kind: Service
                metadata: {name: wide, namespace: shop}
                spec: {ports: [%s], clusterIPs: [10.96.0.21]}
                ---
                kind: EndpointSlice
                metadata: {name: wide-a, namespace: shop, labels: {kubernetes.io/service-name: wide}}
                addressType: IPv4
                ports: [%s]
                endpoints: [%s]
                ---
                kind: WebSocketRoute
                metadata: {name: greedy, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
                spec: {hostnames: [greedy.test], rules: [%s]}
                ---
                kind: WebSocketRoute
                metadata: {name: modest, namespace: shop, creationTimestamp: "2026-01-02T00:00:00Z"}
                spec: {hostnames: [modest.test], rules: [{backendRefs: [{name: chat, port: 80}]}]}
                """.formatted(ports, ports, endpoints, rules));

        // When
        CompileResult result = new RouteTableCompiler().compile(manifests.snapshot(), CompileOptions.DEFAULT);

        // Then
        assertThatGreedyAloneIsTold(result);
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

    /** The snapshot with its second route copied so often, each copy with a host and a namespace of its own. */
    private static ClusterSnapshot inNamespaces(ClusterSnapshot one, int count) {
        List<ServiceView> services = new ArrayList<>(one.services());
        List<WebSocketRouteView> routes = new ArrayList<>(one.webSocketRoutes().subList(0, 1));
        ServiceView service = one.services().getFirst();
        WebSocketRouteView route = one.webSocketRoutes().get(1);
        for (int i = 0; i < count; i++) {
            WebSocketRouteSpec spec = new WebSocketRouteSpec();
            spec.setHostnames(List.of(route.meta().name() + "-" + i + ".test"));
            spec.setRules(Objects.requireNonNull(route.spec()).getRules());
            services.add(new ServiceView(
                    in("shop-" + i, service.meta()),
                    service.type(),
                    service.externalName(),
                    service.clusterIps(),
                    service.ports()));
            routes.add(new WebSocketRouteView(
                    in("shop-" + i, route.meta()), route.className(), spec, route.problems(), route.unknownFields()));
        }
        return new ClusterSnapshot(one.classes(), List.of(), routes, services, List.of(), List.of());
    }

    private static void assertThatGreedyAloneIsTold(CompileResult result) {
        assertThat(result.diagnostics())
                .filteredOn(diagnostic -> diagnostic.code() == DiagnosticCode.LIMIT_EXCEEDED)
                .singleElement()
                .extracting(Diagnostic::subject)
                .hasToString("WebSocketRoute shop/greedy");
        assertThat(result.table().virtualHosts()).containsKeys("greedy.test", "modest.test");
    }

    private static Meta in(String namespace, Meta meta) {
        return new Meta(namespace, meta.name(), meta.uid(), meta.created(), meta.generation(), meta.annotations());
    }

    private static String secret(String name, int certificates) throws IOException {
        return """
                kind: Secret
                metadata: {name: %s, namespace: shop}
                type: kubernetes.io/tls
                data: {tls.crt: %s, tls.key: %s}
                """.formatted(name, certificates(certificates), sample("tls.key"));
    }

    /** A bundle in which one certificate of 700 characters stands so often, as it stands in a Secret. */
    private static String certificates(int count) throws IOException {
        byte[] one = Base64.getDecoder().decode(sample("tls.crt"));
        return Base64.getEncoder()
                .encodeToString(
                        new String(one, StandardCharsets.US_ASCII).repeat(count).getBytes(StandardCharsets.US_ASCII));
    }

    /** What a Secret of the golden cases has under the key, in base64. */
    static String sample(String key) throws IOException {
        Path objects = Path.of("src/test/resources/compile/ingress-tls-wildcard-covers-host/in/objects.yaml");
        Matcher matcher = Pattern.compile(Pattern.quote(key) + ": (\\S+)").matcher(Files.readString(objects));
        assertThat(matcher.find()).isTrue();
        return matcher.group(1);
    }

    private static int encoded(CompileResult result) {
        TableVersion version = new TableVersion(1, new TableDigester().digest(result.table()));
        return WireCodec.encode(new FullTable(version, result.table())).length;
    }
}
