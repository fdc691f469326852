package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.dataplane.proxy.forwarded.ProxyProtocol;
import dev.holdfast.dataplane.proxy.forwarded.Scheme;
import dev.holdfast.dataplane.proxy.forwarded.TrustedProxies;
import dev.holdfast.dataplane.proxy.overload.AcceptRetryHandler;
import dev.holdfast.dataplane.proxy.overload.Overload;
import dev.holdfast.dataplane.proxy.telemetry.ProxyMetrics;
import dev.holdfast.dataplane.proxy.telemetry.RequestListener;
import dev.holdfast.dataplane.proxy.tls.BackendTlsContexts;
import dev.holdfast.dataplane.proxy.tls.SniLookupHandler;
import dev.holdfast.dataplane.proxy.tls.TlsContexts;
import dev.holdfast.dataplane.proxy.transport.ClosingEventLoopGroup;
import dev.holdfast.dataplane.proxy.transport.SocketBuffers;
import dev.holdfast.dataplane.proxy.tunnel.CloseFrame;
import dev.holdfast.dataplane.proxy.tunnel.Drain;
import dev.holdfast.dataplane.proxy.tunnel.DrainResult;
import dev.holdfast.dataplane.proxy.tunnel.TunnelListener;
import dev.holdfast.dataplane.proxy.tunnel.TunnelRegistry;
import dev.holdfast.dataplane.proxy.tunnel.Upgrades;
import dev.holdfast.dataplane.proxy.upstream.BackendConnector;
import dev.holdfast.dataplane.proxy.upstream.Upstreams;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.netty4.NettyAllocatorMetrics;
import io.micrometer.core.instrument.binder.netty4.NettyEventExecutorMetrics;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufAllocatorMetricProvider;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.EventExecutor;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Accepts traffic and serves it from the active table: each connection and its backends on one of a few threads. A
 * listener shares the thread of its first connections: a thread of its own would cost every connection two changes of
 * thread. Thread-safe.
 */
