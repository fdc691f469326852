package dev.holdfast.e2e.traffic;

import io.netty.buffer.ByteBufUtil;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketClientProtocolHandler.ClientHandshakeStateEvent;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Tunnels of clients as they are in the field: each speaks now and then, and one that ends comes back at once, again and
 * again until it is let in. Kept is how each ended, and when it was back.
 */
public final class ReturningFleet implements AutoCloseable {
    /** The code that a client reports for a tunnel that ended without a Close frame. */
    public static final int WITHOUT_A_WORD = 1006;

    private static final long PACE_MILLIS = 4_000;
    private static final long RETRY_MILLIS = 200;

    private final TunnelClient client = new TunnelClient();
    private final AtomicInteger open = new AtomicInteger();
    private final AtomicInteger refused = new AtomicInteger();
    private final AtomicLong messagesBack = new AtomicLong();
    private final List<Ending> endings = new ArrayList<>();
    private final List<Return> returns = new ArrayList<>();
    private volatile boolean ending;

    /**
     * The end of a tunnel.
     *
     * @param client whose it was
     * @param code of the Close frame, or {@link #WITHOUT_A_WORD}
     */
    public record Ending(int client, int code, String reason, long atNanos) {}

    /**
     * A client that has a tunnel again.
     *
     * @param awayNanos since its tunnel ended
     */
    public record Return(long atNanos, long awayNanos) {}

    /** Opens tunnels; waits until all are open. */
    public void open(int count, URI target) throws InterruptedException {
        int opened = open.get();
        int goal = opened + count;
        for (int i = 0; i < count; i++) {
            connect(target, opened + i, 0);
            if (i % 50 == 49) {
                Thread.sleep(50);
            }
        }
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (open.get() < goal) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException(open.get() + " of " + goal + " tunnels are open");
            }
            Thread.sleep(50);
        }
    }

    private void connect(URI target, int number, long endedNanos) {
        client.connect(target, new Member(target, number, endedNanos)).addListener(done -> {
            if (!done.isSuccess()) {
                refused.incrementAndGet();
                client.later(() -> connect(target, number, endedNanos), RETRY_MILLIS);
            }
        });
    }

    /** Tunnels that are open. */
    public int openTunnels() {
        return open.get();
    }

    /** Attempts to come back that failed. */
    public int refused() {
        return refused.get();
    }

    /** Messages that came back. */
    public long messagesBack() {
        return messagesBack.get();
    }

    /** How tunnels ended so far. */
    public List<Ending> endings() {
        synchronized (endings) {
            return List.copyOf(endings);
        }
    }

    /** How many ended with each code. */
    public Map<Integer, Integer> codes() {
        Map<Integer, Integer> codes = new TreeMap<>();
        endings().forEach(each -> codes.merge(each.code(), 1, Integer::sum));
        return codes;
    }

    /** The clients that came back so far. */
    public List<Return> returns() {
        synchronized (returns) {
            return List.copyOf(returns);
        }
    }

    /** The most returns within one second of a clock that began with the first. */
    public int returnsInASecondMax() {
        List<Return> all = returns();
        long first = all.stream().mapToLong(Return::atNanos).min().orElse(0);
        Map<Long, Integer> seconds = new TreeMap<>();
        all.forEach(each -> seconds.merge((each.atNanos() - first) / 1_000_000_000, 1, Integer::sum));
        return seconds.values().stream().mapToInt(Integer::intValue).max().orElse(0);
    }

    @Override
    public void close() {
        ending = true;
        client.close();
    }

    private final class Member extends SimpleChannelInboundHandler<WebSocketFrame> {
        private final URI target;
        private final int number;
        private final long endedNanos;
        private boolean opened;
        private boolean over;

        Member(URI target, int number, long endedNanos) {
            this.target = target;
            this.number = number;
            this.endedNanos = endedNanos;
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext context, Object event) {
            if (event == ClientHandshakeStateEvent.HANDSHAKE_COMPLETE) {
                opened = true;
                open.incrementAndGet();
                if (endedNanos != 0) {
                    long now = System.nanoTime();
                    synchronized (returns) {
                        returns.add(new Return(now, now - endedNanos));
                    }
                }
                long first = Math.floorMod(number * 7919L, PACE_MILLIS);
                context.executor().schedule(() -> speak(context), first, TimeUnit.MILLISECONDS);
            }
        }

        private void speak(ChannelHandlerContext context) {
            if (!over && !ending) {
                context.writeAndFlush(new BinaryWebSocketFrame(
                        ByteBufUtil.writeAscii(context.alloc(), "message of tunnel " + number)));
                context.executor().schedule(() -> speak(context), PACE_MILLIS, TimeUnit.MILLISECONDS);
            }
        }

        @Override
        protected void channelRead0(ChannelHandlerContext context, WebSocketFrame frame) {
            if (frame instanceof CloseWebSocketFrame close) {
                ended(close.statusCode(), close.reasonText());
                context.writeAndFlush(close.retain())
                        .addListener(done -> context.channel().close());
            } else {
                messagesBack.incrementAndGet();
            }
        }

        @Override
        public void channelInactive(ChannelHandlerContext context) {
            ended(WITHOUT_A_WORD, "");
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            ended(WITHOUT_A_WORD, cause.toString());
            context.close();
        }

        private void ended(int code, String reason) {
            if (over || ending) {
                return;
            }
            over = true;
            long now = System.nanoTime();
            if (opened) {
                open.decrementAndGet();
                synchronized (endings) {
                    endings.add(new Ending(number, code, reason, now));
                }
                connect(target, number, now);
            } else {
                refused.incrementAndGet();
                client.later(() -> connect(target, number, endedNanos), RETRY_MILLIS);
            }
        }
    }
}
