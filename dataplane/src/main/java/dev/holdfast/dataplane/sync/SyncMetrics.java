package dev.holdfast.dataplane.sync;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.routetable.update.ApplyOutcome;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.concurrent.TimeUnit;

/** What the table stream tells a monitor; the names begin with {@code holdfast.config}. */
final class SyncMetrics {
    private final MeterRegistry registry;
    private final Timer applyDuration;
    private final Counter streamsLost;
    private final Counter stale;
    private volatile boolean connected;
    // Until one is refused: a data plane that serves its kept table while no operator is there has refused none.
    private volatile boolean lastApplySucceeded = true;
    private volatile long epoch;

    SyncMetrics(MeterRegistry registry, ActiveRoutes routes) {
        this.registry = registry;
        applyDuration = Timer.builder("holdfast.config.apply.duration")
                .description("From an update that is read to its swap")
                .register(registry);
        streamsLost = Counter.builder("holdfast.config.stream.reconnects")
                .description("Streams that ended, broke or fell silent, and attempts that failed")
                .register(registry);
        stale = Counter.builder("holdfast.config.stale")
                .description("Events that were older than what was heard before, and so not applied")
                .register(registry);
        Gauge.builder("holdfast.config.epoch", this, metrics -> metrics.epoch)
                .description("When the operator that was last heard began to count its versions, ms since 1970")
                .register(registry);
        Gauge.builder("holdfast.config.stream.connected", this, metrics -> metrics.connected ? 1 : 0)
                .description("1 while the table stream is open")
                .register(registry);
        Gauge.builder("holdfast.config.last_apply_success", this, metrics -> metrics.lastApplySucceeded ? 1 : 0)
                .description("0 if the last update could not be served, else 1")
                .register(registry);
        Gauge.builder("holdfast.config.generation", routes, SyncMetrics::sequence)
                .description("Sequence of the active table, 0 without one; operator replicas count differently")
                .register(registry);
    }

    void connected(boolean now) {
        connected = now;
    }

    void stale() {
        stale.increment();
    }

    void heard(long now) {
        epoch = now;
    }

    void streamLost() {
        streamsLost.increment();
    }

    void applied(String kind, ApplyOutcome outcome, long nanos) {
        lastApplySucceeded = outcome instanceof ApplyOutcome.Applied || outcome instanceof ApplyOutcome.Unchanged;
        applyDuration.record(nanos, TimeUnit.NANOSECONDS);
        String known = switch (kind) {
            case "full", "delta", "keepAlive" -> kind;
            default -> "other";
        };
        Counter.builder("holdfast.config.updates")
                .description("Updates that arrived, by kind and what became of them")
                .tag("kind", known)
                .tag("outcome", outcome.label())
                .register(registry)
                .increment();
    }

    private static double sequence(ActiveRoutes routes) {
        ActiveTable active = routes.active();
        return active == null ? 0 : active.version().sequence();
    }
}
