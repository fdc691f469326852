package dev.holdfast.dataplane.proxy.tunnel;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.socket.DuplexChannel;
import io.netty.channel.unix.Socket;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.nio.channels.NotYetConnectedException;

/** The end of a stream towards a peer: FIN behind all that was written, over TLS close_notify and then FIN. */
final class StreamEnd {
    private StreamEnd() {}

    /** Sends it, and calls back whether it could be sent or not. What the peer sends is still read. */
    static void send(Channel sink, Runnable done) {
        ChannelHandlerContext tls = sink.pipeline().context(SslHandler.class);
        if (tls == null) {
            fin(sink.writeAndFlush(Unpooled.EMPTY_BUFFER), sink, done);
            return;
        }
        // Flushing encrypts all that is queued; only then may the engine be told to close.
        sink.flush();
        // The FIN too: a client may wait for the end of the TCP connection (RFC 6455 section 7.1.1), and not every TLS
        // takes close_notify for it. The empty write, past the engine, comes behind every record that waits.
        ((SslHandler) tls.handler())
                .closeOutbound()
                .addListener(closed -> fin(tls.writeAndFlush(Unpooled.EMPTY_BUFFER), sink, done));
    }

    private static void fin(Future<?> flush, Channel sink, Runnable done) {
        flush.addListener(flushed -> {
            if (flushed.isSuccess()
                    && sink instanceof EpollSocketChannel epoll
                    && epoll.fd() instanceof Socket socket) {
                fin(socket);
                done.run();
            } else if (flushed.isSuccess() && sink instanceof DuplexChannel duplex) {
                duplex.shutdownOutput().addListener(ended -> done.run());
            } else {
                done.run();
            }
        });
    }

    /** Past the channel, which would make an exception with its trace for writes that nobody has queued. */
    private static void fin(Socket socket) {
        try {
            socket.shutdown(false, true);
        } catch (IOException | NotYetConnectedException e) {
            // The connection broke: nothing is left to tell its peer, and its own events tell us.
        }
    }
}
