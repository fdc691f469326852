package dev.holdfast.dataplane.proxy.transport;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.unix.IntegerUnixChannelOption;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How the kernel finds out that a peer is gone without a word: probes on a silent connection (RFC 9293 §3.8.4) and a
 * bound on unacknowledged data (RFC 5482). The times hold on Linux; elsewhere the system's own do.
 *
 * @param idleSeconds of silence before the first probe
 * @param intervalSeconds between probes
 * @param probes without an answer that end the connection
 * @param unacknowledgedMillis how long sent bytes may stay unacknowledged, or a closed window closed
 */
public record KeepAlive(int idleSeconds, int intervalSeconds, int probes, int unacknowledgedMillis) {
    private static final int PROBES = 4;

    // Levels and names of socket.h and tcp.h: Netty knows them of connections alone.
    private static final IntegerUnixChannelOption SO_KEEPALIVE = new IntegerUnixChannelOption("SO_KEEPALIVE", 1, 9);
    private static final IntegerUnixChannelOption TCP_KEEPIDLE = new IntegerUnixChannelOption("TCP_KEEPIDLE", 6, 4);
    private static final IntegerUnixChannelOption TCP_KEEPINTVL = new IntegerUnixChannelOption("TCP_KEEPINTVL", 6, 5);
    private static final IntegerUnixChannelOption TCP_KEEPCNT = new IntegerUnixChannelOption("TCP_KEEPCNT", 6, 6);
    private static final IntegerUnixChannelOption TCP_USER_TIMEOUT =
            new IntegerUnixChannelOption("TCP_USER_TIMEOUT", 6, 18);

    /** Notices within two minutes. */
    public static final KeepAlive DEFAULT = within(Duration.ofMinutes(2));

    /**
     * Notices a peer that is gone within {@code budget}: half of it in silence, the other half probing. A peer that
     * answers but reads nothing may take the whole of it: pausing is no offence.
     */
    public static KeepAlive within(Duration budget) {
        long millis = budget.toMillis();
        if (millis < 4_000 || millis > 86_400_000) {
            throw new IllegalArgumentException("silentPeerTimeout: " + budget + " (expected: 4 s to a day)");
        }
        return new KeepAlive((int) (millis / 2_000), (int) Math.max(1, millis / 8_000), PROBES, (int) millis);
    }

    /** Whether a connection failed because its peer acknowledged nothing: {@code ETIMEDOUT}, by the words of the C library. */
    public static boolean isTimeout(@Nullable Throwable failure) {
        String text = failure instanceof IOException ? failure.getMessage() : null;
        return text != null && (text.endsWith("Connection timed out") || text.endsWith("Operation timed out"));
    }

    /** Sets the options at a listener of Linux, whose accepted sockets inherit them: a system call less for each. */
    public void bequeath(ServerBootstrap listener) {
        listener.option(SO_KEEPALIVE, 1)
                .option(TCP_KEEPIDLE, idleSeconds)
                .option(TCP_KEEPINTVL, intervalSeconds)
                .option(TCP_KEEPCNT, probes)
                .option(TCP_USER_TIMEOUT, unacknowledgedMillis);
    }

    /**
     * Sets the options of a socket of Linux that has left its channel.
     *
     * @throws IOException if the connection is broken already
     */
    public void apply(Socket socket) throws IOException {
        set(socket, SO_KEEPALIVE, 1);
        set(socket, TCP_KEEPIDLE, idleSeconds);
        set(socket, TCP_KEEPINTVL, intervalSeconds);
        set(socket, TCP_KEEPCNT, probes);
        set(socket, TCP_USER_TIMEOUT, unacknowledgedMillis);
    }

    private static void set(Socket socket, IntegerUnixChannelOption option, int value) throws IOException {
        socket.setIntOpt(option.level(), option.optname(), value);
    }

    /** Sets the options. */
    public void apply(Channel channel) {
        channel.config().setOption(ChannelOption.SO_KEEPALIVE, true);
        if (channel instanceof EpollSocketChannel) {
            channel.config().setOption(EpollChannelOption.TCP_KEEPIDLE, idleSeconds);
            channel.config().setOption(EpollChannelOption.TCP_KEEPINTVL, intervalSeconds);
            channel.config().setOption(EpollChannelOption.TCP_KEEPCNT, probes);
            channel.config().setOption(EpollChannelOption.TCP_USER_TIMEOUT, unacknowledgedMillis);
        }
    }
}