public final class ProxyServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ProxyServer.class);
    private static final CloseFrame GOING_AWAY = new CloseFrame(1001, "The proxy is shutting down");
    private static final int BACKLOG = 4_096;

    private final ProxyConfig config;
    private final FrontServices services;
    private final ProxyProtocol proxyProtocol;
    private final TlsContexts tls;
    private final TunnelRegistry tunnels;
    private final ProxyMetrics metrics;
    private final MeterRegistry registry;
    private volatile @Nullable MultiThreadIoEventLoopGroup loops;
    private @Nullable Channel http;
    private @Nullable Channel https;
    private boolean closed;

    /**
     * Who hears of the traffic.
     *
     * @param tunnels of every tunnel
     * @param requests of every request and upgrade; without any, nothing is made for them
     */
    public record Listeners(List<TunnelListener> tunnels, List<RequestListener> requests) {
        /** Copies the lists. */
        public Listeners {
            tunnels = List.copyOf(tunnels);
            requests = List.copyOf(requests);
        }
    }

    /** As with {@link Listeners}, of tunnels alone. */
    public ProxyServer(
            ProxyConfig config, ActiveRoutes routes, MeterRegistry registry, List<TunnelListener> listeners) {
        this(config, routes, registry, new Listeners(listeners, List.of()));
    }

    /** Joins the swaps of {@code routes}. Nothing is bound before {@link #start()}. */
    public ProxyServer(ProxyConfig config, ActiveRoutes routes, MeterRegistry registry, Listeners listeners) {
        this.config = config;
        this.metrics = new ProxyMetrics(registry);
        this.tls = new TlsContexts(registry);
        this.proxyProtocol = new ProxyProtocol(config.proxyProtocolFrom(), registry);
        this.tunnels = new TunnelRegistry(listeners.tunnels(), metrics, config.tunnels());
        Upstreams upstreams = new Upstreams(config.zone());
        BackendTlsContexts backendTls = new BackendTlsContexts();
        BackendConnector connector = new BackendConnector(backendTls, config.keepAlive());
        Upgrades upgrades = new Upgrades(new Upgrades.Parts(upstreams, connector, tunnels, metrics, config.tunnels()));
        this.registry = registry;
        FrontServices.Parts parts = new FrontServices.Parts(
                config,
                routes,
                upstreams,
                connector,
                upgrades,
                metrics,
                new TrustedProxies(config.trustedProxies()),
                listeners.requests().isEmpty() ? null : RequestListener.all(listeners.requests()));
        this.services = new FrontServices(
                parts,
                connections -> new Overload(
                        config.overload(), connections, () -> tunnels.open() + tunnels.upgrading(), registry));
        Gauge.builder(
                        "holdfast.http.connections",
                        services,
                        shared -> shared.fronts().size())
                .description("Client connections that speak HTTP now; tunnels are counted apart")
                .register(registry);
        if (ByteBufAllocator.DEFAULT instanceof ByteBufAllocatorMetricProvider allocator) {
            new NettyAllocatorMetrics(allocator).bindTo(registry);
        }
        routes.join(tls);
        routes.join(backendTls);
        routes.join(upstreams);
        routes.join(metrics);
        routes.join(this::prepare);
    }

    /**
     * Binds the listeners.
     *
     * @throws IOException naming the address that cannot be bound; nothing is left open then
     */
    public synchronized void start() throws IOException {
        Transports transport = Transports.choose(config.transport());
        MultiThreadIoEventLoopGroup serving = new ClosingEventLoopGroup(
                config.eventLoops(), new DefaultThreadFactory("proxy"), transport.ioHandler());
        loops = serving;
        new NettyEventExecutorMetrics(serving).bindTo(registry);
        onEveryLoop(serving, (loop, ready) -> {
            services.open(loop);
            ready.complete(null);
        });
        try {
            if (config.http() != null) {
                http = bind(transport, serving, config.http(), Scheme.HTTP);
            }
            if (config.https() != null) {
                https = bind(transport, serving, config.https(), Scheme.HTTPS);
            }
        } catch (IOException e) {
            close();
            throw e;
        }
        services.redirectPort(config.redirectPort() != 0 ? config.redirectPort() : Math.max(httpsPort(), 0));
        LOG.info(
                "event=proxy_started transport={} loops={} http={} https={}",
                transport,
                config.eventLoops(),
                httpPort(),
                httpsPort());
    }

    /**
     * Binds a listener. One that runs out of file descriptors stays open and loses nobody it has: it rests
     * and tries again, and who knocks meanwhile waits in the backlog ({@link AcceptRetryHandler}).
     */
    private Channel bind(
            Transports transport, MultiThreadIoEventLoopGroup serving, InetSocketAddress address, Scheme scheme)
            throws IOException {
        ServerBootstrap bootstrap = new ServerBootstrap()
                .group(serving)
                .channel(transport.serverChannel())
                .option(ChannelOption.SO_BACKLOG, BACKLOG)
                .option(ChannelOption.SO_REUSEADDR, true)
                .handler(new AcceptRetryHandler(registry))
                .childOption(ChannelOption.RECVBUF_ALLOCATOR, receives(scheme))
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        initialise(channel, scheme);
                    }
                });
        if (transport == Transports.EPOLL) {
            config.keepAlive().bequeath(bootstrap);
            SocketBuffers.bequeath(bootstrap);
        }
        ChannelFuture bound = bootstrap.bind(address).awaitUninterruptibly();
        if (!bound.isSuccess()) {
            throw new IOException(
                    "proxy." + scheme.text() + ": " + address
                            + " cannot be bound (expected: a free address of this host)",
                    bound.cause());
        }
        return bound.channel();
    }

    private static RecvByteBufAllocator receives(Scheme scheme) {
        return switch (scheme) {
            case HTTP -> BackendConnector.plainReceives();
            case HTTPS -> BackendConnector.tlsReceives();
        };
    }

    private void initialise(Channel channel, Scheme scheme) {
        if (!(channel instanceof EpollSocketChannel)) {
            config.keepAlive().apply(channel);
        }
        proxyProtocol.install(channel);
        FrontHandler front = new FrontHandler(services, channel, scheme);
        switch (scheme) {
            case HTTP -> {}
            case HTTPS ->
                channel.pipeline()
                        .addLast(new SniLookupHandler(tls, config.limits().tlsHandshakeTimeout(), front::sni));
        }
        front.install();
    }

    /** The port of the plain listener, or -1 without one. */
    public synchronized int httpPort() {
        return port(http);
    }

    /** The port of the TLS listener, or -1 without one. */
    public synchronized int httpsPort() {
        return port(https);
    }

    private static int port(@Nullable Channel listener) {
        return listener != null && listener.localAddress() instanceof InetSocketAddress bound ? bound.getPort() : -1;
    }

    /**
     * Connections on which a request has begun, since the start. Those that say nothing, as many a load balancer's checks,
     * are not among them.
     */
    public long newcomers() {
        return services.newcomers();
    }

    /** Closes the listeners; a kept-alive connection ends after its current exchange. Tunnels stay. */
    public synchronized void stopAccepting() {
        services.stop();
        closeListeners();
        for (FrontHandler front : services.fronts()) {
            front.channel().eventLoop().execute(front::stopWhenIdle);
        }
    }

    private void closeListeners() {
        if (http != null) {
            http.close().awaitUninterruptibly(1, TimeUnit.SECONDS);
        }
        if (https != null) {
            https.close().awaitUninterruptibly(1, TimeUnit.SECONDS);
        }
    }

    /** Takes the series of routes that are gone for long out of the registry; call it before the registry is read. */
    public void forgetGoneRoutes() {
        metrics.sweepNowAndThen();
    }

    /**
     * Ends every tunnel with a Close frame 1001, spread over {@code window}; what is left behind it is cut. Exchanges
     * under way have the window too, and their connections the time to take the answer: none is cut for want of tunnels.
     * Stop accepting first, or a kept-alive connection is waited for as well.
     */
    public CompletableFuture<DrainResult> drain(Duration window) {
        Drain drain = tunnels.drain(window, GOING_AWAY, () -> services.fronts().size());
        services.draining(drain);
        metrics.draining(drain::remaining);
        return drain.result().toCompletableFuture();
    }

    /** Ends everything at once. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        services.stop();
        closeListeners();
        MultiThreadIoEventLoopGroup serving = loops;
        if (serving != null && !serving.isShuttingDown()) {
            onEveryLoop(serving, (loop, ended) -> {
                tunnels.cut(loop);
                services.pool().close();
                for (FrontHandler front : services.fronts()) {
                    if (front.channel().eventLoop().inEventLoop()) {
                        front.channel().close();
                    }
                }
                ended.complete(null);
            });
            serving.shutdownGracefully(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(5, TimeUnit.SECONDS);
        }
        tls.close();
    }

    private ActiveRoutes.Prepared prepare(ActiveTable next) {
        return new ActiveRoutes.Prepared() {
            @Override
            public void adopt() {
                MultiThreadIoEventLoopGroup serving = loops;
                if (serving != null && !serving.isShuttingDown()) {
                    serving.forEach(loop -> loop.execute(() -> services.pool().retain(next)));
                }
            }

            @Override
            public void discard() {}
        };
    }

    private static void onEveryLoop(
            MultiThreadIoEventLoopGroup group, BiConsumer<EventLoop, CompletableFuture<@Nullable Void>> task) {
        for (EventExecutor executor : group) {
            if (executor instanceof EventLoop loop) {
                CompletableFuture<@Nullable Void> done = new CompletableFuture<>();
                loop.execute(() -> task.accept(loop, done));
                done.orTimeout(5, TimeUnit.SECONDS).exceptionally(late -> null).join();
            }
        }
    }
}
