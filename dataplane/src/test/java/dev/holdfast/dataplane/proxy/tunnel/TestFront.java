package dev.holdfast.dataplane.proxy.tunnel;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.proxy.telemetry.ProxyMetrics;
import dev.holdfast.dataplane.proxy.transport.ClosingEventLoopGroup;
import dev.holdfast.dataplane.proxy.transport.HalfClosingEpollHandler;
import dev.holdfast.dataplane.proxy.upstream.BackendConnector;
import dev.holdfast.dataplane.proxy.upstream.BackendTlsHandlers;
import dev.holdfast.dataplane.proxy.upstream.ClientKey;
import dev.holdfast.dataplane.proxy.upstream.CookieSecurity;
import dev.holdfast.dataplane.proxy.upstream.Upstreams;
import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.EndpointGroup.Endpoint;
import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.Timeouts;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.VirtualHost;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.ssl.SslContext;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.EventExecutor;
import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The least that can stand in front of upgrades: it parses a request and hands it over. */
final class TestFront implements AutoCloseable {
    static final String KEY = "dGhlIHNhbXBsZSBub25jZQ==";
    static final String REQUEST = "GET /chat?x=1 HTTP/1.1\r\nHost: app.test\r\nConnection: keep-alive, Upgrade\r\n"
            + "Upgrade: h2c, websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + "\r\n"
            + "Sec-WebSocket-Protocol: chat, mqtt\r\nSec-WebSocket-Extensions: permessage-deflate; x=\"a,b\"\r\n\r\n";
    static final Timeouts TIMEOUTS = new Timeouts(Duration.ofSeconds(2), Duration.ofSeconds(5), Duration.ofMinutes(5));

    final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    final ProxyMetrics metrics = new ProxyMetrics(meters);
    final Upstreams upstreams = new Upstreams(null);
    final ActiveRoutes active = new ActiveRoutes();
    final Queue<TunnelInfo> opened = new ConcurrentLinkedQueue<>();
    final Queue<TunnelEnd> closed = new ConcurrentLinkedQueue<>();
    /** Hears of every end before {@link #closed} does. */
    volatile Consumer<TunnelEnd> firstListener = end -> {};

    /** Only those of tunnels that are relayed through them may be touched once a tunnel stands. */
    final Queue<Channel> clients = new ConcurrentLinkedQueue<>();

    /** What becomes of a request's head before it is handed over. */
    volatile UnaryOperator<HttpRequest> heads = UnaryOperator.identity();

    final TunnelRegistry registry;
    private final Upgrades upgrades;
    private final MultiThreadIoEventLoopGroup loops =
            new ClosingEventLoopGroup(2, new DefaultThreadFactory("proxy"), HalfClosingEpollHandler.newFactory());
    private final Channel server;
    private int version;

    TestFront() {
        this(Relaying.DIRECT);
    }

    TestFront(Relaying relaying) {
        this(relaying.of(new TunnelSettings(Duration.ofMillis(600), Duration.ofSeconds(2), null)));
    }

    TestFront(TunnelSettings settings) {
        this(
                settings,
                (upstream, host, peer, alloc) -> {
                    throw new IllegalStateException("no TLS in this test");
                },
                null);
    }

