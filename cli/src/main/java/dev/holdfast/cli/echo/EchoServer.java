package dev.holdfast.cli.echo;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/**
 * The built-in backends, each with a name and a loopback port of its own. Any of them echoes tunnels, shows a test page
 * to browsers, and tells everyone else as JSON what it received.
 */
public final class EchoServer implements AutoCloseable {
    private static final int BACKENDS_MAX = 64;
    private static final int BODY_BYTES_MAX = 1 << 20;
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,62}");

    private final EventLoopGroup group = new MultiThreadIoEventLoopGroup(
            1, Thread.ofPlatform().daemon().name("holdfast-echo").factory(), NioIoHandler.newFactory());
    private final Map<String, Channel> backends = new TreeMap<>();

    /**
     * The port of the backend with that name; starts it when it is new.
     *
     * @throws IllegalArgumentException if the name is not usable, or there are too many
     */
    public synchronized int port(String name) {
        Channel backend = backends.get(name);
        if (backend == null) {
            if (!NAME.matcher(name).matches()) {
                throw new IllegalArgumentException(
                        "builtin:echo/" + name + ": expected letters, digits, dots or dashes behind the slash");
            }
            if (backends.size() >= BACKENDS_MAX) {
                throw new IllegalArgumentException("builtin:echo/" + name + ": expected at most " + BACKENDS_MAX
                        + " echo backends; use one of " + backends.keySet());
            }
            backend = bind(name, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            backends.put(name, backend);
        }
        return portOf(backend);
    }

    /**
     * Starts a backend at an address of its own, beside those above; returns its port.
     *
     * @throws IOException if the address cannot be bound
     */
    public int listen(String name, InetSocketAddress address) throws IOException {
        // Netty throws what went wrong as it is, undeclared.
        return portOf(bind(name, address));
    }

    /** The name of the backend with that port, or empty. */
    public synchronized String nameOf(int port) {
        return backends.entrySet().stream()
                .filter(entry -> portOf(entry.getValue()) == port)
                .map(Map.Entry::getKey)
                .findFirst()
                .orElse("");
    }

    private static int portOf(Channel backend) {
        return ((InetSocketAddress) backend.localAddress()).getPort();
    }

    private Channel bind(String name, InetSocketAddress address) {
        return new ServerBootstrap()
                .group(group)
                .channel(NioServerSocketChannel.class)
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel channel) {
                        channel.pipeline()
                                .addLast(
                                        new HttpServerCodec(),
                                        new HttpObjectAggregator(BODY_BYTES_MAX),
                                        new EchoRequestHandler(name));
                    }
                })
                .bind(address)
                .syncUninterruptibly()
                .channel();
    }

    @Override
    public void close() {
        group.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2_000);
    }
}
