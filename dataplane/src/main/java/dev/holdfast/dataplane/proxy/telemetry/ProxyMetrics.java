package dev.holdfast.dataplane.proxy.telemetry;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.VirtualHost;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import java.util.function.ToDoubleFunction;

/**
 * The meters of the proxy. Labels name the object that owns a route and nothing a client can choose. The series of an
 * object stay for a while after it is gone and its last tunnel has closed, so that the last values are scraped.
 */
public final class ProxyMetrics implements ActiveRoutes.Participant {
    private static final Duration KEPT_AFTER_GONE = Duration.ofMinutes(5);
    /** A table with more objects registers the others at their first request: each costs some kilobytes. */
    private static final int PREREGISTERED_MAX = 500;

    private static final Duration SWEEP_INTERVAL = Duration.ofMinutes(1);

    private static final class Entry {
        final RouteMetrics metrics;
        volatile long unusedSinceNanos;
        volatile boolean unused;

        Entry(RouteMetrics metrics) {
            this.metrics = metrics;
        }
    }

    private final MeterRegistry registry;
    private final LongSupplier nanoClock;
    private final Map<RouteKey, Entry> entries = new ConcurrentHashMap<>();
    private final AtomicLong nextSweepNanos;
    private volatile Set<RouteKey> configured = Set.of();
    private volatile TableCensus census = new TableCensus(RouteTable.EMPTY);
    private volatile IntSupplier drainRemaining = () -> 0;
    private volatile int drainState;

    /** Registers the meters that belong to no route. */
    public ProxyMetrics(MeterRegistry registry) {
        this(registry, System::nanoTime);
    }

    /** With another clock, for tests. */
    ProxyMetrics(MeterRegistry registry, LongSupplier nanoClock) {
        this.registry = registry;
        this.nanoClock = nanoClock;
        this.nextSweepNanos = new AtomicLong(nanoClock.getAsLong() + SWEEP_INTERVAL.toNanos());
        Gauge.builder("holdfast.drain.state", this, metrics -> metrics.drainState)
                .description("1 while the proxy tells its tunnels to go, not while it still accepts; else 0")
                .register(registry);
        Gauge.builder("holdfast.drain.remaining", this, metrics -> metrics.drainRemaining.getAsInt())
                .description("Tunnels and upgrades that a drain still waits for")
                .register(registry);
        for (TableCensus.State state : TableCensus.State.values()) {
            routes(state.label(), metrics -> metrics.census.objects(state));
        }
        routes("retired", ProxyMetrics::retired);
    }

    private void routes(String state, ToDoubleFunction<ProxyMetrics> count) {
        Gauge.builder("holdfast.routes", this, count)
                .description(
                        "Objects that own routes, by state: serving, unavailable (no endpoint), rejecting (answered"
                                + " by the proxy), retired (gone from the table, with tunnels open)")
                .tag("state", state)
                .register(registry);
    }

    private long retired() {
        Set<RouteKey> current = configured;
        return entries.entrySet().stream()
                .filter(known -> !current.contains(known.getKey()))
                .filter(known -> known.getValue().metrics.active() > 0)
                .count();
    }

    /** The meters of the object that owns a route. */
    public RouteMetrics route(Route.Owner owner) {
        return entry(RouteKey.of(owner)).metrics;
    }

    /** The meters of requests that no route matched. */
    public RouteMetrics unmatched() {
        return entry(RouteKey.UNMATCHED).metrics;
    }

    /** Publishes the progress of a drain. */
    public void draining(IntSupplier remaining) {
        drainRemaining = remaining;
        drainState = 1;
    }

    @Override
    public ActiveRoutes.Prepared prepare(ActiveTable next) {
        Set<RouteKey> keys = new LinkedHashSet<>();
        keys.add(RouteKey.UNMATCHED);
        for (VirtualHost host : next.table().virtualHosts().values()) {
            host.routes().forEach(route -> keys.add(RouteKey.of(route.owner())));
        }
        return new ActiveRoutes.Prepared() {
            @Override
            public void adopt() {
                configured = keys;
                census = new TableCensus(next.table());
                keys.stream().limit(PREREGISTERED_MAX).forEach(ProxyMetrics.this::entry);
                sweep();
            }

            @Override
            public void discard() {}
        };
    }

    /** Removes the series of objects that have been gone, with no tunnel open, for five minutes. */
    public synchronized void sweep() {
        long now = nanoClock.getAsLong();
        Set<RouteKey> current = configured;
        entries.forEach((key, entry) -> {
            if (current.contains(key) || entry.metrics.active() > 0) {
                entry.unused = false;
            } else if (!entry.unused) {
                entry.unused = true;
                entry.unusedSinceNanos = now;
            } else if (now - entry.unusedSinceNanos >= KEPT_AFTER_GONE.toNanos()) {
                entries.computeIfPresent(key, (gone, last) -> {
                    last.metrics.remove();
                    return null;
                });
            }
        });
    }

    /** Sweeps if a minute has passed since the last time; cheap enough to be called whenever a tunnel closes. */
    public void sweepNowAndThen() {
        long due = nextSweepNanos.get();
        long now = nanoClock.getAsLong();
        if (now - due >= 0 && nextSweepNanos.compareAndSet(due, now + SWEEP_INTERVAL.toNanos())) {
            sweep();
        }
    }

    private Entry entry(RouteKey key) {
        Entry known = entries.get(key);
        return known != null ? known : entries.computeIfAbsent(key, this::newEntry);
    }

    private Entry newEntry(RouteKey key) {
        RouteMetrics metrics = new RouteMetrics(registry, key);
        if (!key.equals(RouteKey.UNMATCHED)) {
            metrics.endpoints(state -> census.endpoints(key, state));
        }
        return new Entry(metrics);
    }
}
