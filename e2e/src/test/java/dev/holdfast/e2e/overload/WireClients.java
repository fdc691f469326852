package dev.holdfast.e2e.overload;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.Supplier;

/** Many raw connections from one thread. */
final class WireClients implements AutoCloseable {
    private final EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final SslContext tls;

    WireClients() throws javax.net.ssl.SSLException {
        tls = SslContextBuilder.forClient()
                .sslProvider(SslProvider.JDK)
                .trustManager(InsecureTrustManagerFactory.INSTANCE)
                .endpointIdentificationAlgorithm("")
                .build();
    }

    /** Opens connections to a port of loopback, over TLS if {@code tlsName} is not empty. */
    List<WireClient> open(int count, int port, String tlsName, Supplier<WireClient> kind) throws InterruptedException {
        List<WireClient> clients = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            WireClient client = kind.get();
            clients.add(client);
            connect(client, port, tlsName);
            if (i % 50 == 49) {
                Thread.sleep(10);
            }
        }
        return clients;
    }

    private void connect(WireClient client, int port, String tlsName) {
        new Bootstrap()
                .group(group)
                .channel(NioSocketChannel.class)
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .handler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        client.configure(channel);
                        if (!tlsName.isEmpty()) {
                            SslHandler handler = tls.newHandler(channel.alloc(), tlsName, port);
                            // A thousand at once on a busy machine; who waits for them says how long.
                            handler.setHandshakeTimeoutMillis(0);
                            channel.pipeline().addLast(handler);
                        }
                        channel.pipeline().addLast(client);
                    }
                })
                .connect(InetAddress.getLoopbackAddress(), port)
                .addListener(connected -> {
                    if (!connected.isSuccess()) {
                        client.unconnected(connected.cause());
                    }
                });
    }

    /** Waits until all are as wanted. */
    static void await(List<WireClient> clients, String what, Predicate<WireClient> wanted, Duration wait)
            throws InterruptedException {
        long deadline = System.nanoTime() + wait.toNanos();
        while (!clients.stream().allMatch(wanted)) {
            if (System.nanoTime() > deadline) {
                List<WireClient> others =
                        clients.stream().filter(wanted.negate()).toList();
                assertThat(others.size())
                        .as("of %d clients not %s; first: %s", clients.size(), what, others.getFirst())
                        .isZero();
            }
            Thread.sleep(20);
        }
    }

    @Override
    public void close() {
        group.shutdownGracefully(0, 2, TimeUnit.SECONDS).syncUninterruptibly();
    }
}
