package dev.holdfast.e2e.traffic;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.websocketx.WebSocketClientProtocolConfig;
import io.netty.handler.codec.http.websocketx.WebSocketClientProtocolHandler;
import io.netty.handler.codec.http.websocketx.WebSocketVersion;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.net.InetAddress;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Tunnels that talk all the time and check every byte: each message carries its tunnel, its number and a body that
 * follows from both, and must come back exactly once and in order. What ends a tunnel before the fleet does is a drop.
 */
public final class TunnelFleet implements AutoCloseable {
    /** How often each tunnel sends. */
    private static final Duration PACE = Duration.ofMillis(250);

    private final EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final Counters counters = new Counters();
    private final List<FleetTunnel> tunnels = new ArrayList<>();
    private final SslContext tls;

    /** A fleet without tunnels. */
    public TunnelFleet() {
        try {
            tls = SslContextBuilder.forClient()
                    .sslProvider(SslProvider.JDK)
                    .trustManager(InsecureTrustManagerFactory.INSTANCE)
                    .endpointIdentificationAlgorithm("")
                    .build();
        } catch (javax.net.ssl.SSLException e) {
            throw new IllegalStateException(e);
        }
    }

    /** What a fleet counts; shared by its tunnels. */
    static final class Counters {
        final AtomicInteger open = new AtomicInteger();
        final AtomicInteger drops = new AtomicInteger();
        final AtomicLong bytesSent = new AtomicLong();
        final AtomicLong bytesBack = new AtomicLong();
        final AtomicLong bytesWrong = new AtomicLong();
        final AtomicLong messages = new AtomicLong();
        final AtomicReference<@Nullable String> firstDrop = new AtomicReference<>();
        volatile boolean ending;
    }

    /**
     * Opens {@code count} tunnels and starts to talk.
     *
     * @param target {@code ws} or {@code wss}; whatever the host, the connection goes to loopback at the URI's port
     */
    public void open(int count, URI target) throws InterruptedException {
        CountDownLatch opened = new CountDownLatch(count);
        for (int i = 0; i < count; i++) {
            FleetTunnel tunnel = new FleetTunnel(tunnels.size(), counters, opened, PACE);
            tunnels.add(tunnel);
            connect(tunnel, target);
            if (i % 50 == 49) {
                // A listener's backlog is bounded; a fleet is not an attack.
                Thread.sleep(20);
            }
        }
        if (!opened.await(60, TimeUnit.SECONDS)) {
            throw new IllegalStateException(
                    opened.getCount() + " of " + count + " tunnels did not open; first failure: " + firstDrop());
        }
    }

    private void connect(FleetTunnel tunnel, URI target) {
        boolean secure = target.getScheme().equals("wss");
        new Bootstrap()
                .group(group)
                .channel(NioSocketChannel.class)
                .handler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        if (secure) {
                            channel.pipeline()
                                    .addLast(tls.newHandler(channel.alloc(), target.getHost(), target.getPort()));
                        }
                        channel.pipeline()
                                .addLast(
                                        new HttpClientCodec(),
                                        new HttpObjectAggregator(1 << 16),
                                        new WebSocketClientProtocolHandler(WebSocketClientProtocolConfig.newBuilder()
                                                .webSocketUri(target)
                                                .version(WebSocketVersion.V13)
                                                .customHeaders(new DefaultHttpHeaders())
                                                .maxFramePayloadLength(1 << 20)
                                                .handshakeTimeoutMillis(30_000)
                                                .handleCloseFrames(false)
                                                .build()),
                                        tunnel);
                    }
                })
                .connect(InetAddress.getLoopbackAddress(), target.getPort());
    }

    /** Tunnels that ended before the fleet did. */
    public int drops() {
        return counters.drops.get();
    }

    /** Tunnels that are open. */
    public int openTunnels() {
        return counters.open.get();
    }

    /** Messages that came back so far. */
    public long messages() {
        return counters.messages.get();
    }

    /** What ended the first tunnel that dropped, or null. */
    public @Nullable String firstDrop() {
        return counters.firstDrop.get();
    }

    /** Stops sending and waits until everything sent is back; returns the bytes that are lost, repeated or wrong. */
    public long settle(Duration wait) throws InterruptedException {
        counters.ending = true;
        long deadline = System.nanoTime() + wait.toNanos();
        while (counters.bytesBack.get() < counters.bytesSent.get() && System.nanoTime() < deadline) {
            Thread.sleep(20);
        }
        return Math.abs(counters.bytesSent.get() - counters.bytesBack.get()) + counters.bytesWrong.get();
    }

    @Override
    public void close() {
        counters.ending = true;
        group.shutdownGracefully(0, 2, TimeUnit.SECONDS).syncUninterruptibly();
    }
}
