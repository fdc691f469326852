package dev.holdfast.dataplane.proxy.overload;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.util.internal.PlatformDependent;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.DoubleSupplier;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/** Refuses new work while a limit is reached, and counts what it refused. Thread-safe; asked once per request. */
public final class Overload {
    /** What is at its end; a metric label. */
    public enum Limit {
        /** Client connections that speak HTTP. */
        CONNECTIONS("connections"),
        /** Tunnels. */
        TUNNELS("tunnels"),
        /** Direct memory. */
        MEMORY("memory");

        private final String label;

        Limit(String label) {
            this.label = label;
        }

        /** The label value. */
        public String label() {
            return label;
        }
    }

    private final OverloadLimits limits;
    private final IntSupplier connections;
    private final IntSupplier tunnels;
    private final Map<Limit, Counter> rejected = new EnumMap<>(Limit.class);

    /** Compares these counts with the limits, and publishes both. */
    public Overload(OverloadLimits limits, IntSupplier connections, IntSupplier tunnels, MeterRegistry registry) {
        this.limits = limits;
        this.connections = connections;
        this.tunnels = tunnels;
        publish(registry, Limit.CONNECTIONS, connections::getAsInt, limits.connectionsMax());
        publish(registry, Limit.TUNNELS, tunnels::getAsInt, limits.tunnelsMax());
        publish(registry, Limit.MEMORY, PlatformDependent::usedDirectMemory, limits.directMemoryBytesMax());
    }

    private void publish(MeterRegistry registry, Limit limit, DoubleSupplier used, double max) {
        Gauge.builder("holdfast.limits.used", used::getAsDouble)
                .description("What a limit counts: connections, tunnels, bytes of direct memory")
                .tag("limit", limit.label())
                .register(registry);
        Gauge.builder("holdfast.limits.max", () -> max)
                .description("Where new work is refused with 503")
                .tag("limit", limit.label())
                .register(registry);
        rejected.put(
                limit,
                Counter.builder("holdfast.limits.rejected")
                        .description("Requests and upgrades that were answered 503 because of a limit")
                        .tag("limit", limit.label())
                        .register(registry));
    }

    /** The limit that forbids to serve another request, or null; counts the refusal. */
    public @Nullable Limit refuseRequest() {
        return isOverConnections() ? refused(Limit.CONNECTIONS) : refuseForMemory();
    }

    /** The limit that forbids another tunnel, or null; counts the refusal. */
    public @Nullable Limit refuseTunnel() {
        return tunnels.getAsInt() >= limits.tunnelsMax() ? refused(Limit.TUNNELS) : refuseForMemory();
    }

    /** Whether connections that have nothing to do should end instead of waiting for their next request. */
    public boolean isOverConnections() {
        return connections.getAsInt() > limits.connectionsMax();
    }

    private @Nullable Limit refuseForMemory() {
        return PlatformDependent.usedDirectMemory() >= limits.directMemoryBytesMax() ? refused(Limit.MEMORY) : null;
    }

    private Limit refused(Limit limit) {
        Counter counter = rejected.get(limit);
        if (counter != null) {
            counter.increment();
        }
        return limit;
    }
}
