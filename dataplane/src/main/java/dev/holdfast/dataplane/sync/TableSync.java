package dev.holdfast.dataplane.sync;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.routetable.update.ApplyOutcome;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import io.micrometer.core.instrument.MeterRegistry;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps the active table at the operator's: from disk at first, then from the stream. */
public final class TableSync implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TableSync.class);

    private final ActiveRoutes routes;
    private final TableReplica replica;
    private final RouteStreamClient client;
    private final @Nullable TableStore store;
    private final @Nullable StoreWriter writer;

    /** Nothing is read before {@link #start()}; every participant must have joined {@code routes} by then. */
    public TableSync(SyncConfig config, String dataPlane, ActiveRoutes routes, MeterRegistry registry) {
        Path directory = config.stateDirectory();
        this.routes = routes;
        this.replica = new TableReplica(routes);
        this.store = directory == null ? null : new TableStore(directory);
        this.writer = store == null ? null : new StoreWriter(store::save);
        this.client = new RouteStreamClient(config, dataPlane, replica, new SyncMetrics(registry, routes), this::keep);
    }

    /** Serves the stored table, if there is one, and begins to follow the operator. Returns when the former is done. */
    public void start() {
        if (store != null && writer != null) {
            store.load().ifPresent(this::restore);
            writer.start();
        }
        client.start();
    }

    /** Ends the stream and writes what waits to be written. The active table stays. */
    @Override
    public void close() {
        client.close();
        if (writer != null) {
            writer.close();
        }
    }

    private void restore(FullTable stored) {
        ApplyOutcome outcome = replica.apply(stored);
        if (outcome instanceof ApplyOutcome.Applied) {
            LOG.info("table restored version={}", stored.version());
        } else {
            LOG.warn("stored table ignored version={} outcome=\"{}\"", stored.version(), outcome);
        }
    }

    private void keep() {
        ActiveTable active = routes.active();
        if (active != null && writer != null) {
            writer.offer(active);
        }
    }
}
