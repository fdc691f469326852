package dev.holdfast.dataplane.proxy.transport;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollSocketChannel;

/**
 * How much the kernel holds for a peer that does not read. Left alone it is up to 4 MiB to send and 6 MiB received per
 * connection, and it counts for the memory of the container: a thousand clients that do not read would end it.
 */
public final class SocketBuffers {
    /** Bytes that wait to be sent; what is on its way to a peer that reads is not bounded by it. */
    private static final long UNSENT_BYTES_MAX = 128 << 10;

    /** From a backend, which is near: enough for 100 MB/s at 5 ms. */
    private static final int BACKEND_RECEIVE_BYTES_MAX = 256 << 10;

    private SocketBuffers() {}

    /** Bounds a connection to a client. */
    public static void boundClient(Channel channel) {
        if (channel instanceof EpollSocketChannel) {
            channel.config().setOption(EpollChannelOption.TCP_NOTSENT_LOWAT, UNSENT_BYTES_MAX);
        }
    }

    /** Bounds a connection to a backend, before it is made. */
    public static void boundBackend(Channel channel) {
        boundClient(channel);
        channel.config().setOption(ChannelOption.SO_RCVBUF, BACKEND_RECEIVE_BYTES_MAX);
    }
}
