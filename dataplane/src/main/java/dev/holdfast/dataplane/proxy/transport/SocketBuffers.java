package dev.holdfast.dataplane.proxy.transport;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.unix.IntegerUnixChannelOption;

/**
 * How much the kernel takes for a peer that does not read. Left alone it is up to 4 MiB per connection, and it counts for
 * the memory of the container: a thousand clients that do not read could end it.
 */
public final class SocketBuffers {
    /** Bytes that wait to be sent, beside what is on its way; 128 KiB cost a fifth more processor time per byte. */
    private static final int UNSENT_BYTES_MAX = 512 << 10;

    /** {@code linux/tcp.h}; Netty has it for connections alone. */
    private static final IntegerUnixChannelOption TCP_NOTSENT_LOWAT =
            new IntegerUnixChannelOption("TCP_NOTSENT_LOWAT", 6, 25);

    private SocketBuffers() {}

    /** Bounds the connections of clients that a listener of Linux accepts, which inherit it. */
    public static void bequeath(ServerBootstrap listener) {
        listener.option(TCP_NOTSENT_LOWAT, UNSENT_BYTES_MAX);
    }

    /** Bounds a connection to a backend. */
    public static void boundBackend(Channel channel) {
        if (channel instanceof EpollSocketChannel) {
            channel.config().setOption(EpollChannelOption.TCP_NOTSENT_LOWAT, (long) UNSENT_BYTES_MAX);
        }
    }
}
