package dev.holdfast.dataplane;

import dev.holdfast.dataplane.admin.AdminServer;
import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.proxy.ProxyServer;
import dev.holdfast.dataplane.proxy.tunnel.DrainResult;
import dev.holdfast.dataplane.proxy.tunnel.TunnelListener;
import dev.holdfast.dataplane.sync.TableSync;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A whole data plane in one object: the proxy, the table stream, the admin port. Thread-safe. */
public final class DataPlane implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(DataPlane.class);

    /** How much longer than its window a drain may take until it counts as stuck. */
    private static final Duration AFTER_WINDOW = Duration.ofSeconds(30);

    private final DataPlaneConfig config;
    private final ActiveRoutes routes = new ActiveRoutes();
    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final Observers observers;
    private final ProxyServer proxy;
    private final AdminServer admin;
    private final TableSync sync;
    private final AtomicBoolean closed = new AtomicBoolean();
    private volatile boolean ending;

    /**
     * Binds the admin address. Nothing is served before {@link #start()}.
     *
     * @param listeners hear of every tunnel
     * @throws IOException if an address cannot be bound
     */
    public DataPlane(DataPlaneConfig config, List<TunnelListener> listeners) throws IOException {
        this.config = config;
        ProcessMetrics.bindTo(registry);
        this.observers = new Observers(config.observe(), listeners, registry);
        this.proxy = new ProxyServer(config.proxy(), routes, registry, observers.listeners());
        this.sync = new TableSync(config.sync(), config.name(), routes, registry);
        this.admin = new AdminServer(config.admin(), routes, this::unreadyBecause, this::scrape);
    }

    /**
     * Serves: the admin port, the proxy, the stored table if there is one, then the stream.
     *
     * @throws IOException naming the address that cannot be bound; everything is closed then
     */
    public void start() throws IOException {
        try {
            proxy.start();
        } catch (IOException e) {
            close();
            throw e;
        }
        admin.start();
        sync.start();
        LOG.info(
                "data plane started name={} http={} https={} admin={} operator={}",
                config.name(),
                httpPort(),
                httpsPort(),
                adminPort(),
                config.sync().operator().urls());
    }

    /** The port of the plain listener, or -1 without one. */
    public int httpPort() {
        return proxy.httpPort();
    }

    /** The port of the TLS listener, or -1 without one. */
    public int httpsPort() {
        return proxy.httpsPort();
    }

    /** The port of the admin server. */
    public int adminPort() {
        return admin.port();
    }

    /** The tables it serves from. */
    public ActiveRoutes routes() {
        return routes;
    }

    /** The meters, for whoever reports them elsewhere than on the admin port. */
    public MeterRegistry registry() {
        return registry;
    }

    /**
     * Ends as a pod does on SIGTERM: unready at once, still accepting for a grace and while clients still come, within
     * bounds; then no new connections, and every tunnel is told before it is cut. HTTP exchanges under way have what is left
     * of the drain's window to end. Tables are followed until the end. Returns when all is closed.
     */
    public DrainResult shutdown() throws InterruptedException {
        ending = true;
        DrainConfig drain = config.drain();
        LOG.info("drain begins acceptGrace={} window={}", drain.acceptGrace(), drain.window());
        try {
            Duration overtime = acceptTheLast(drain);
            Duration window = drain.window().minus(overtime);
            proxy.stopAccepting();
            LOG.info("listeners closed overtime={} window={}", overtime, window);
            Duration patience = window.plus(AFTER_WINDOW);
            DrainResult result = proxy.drain(window).get(patience.toNanos(), TimeUnit.NANOSECONDS);
            LOG.info("drain ended drained={} cut={}", result.drained(), result.cut());
            return result;
        } catch (ExecutionException | TimeoutException e) {
            throw new IllegalStateException("the drain did not end by itself; its tunnels are cut", e);
        } finally {
            close();
        }
    }

    /** Returns when the listeners may close, and how much of the window has gone by then. */
    private Duration acceptTheLast(DrainConfig drain) throws InterruptedException {
        long began = System.nanoTime();
        boolean stillComing = new AcceptGrace(drain, proxy::newcomers, Thread::sleep).await();
        Duration overtime = drain.overtime(Duration.ofNanos(System.nanoTime() - began));
        if (stillComing) {
            LOG.warn(
                    "new clients are refused acceptGrace={} overtime={} (expected: none come any more; does what sends them"
                            + " know that /readyz is 503?)",
                    drain.acceptGrace(),
                    overtime);
        }
        return overtime;
    }

    /** Ends at once; open tunnels are cut. */
    @Override
    public void close() {
        ending = true;
        if (closed.compareAndSet(false, true)) {
            proxy.close();
            observers.close();
            sync.close();
            admin.close();
            registry.close();
        }
    }

    private String scrape() {
        proxy.forgetGoneRoutes();
        return registry.scrape();
    }

    private Optional<String> unreadyBecause() {
        if (ending) {
            return Optional.of("it is shutting down");
        }
        return routes.active() == null ? Optional.of("no route table yet") : Optional.empty();
    }
}
