package dev.holdfast.operator;

import dev.holdfast.operator.compile.CompileOptions;
import dev.holdfast.operator.watch.LeaderConfig;
import dev.holdfast.operator.watch.StatusConfig;
import dev.holdfast.operator.watch.WatchConfig;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;

/** A mock API server, operators on it, and data planes on those; all ended with the test. */
final class ClusterFixture {
    static final String CLASS = """
            apiVersion: networking.k8s.io/v1
            kind: IngressClass
            metadata: {name: holdfast}
            spec: {controller: holdfast.dev/ingress-controller}
            """;

    private final List<AutoCloseable> parts = new ArrayList<>();
    private final MockApi api = new MockApi();
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();

    MockApi api() {
        return api;
    }

    /** What the operators count, all together. */
    SimpleMeterRegistry registry() {
        return registry;
    }

    /** What {@code holdfast_operator_watch_errors_total} says, of all kinds. */
    double watchErrors() {
        return registry.find("holdfast.operator.watch.errors").counters().stream()
                .mapToDouble(Counter::count)
                .sum();
    }

    /** A status configuration that waits for little. */
    static StatusConfig status() {
        return new StatusConfig(
                null,
                List.of("203.0.113.7"),
                StatusConfig.Patch.SERVER_SIDE_APPLY,
                Duration.ofMillis(20),
                Duration.ofMillis(500));
    }

    static LeaderConfig leader(String identity) {
        return new LeaderConfig("default", "holdfast-operator", identity, Duration.ofMillis(1_500), "stream-ca");
    }

    /** Starts an operator; without {@code leader} it writes as if it led. */
    ClusterOperator operator(@Nullable StatusConfig status, @Nullable LeaderConfig leader)
            throws IOException, InterruptedException {
        return operator(status, leader, WatchConfig.of(List.of()));
    }

    ClusterOperator operator(@Nullable StatusConfig status, @Nullable LeaderConfig leader, WatchConfig watch)
            throws IOException, InterruptedException {
        return operator(
                new ClusterOperator.Config(OperatorConfig.of(CompileOptions.DEFAULT, 0), watch, status, leader));
    }

    ClusterOperator operator(ClusterOperator.Config config) throws IOException, InterruptedException {
        ClusterOperator operator = prepare(config);
        operator.start();
        return operator;
    }

    /** An operator that is not started yet. */
    synchronized ClusterOperator prepare(ClusterOperator.Config config) throws IOException {
        ClusterOperator operator = new ClusterOperator(config, api::operatorClient, registry);
        parts.addFirst(operator);
        return operator;
    }

    ClusterOperator operator() throws IOException, InterruptedException {
        return operator(status(), null);
    }

    StreamReader dataPlane(ClusterOperator operator, String name) throws IOException, InterruptedException {
        StreamReader reader = new StreamReader(operator.streamUri(), name);
        parts.addFirst(reader);
        return reader;
    }

    StreamReader dataPlane(ClusterOperator operator, String name, Tokens.Shown shown)
            throws IOException, InterruptedException {
        StreamReader reader = new StreamReader(operator.streamUri(), name, shown);
        parts.addFirst(reader);
        return reader;
    }

    static void await(String what, Callable<Boolean> holds) {
        Awaitility.await(what)
                .atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(20))
                .until(holds);
    }

    static String service(String name) {
        return """
                apiVersion: v1
                kind: Service
                metadata: {name: %s, namespace: default}
                spec:
                  clusterIP: 10.96.0.10
                  ports: [{name: http, port: 80}]
                """.formatted(name);
    }

    static String slice(String service, String... addresses) {
        StringBuilder endpoints = new StringBuilder();
        for (String address : addresses) {
            endpoints.append("  - {addresses: [\"").append(address).append("\"], conditions: {ready: true}}\n");
        }
        return """
                apiVersion: discovery.k8s.io/v1
                kind: EndpointSlice
                metadata:
                  name: %s-1
                  namespace: default
                  labels: {kubernetes.io/service-name: %s}
                addressType: IPv4
                ports: [{name: http, port: 8080}]
                endpoints:
                """.formatted(service, service) + endpoints;
    }

    static String ingress(String name, String host, String service) {
        return """
                apiVersion: networking.k8s.io/v1
                kind: Ingress
                metadata: {name: %s, namespace: default}
                spec:
                  ingressClassName: holdfast
                  rules:
                  - host: %s
                    http:
                      paths:
                      - {path: /, pathType: Prefix, backend: {service: {name: %s, port: {number: 80}}}}
                """.formatted(name, host, service);
    }

    static String route(String name, String host, String service) {
        return """
                apiVersion: holdfast.dev/v1alpha1
                kind: WebSocketRoute
                metadata: {name: %s, namespace: default}
                spec:
                  ingressClassName: holdfast
                  hostnames: [%s]
                  rules:
                  - backendRefs: [{name: %s, port: 80}]
                """.formatted(name, host, service);
    }

    /** Ends everything that was started, the last first. */
    void close() throws Exception {
        for (AutoCloseable part : parts) {
            part.close();
        }
        api.close();
    }
}
