package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.proxy.forwarded.TrustedProxies;
import dev.holdfast.dataplane.proxy.overload.Overload;
import dev.holdfast.dataplane.proxy.telemetry.ProxyMetrics;
import dev.holdfast.dataplane.proxy.telemetry.RequestListener;
import dev.holdfast.dataplane.proxy.timer.TimerWheel;
import dev.holdfast.dataplane.proxy.tunnel.Drain;
import dev.holdfast.dataplane.proxy.tunnel.Upgrades;
import dev.holdfast.dataplane.proxy.upstream.BackendConnector;
import dev.holdfast.dataplane.proxy.upstream.Upstreams;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.FastThreadLocal;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/** What every client connection of one proxy shares. */
final class FrontServices {
    /** The parts that stay the same. */
    record Parts(
            ProxyConfig config,
            ActiveRoutes routes,
            Upstreams upstreams,
            BackendConnector connector,
            Upgrades upgrades,
            ProxyMetrics metrics,
            TrustedProxies trusted,
            @Nullable RequestListener requests) {}

    private final Parts parts;
    private final FastThreadLocal<@Nullable BackendPool> pools = new FastThreadLocal<>();
    private final Set<FrontHandler> fronts = ConcurrentHashMap.newKeySet();
    private final Overload overload;
    private final LongAdder newcomers = new LongAdder();
    private volatile int redirectPort = 443;
    private volatile boolean stopping;
    private volatile @Nullable Drain drain;

    /** {@code limited} is told how to count connections. */
    FrontServices(Parts parts, Function<IntSupplier, Overload> limited) {
        this.parts = parts;
        this.overload = limited.apply(fronts::size);
    }

    ProxyConfig config() {
        return parts.config();
    }

    ActiveRoutes routes() {
        return parts.routes();
    }

    Upstreams upstreams() {
        return parts.upstreams();
    }

    BackendConnector connector() {
        return parts.connector();
    }

    Upgrades upgrades() {
        return parts.upgrades();
    }

    ProxyMetrics metrics() {
        return parts.metrics();
    }

    /** Who hears of requests, or null. */
    @Nullable
    RequestListener requests() {
        return parts.requests();
    }

    TrustedProxies trusted() {
        return parts.trusted();
    }

    /** Makes the pool of a loop; call on the loop. */
    void open(EventLoop loop) {
        pools.set(new BackendPool(parts.config().pool(), TimerWheel.of(loop)));
    }

    /** The pool of the current event loop. */
    BackendPool pool() {
        BackendPool pool = pools.get();
        if (pool == null) {
            throw new IllegalStateException("backend pool: asked for outside the event loops (expected: on one)");
        }
        return pool;
    }

    Overload overload() {
        return overload;
    }

    /** Client connections that speak HTTP now. */
    Set<FrontHandler> fronts() {
        return fronts;
    }

    /** The first request of a connection begins. */
    void newcomer() {
        newcomers.increment();
    }

    /** Connections on which a request has begun, those that have ended too. */
    long newcomers() {
        return newcomers.sum();
    }

    /** A client connection speaks HTTP no more: it is closed, or an upgrade that counts as one already. */
    void ended(FrontHandler front) {
        fronts.remove(front);
        Drain running = drain;
        if (running != null) {
            running.othersEnded();
        }
    }

    int redirectPort() {
        return redirectPort;
    }

    void redirectPort(int port) {
        redirectPort = port;
    }

    /** Whether connections end after their current exchange. */
    boolean isStopping() {
        return stopping;
    }

    void stop() {
        stopping = true;
    }

    /** Tells this drain of each client connection that ends from now on. */
    void draining(Drain run) {
        drain = run;
        run.othersEnded();
    }
}
