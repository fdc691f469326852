package dev.holdfast.dataplane.proxy.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.IoEvent;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoRegistration;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoEvent;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.unix.Socket;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Which events reach whom. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class HalfClosingEpollHandlerTest {
    private static final EpollIoOps READS = EpollIoOps.EPOLLIN.with(EpollIoOps.EPOLLRDHUP);

    private final MultiThreadIoEventLoopGroup loops =
            new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("reuse"), HalfClosingEpollHandler.newFactory());
    private final IoEventLoop loop = loops.next();
    private final ServerSocket server;
    private final List<AutoCloseable> open = new ArrayList<>();

    HalfClosingEpollHandlerTest() throws IOException {
        server = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
    }

    @AfterEach
    void stop() throws Exception {
        loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
        for (AutoCloseable socket : open) {
            socket.close();
        }
        server.close();
    }

    @Test
    void aSocketThatGetsTheNumberOfAClosedOneHearsNothingOfItsEvents() throws Exception {
        Reuse reuse;
        do {
            // Another thread of this process can be quicker to take the number: then once more.
            // Given two sockets whose peers have ended, so that one wait of the loop reports both
            reuse = new Reuse(connected(), connected());
            for (int i = 0; i < 2; i++) {
                server.accept().close();
            }
            // When the one that is told first closes the other, whose number goes to a new socket
            loop.submit(reuse::begin).get();
            reuse.happened.get();
        } while (!reuse.numberWasReused);
        // Then that one hears only of what its own peer does
        try (java.net.Socket peer = server.accept()) {
            peer.getOutputStream().write('x');
            assertThat(reuse.newcomerHeard.take()).isEqualTo(EpollIoOps.EPOLLIN.value());
        }
    }

    @Test
    void aSocketWhoseHandlerFailsIsClosedAndTheOthersOfTheLoopGoOn() throws Exception {
        // Given
        BlockingQueue<Integer> heard = new LinkedBlockingQueue<>();
        End bad = new End(connected(), (end, ops) -> {
            throw new OutOfMemoryError("on purpose");
        });
        java.net.Socket badPeer = server.accept();
        End good = new End(connected(), (end, ops) -> {
            heard.add(ops);
            end.close();
        });
        java.net.Socket goodPeer = server.accept();
        loop.submit(() -> {
                    bad.register();
                    good.register();
                })
                .get();
        // When
        badPeer.getOutputStream().write('x');
        // Then
        assertThat(isEnded(badPeer)).isTrue();
        goodPeer.getOutputStream().write('x');
        assertThat(heard.take()).isEqualTo(EpollIoOps.EPOLLIN.value());
        badPeer.close();
        goodPeer.close();
    }

    /** By a reset: what the peer sent was not read. */
    private static boolean isEnded(java.net.Socket peer) {
        try {
            return peer.getInputStream().read() < 0;
        } catch (IOException e) {
            return true;
        }
    }

    private Socket connected() {
        Socket socket = Socket.newSocketStream();
        open.add(socket::close);
        try {
            boolean connects = socket.connect(server.getLocalSocketAddress());
            while (!connects) {
                connects = socket.finishConnect();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return socket;
    }

    /** Two sockets, of which one closes the other. All on the loop. */
    private final class Reuse {
        private final End one;
        private final End two;
        private final CompletableFuture<@Nullable Void> happened = new CompletableFuture<>();
        private final BlockingQueue<Integer> newcomerHeard = new LinkedBlockingQueue<>();
        private volatile boolean numberWasReused;

        Reuse(Socket one, Socket two) {
            this.one = new End(one, (end, ops) -> ended(end));
            this.two = new End(two, (end, ops) -> ended(end));
        }

        @Nullable
        Void begin() {
            one.register();
            two.register();
            return null;
        }

        void ended(End first) {
            End other = first == one ? two : one;
            int number = other.socket.intValue();
            other.close();
            Socket next = connected();
            first.close();
            numberWasReused = next.intValue() == number;
            if (numberWasReused) {
                new End(next, (end, ops) -> {
                            newcomerHeard.add(ops);
                            end.close();
                        })
                        .register();
            }
            happened.complete(null);
        }
    }

    private final class End implements EpollIoHandle {
        private final Socket socket;
        private final ObjIntConsumer<End> told;
        private @Nullable IoRegistration registration;

        End(Socket socket, ObjIntConsumer<End> told) {
            this.socket = socket;
            this.told = told;
        }

        void register() {
            IoRegistration place = loop.register(this).getNow();
            place.submit(READS);
            registration = place;
        }

        @Override
        public FileDescriptor fd() {
            return socket;
        }

        @Override
        public void handle(IoRegistration ignored, IoEvent event) {
            told.accept(this, ((EpollIoEvent) event).ops().value());
        }

        @Override
        public void close() {
            try {
                socket.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            if (registration != null) {
                registration.cancel();
            }
        }
    }
}
