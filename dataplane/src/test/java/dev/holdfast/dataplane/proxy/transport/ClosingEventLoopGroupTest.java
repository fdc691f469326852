package dev.holdfast.dataplane.proxy.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a loop that ends leaves open: nothing. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class ClosingEventLoopGroupTest {
    private static final int WAIT_MILLIS = 20_000;

    @Test
    void aLoopThatIsToldToStopWhileItRunsItsTasksClosesItsChannels() throws Exception {
        assertThatNothingStaysOpen(HalfClosingEpollHandler.newFactory(), EpollServerSocketChannel.class);
    }

    @Test
    void soDoesALoopOfNio() throws Exception {
        assertThatNothingStaysOpen(NioIoHandler.newFactory(), NioServerSocketChannel.class);
    }

    private static void assertThatNothingStaysOpen(IoHandlerFactory handlers, Class<? extends ServerChannel> type)
            throws Exception {
        // Given
        Watch watch = new Watch();
        var loops = new ClosingEventLoopGroup(1, new DefaultThreadFactory("closing"), handlers);
        Channel server = new ServerBootstrap()
                .group(loops)
                .channel(type)
                .childHandler(watch)
                .bind(InetAddress.getLoopbackAddress(), 0)
                .sync()
                .channel();
        int port = ((InetSocketAddress) server.localAddress()).getPort();
        try (Socket client = new Socket(InetAddress.getLoopbackAddress(), port)) {
            client.setSoTimeout(WAIT_MILLIS);
            assertThat(watch.active.await(WAIT_MILLIS, TimeUnit.MILLISECONDS)).isTrue();
            // When
            loops.next().execute(() -> loops.shutdownGracefully(0, 5, TimeUnit.SECONDS));
            assertThat(loops.terminationFuture().await(WAIT_MILLIS)).isTrue();
            // Then
            assertThat(watch.removed.getCount()).isZero();
            assertThat(server.isOpen()).isFalse();
            assertThat(client.getInputStream().read()).isEqualTo(-1);
        }
    }

    /** Sees one channel. */
    private static final class Watch extends ChannelInboundHandlerAdapter {
        private final CountDownLatch active = new CountDownLatch(1);
        private final CountDownLatch removed = new CountDownLatch(1);

        @Override
        public void channelActive(ChannelHandlerContext ctx) {
            active.countDown();
        }

        @Override
        public void handlerRemoved(ChannelHandlerContext ctx) {
            removed.countDown();
        }
    }
}
