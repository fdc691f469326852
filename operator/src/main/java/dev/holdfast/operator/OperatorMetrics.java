package dev.holdfast.operator;

import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.Severity;
import dev.holdfast.operator.snapshot.ClusterSnapshot;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Counts what the compile loop does. Written by the compile thread, read by whoever scrapes. */
final class OperatorMetrics {
    private final Timer compiles;
    private final Counter failures;
    private final Map<String, AtomicInteger> objects = new TreeMap<>();
    private final Map<Severity, AtomicInteger> diagnostics = new EnumMap<>(Severity.class);
    private final AtomicInteger routes = new AtomicInteger();

    OperatorMetrics(MeterRegistry registry) {
        compiles = Timer.builder("holdfast.operator.compiles")
                .description("Compiles, and the time from reading the snapshot to the published table")
                .publishPercentileHistogram()
                .register(registry);
        failures = Counter.builder("holdfast.operator.compile.failures")
                .description("Compiles that failed because of a bug; the last table stayed")
                .register(registry);
        Gauge.builder("holdfast.operator.routes", routes, AtomicInteger::get)
                .description("Routes of the current table")
                .register(registry);
        for (String kind :
                new String[] {"IngressClass", "Ingress", "WebSocketRoute", "Service", "EndpointSlice", "Secret"}) {
            objects.put(
                    kind,
                    gauge(
                            registry,
                            "holdfast.operator.objects",
                            "Objects that the last compile read, by kind",
                            Tags.of("kind", kind)));
        }
        for (Severity severity : Severity.values()) {
            String name = severity.name().toLowerCase(Locale.ROOT);
            diagnostics.put(
                    severity,
                    gauge(
                            registry,
                            "holdfast.operator.diagnostics",
                            "Diagnostics of the last compile, by severity",
                            Tags.of("severity", name)));
        }
    }

    void compiled(Compilation compilation) {
        compiles.record(compilation.took());
        ClusterSnapshot snapshot = compilation.snapshot();
        objects("IngressClass", snapshot.classes().size());
        objects("Ingress", snapshot.ingresses().size());
        objects("WebSocketRoute", snapshot.webSocketRoutes().size());
        objects("Service", snapshot.services().size());
        objects("EndpointSlice", snapshot.endpointSlices().size());
        objects("Secret", snapshot.secrets().size());
        routes.set(compilation.published().table().routeCount());
        Map<Severity, Integer> counts = new EnumMap<>(Severity.class);
        for (Diagnostic diagnostic : compilation.result().diagnostics()) {
            counts.merge(diagnostic.code().severity(), 1, Integer::sum);
        }
        diagnostics.forEach((severity, gauge) -> gauge.set(counts.getOrDefault(severity, 0)));
    }

    void failed() {
        failures.increment();
    }

    private void objects(String kind, int count) {
        AtomicInteger gauge = objects.get(kind);
        if (gauge != null) {
            gauge.set(count);
        }
    }

    private static AtomicInteger gauge(MeterRegistry registry, String name, String description, Tags tags) {
        AtomicInteger number = new AtomicInteger();
        Gauge.builder(name, number, AtomicInteger::get)
                .description(description)
                .tags(tags)
                .register(registry);
        return number;
    }
}
