package dev.holdfast.dataplane;

import dev.holdfast.dataplane.admin.AdminServer;
import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.proxy.tunnel.DrainResult;
import dev.holdfast.dataplane.proxy.tunnel.TunnelListener;
import dev.holdfast.dataplane.sync.TableSync;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A whole data plane in one object: the proxy, the table stream, the admin port. Thread-safe. */
public final class DataPlane implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(DataPlane.class);

    private final DataPlaneConfig config;
    private final ActiveRoutes routes = new ActiveRoutes();
    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final JvmGcMetrics gcMetrics = new JvmGcMetrics();
    private final AdminServer admin;
    private final TableSync sync;
    private volatile boolean ending;

    /**
     * Binds the admin address. Nothing is served before {@link #start()}.
     *
     * @param listeners hear of every tunnel
     * @throws IOException if an address cannot be bound
     */
    public DataPlane(DataPlaneConfig config, List<TunnelListener> listeners) throws IOException {
        this.config = config;
        new JvmMemoryMetrics().bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        new UptimeMetrics().bindTo(registry);
        gcMetrics.bindTo(registry);
        this.sync = new TableSync(config.sync(), config.name(), routes, registry);
        this.admin = new AdminServer(config.admin(), routes, this::unreadyBecause, registry);
    }

    /** Serves: the admin port, the stored table if there is one, then the stream. */
    public void start() {
        admin.start();
        sync.start();
        LOG.info("data plane started name={} admin={} operator={}", config.name(), adminPort(), config.sync().operator());
    }

    /** The port of the admin server. */
    public int adminPort() {
        return admin.port();
    }

    /** The tables it serves from. */
    public ActiveRoutes routes() {
        return routes;
    }

    /**
     * Ends as a pod does on SIGTERM: unready at once, still accepting for a grace, then no new connections, and every
     * tunnel is told before it is cut. Returns when all is closed.
     */
    public DrainResult shutdown() throws InterruptedException {
        ending = true;
        Thread.sleep(config.drain().acceptGrace());
        close();
        return new DrainResult(0, 0);
    }

    /** Ends at once; open tunnels are cut. */
    @Override
    public void close() {
        ending = true;
        sync.close();
        admin.close();
        gcMetrics.close();
        registry.close();
    }

    private Optional<String> unreadyBecause() {
        if (ending) {
            return Optional.of("it is shutting down");
        }
        return routes.active() == null ? Optional.of("no route table yet") : Optional.empty();
    }
}
