package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.proxy.transport.ClosingEventLoopGroup;
import dev.holdfast.dataplane.proxy.transport.HalfClosingEpollHandler;
import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.kqueue.KQueue;
import io.netty.channel.kqueue.KQueueIoHandler;
import io.netty.channel.kqueue.KQueueServerSocketChannel;
import io.netty.channel.kqueue.KQueueSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How sockets are driven on this machine. */
enum Transports {
    /** Linux. */
    EPOLL,
    /** macOS. */
    KQUEUE,
    /** Everywhere. */
    NIO;

    private static final Logger LOG = LoggerFactory.getLogger(Transports.class);

    /**
     * The native transport if a connection through it succeeds. That its library loads says too little: classes and
     * libraries of two versions load, bind and accept together, and fail at the first connect.
     */
    static Transports choose(ProxyConfig.Transport wanted) {
        return switch (wanted) {
            case NIO -> NIO;
            case NATIVE -> {
                Transports candidate = Epoll.isAvailable() ? EPOLL : KQueue.isAvailable() ? KQUEUE : NIO;
                yield candidate == NIO || candidate.connects() ? candidate : NIO;
            }
        };
    }

    IoHandlerFactory ioHandler() {
        return switch (this) {
            case EPOLL -> HalfClosingEpollHandler.newFactory();
            case KQUEUE -> KQueueIoHandler.newFactory();
            case NIO -> NioIoHandler.newFactory();
        };
    }

    Class<? extends ServerChannel> serverChannel() {
        return switch (this) {
            case EPOLL -> EpollServerSocketChannel.class;
            case KQUEUE -> KQueueServerSocketChannel.class;
            case NIO -> NioServerSocketChannel.class;
        };
    }

    private Class<? extends Channel> clientChannel() {
        return switch (this) {
            case EPOLL -> EpollSocketChannel.class;
            case KQUEUE -> KQueueSocketChannel.class;
            case NIO -> NioSocketChannel.class;
        };
    }

    private boolean connects() {
        var group = new ClosingEventLoopGroup(1, new DefaultThreadFactory("probe"), ioHandler());
        try {
            Channel server = new ServerBootstrap()
                    .group(group)
                    .channel(serverChannel())
                    .childHandler(new ChannelInboundHandlerAdapter())
                    .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                    .sync()
                    .channel();
            return new Bootstrap()
                    .group(group)
                    .channel(clientChannel())
                    .handler(new ChannelInboundHandlerAdapter())
                    .connect(server.localAddress())
                    .await(5, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } catch (Exception | LinkageError e) {
            LOG.warn("event=native_transport_unusable transport={} cause={}", this, e.toString());
            return false;
        } finally {
            group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        }
    }
}
