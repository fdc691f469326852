package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.proxy.tunnel.DrainResult;
import dev.holdfast.dataplane.proxy.tunnel.TunnelListener;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Accepts traffic and serves it from the active table. Thread-safe. */
public final class ProxyServer implements AutoCloseable {
    private final ProxyConfig config;

    /** Joins the swaps of {@code routes}. Nothing is bound before {@link #start()}. */
    public ProxyServer(
            ProxyConfig config, ActiveRoutes routes, MeterRegistry registry, List<TunnelListener> listeners) {
        this.config = config;
    }

    /**
     * Binds the listeners.
     *
     * @throws IOException naming the address that cannot be bound; nothing is left open then
     */
    public void start() throws IOException {}

    /** The port of the plain listener, or -1 without one. */
    public int httpPort() {
        return config.http() == null ? -1 : config.http().getPort();
    }

    /** The port of the TLS listener, or -1 without one. */
    public int httpsPort() {
        return config.https() == null ? -1 : config.https().getPort();
    }

    /** Closes the listeners; a kept-alive connection ends after its current exchange. Tunnels stay. */
    public void stopAccepting() {}

    /** Ends every tunnel with a Close frame 1001, spread over {@code window}; what is left behind it is cut. */
    public CompletableFuture<DrainResult> drain(Duration window) {
        return CompletableFuture.completedFuture(new DrainResult(0, 0));
    }

    /** Ends everything at once. */
    @Override
    public void close() {}
}