    TestFront(TunnelSettings settings, BackendTlsHandlers tls, @Nullable SslContext serverTls) {
        active.join(upstreams);
        active.join(metrics);
        registry = new TunnelRegistry(
                List.of(
                        new TunnelListener() {
                            @Override
                            public void opened(TunnelInfo tunnel) {
                                opened.add(tunnel);
                            }

                            @Override
                            public void closed(TunnelInfo tunnel, TunnelEnd end) {
                                firstListener.accept(end);
                            }
                        },
                        new TunnelListener() {
                            @Override
                            public void opened(TunnelInfo tunnel) {}

                            @Override
                            public void closed(TunnelInfo tunnel, TunnelEnd end) {
                                closed.add(end);
                            }
                        }),
                metrics,
                settings);
        upgrades = new Upgrades(new Upgrades.Parts(upstreams, new BackendConnector(tls), registry, metrics, settings));
        server = new ServerBootstrap()
                .group(loops)
                .channel(EpollServerSocketChannel.class)
                .childOption(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(65_536))
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        clients.add(channel);
                        if (serverTls != null) {
                            channel.pipeline().addLast(serverTls.newHandler(channel.alloc()));
                        }
                        channel.pipeline().addLast(new HttpServerCodec(), new FrontHandler());
                    }
                })
                .bind(InetAddress.getLoopbackAddress(), 0)
                .syncUninterruptibly()
                .channel();
    }

    int port() {
        return ((InetSocketAddress) server.localAddress()).getPort();
    }

    Wire client() {
        return Wire.connect(port());
    }

    /** Routes everything to these ports of loopback. */
    void route(int... ports) {
        route(TIMEOUTS, ports);
    }

    void route(Timeouts timeouts, int... ports) {
        List<Endpoint> endpoints = java.util.Arrays.stream(ports)
                .mapToObj(port -> Endpoint.ready("127.0.0.1", port))
                .toList();
        route(timeouts, new Upstream("up", "group", null, Balancing.DEFAULT), endpoints);
    }

    void route(Timeouts timeouts, Upstream upstream, List<Endpoint> endpoints) {
        Route route = new Route(
                "WebSocketRoute/shop/chat/0/0",
                new Route.Owner("WebSocketRoute", "shop", "chat"),
                RouteMatch.ALL,
                new RouteAction.Forward(
                        List.of(new RouteAction.WeightedUpstream(upstream.id(), 1)),
                        Rewrite.NONE,
                        HeaderChanges.NONE,
                        HeaderChanges.NONE,
                        timeouts),
                Route.Plaintext.SERVE);
        swap(RouteTable.of(
                List.of(new VirtualHost(HostPattern.ANY, null, List.of(route))),
                List.of(upstream),
                List.of(new EndpointGroup("group", endpoints)),
                List.of()));
    }

    void swap(RouteTable table) {
        active.swap(new TableVersion(++version, "0".repeat(64)), table);
    }

    double counter(String name, String... labels) {
        return meters.find(name).tags(labels).counters().stream()
                .mapToDouble(counter -> counter.count())
                .sum();
    }

    /** Tells every tunnel now; a drain would choose a moment of its window. */
    void tell(CloseFrame word) {
        for (EventExecutor loop : loops) {
            loop.submit(() -> registry.of((EventLoop) loop).open().forEach(tunnel -> tunnel.drain(word)))
                    .syncUninterruptibly();
        }
    }

    /** Sends whole frames until the tunnel holds some for the client, which must not read. Returns all that was sent. */
    byte[] flood(Wire server) throws InterruptedException {
        byte[] frame = Frames.frame(0x82, new byte[8_000], false);
        ByteArrayOutputStream sent = new ByteArrayOutputStream();
        while (meters.get("holdfast.backpressure.paused.tunnels")
                        .tag("direction", "from_backend")
                        .tag("route", "chat")
                        .gauge()
                        .value()
                == 0) {
            server.send(frame);
            sent.writeBytes(frame);
            // Each is read by itself, so that what is held ends with a whole one.
            Thread.sleep(1);
        }
        return sent.toByteArray();
    }

    /** Runs it on every loop, which does nothing else meanwhile. */
    void onEveryLoop(Runnable task) {
        loops.forEach(loop -> loop.execute(task));
    }

    /** How many tunnels have left their channels. */
    int direct() {
        int direct = 0;
        for (EventExecutor loop : loops) {
            direct += loop.submit(() -> (int) registry.of((EventLoop) loop).open().stream()
                            .filter(RelayedTunnel::isDirect)
                            .count())
                    .syncUninterruptibly()
                    .getNow();
        }
        return direct;
    }

    /** Cuts every tunnel and upgrade. */
    void cut() {
        loops.forEach(loop -> loop.submit(() -> registry.cut((EventLoop) loop)).syncUninterruptibly());
    }

    @Override
    public void close() {
        server.close().syncUninterruptibly();
        // What a tunnel still has open, and what never became one, the loops close at their end.
        cut();
        loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
    }

    private final class FrontHandler extends ChannelInboundHandlerAdapter implements UpgradeResponses {
        private @Nullable HttpRequest request;

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            if (message instanceof HttpRequest head) {
                request = head;
            }
            HttpRequest head = request;
            if (message instanceof LastHttpContent && head != null) {
                begin(ctx, head);
            }
            ReferenceCountUtil.release(message);
        }

        private void begin(ChannelHandlerContext ctx, HttpRequest head) {
            var table = active.active();
            if (table == null) {
                throw new IllegalStateException("no table");
            }
            Route route = table.table()
                    .virtualHosts()
                    .firstEntry()
                    .getValue()
                    .routes()
                    .getFirst();
            InetSocketAddress peer = (InetSocketAddress) ctx.channel().remoteAddress();
            upgrades.begin(
                    table,
                    new UpgradeRequest(
                            ctx.channel(),
                            heads.apply(head),
                            route,
                            (RouteAction.Forward) route.action(),
                            new ClientKey(peer.getAddress(), head.headers().getAll(HttpHeaderNames.COOKIE)),
                            new UpgradeRequest.Client(
                                    peer, CookieSecurity.PLAIN, null, "app.test", "/chat", "r1", System.nanoTime()),
                            new UpgradeRequest.Offer(
                                    head.headers().get(HttpHeaderNames.SEC_WEBSOCKET_KEY, ""),
                                    List.of("chat", "mqtt"),
                                    List.of("permessage-deflate")),
                            this,
                            null));
        }

        @Override
        public void prepare(HttpResponse response, @Nullable String stickyCookie) {
            response.headers().remove("Connection").remove("Keep-Alive").remove("Upgrade");
            if (stickyCookie != null) {
                response.headers().add("Set-Cookie", stickyCookie);
            }
        }

        @Override
        public FullHttpResponse local(HttpResponseStatus status, String text) {
            var body = Unpooled.copiedBuffer(text, StandardCharsets.UTF_8);
            FullHttpResponse response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, body);
            response.headers().set("Content-Length", body.readableBytes());
            return response;
        }
    }
}
