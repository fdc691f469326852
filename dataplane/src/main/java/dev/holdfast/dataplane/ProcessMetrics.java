package dev.holdfast.dataplane;

import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/** What is told of the process: its build, its JVM. All of it is read when it is scraped and costs nothing between. */
final class ProcessMetrics {
    private ProcessMetrics() {}

    static void bindTo(MeterRegistry registry) {
        String version = ProcessMetrics.class.getPackage().getImplementationVersion();
        Gauge.builder("holdfast.build.info", () -> 1)
                .description("Always 1; the labels say what runs")
                .tag("component", "dataplane")
                .tag("version", Objects.requireNonNullElse(version, "from sources"))
                .tag("java", Runtime.version().toString())
                .register(registry);
        new JvmMemoryMetrics().bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        new UptimeMetrics().bindTo(registry);
        for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
            // Not JvmGcMetrics: it is notified of every collection, which under load cost 1.2 % of the processor.
            FunctionTimer.builder(
                            "jvm.gc.collections",
                            collector,
                            GarbageCollectorMXBean::getCollectionCount,
                            GarbageCollectorMXBean::getCollectionTime,
                            TimeUnit.MILLISECONDS)
                    .description("Garbage collections and the time they took")
                    .tag("gc", collector.getName())
                    .register(registry);
        }
    }
}
