package dev.holdfast.e2e.cluster;

import dev.holdfast.e2e.traffic.TunnelClient;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketClientProtocolHandler.ClientHandshakeStateEvent;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.util.concurrent.EventExecutor;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Tunnels of clients as they are in the field: each speaks now and then, and one that ends comes back at once, again and
 * again until it is let in. Kept is how each ended, and when it was back. What a tunnel says is numbered, so that an
 * echo that is lost, repeated or another's is told from the one that is due.
 */
final class ReturningFleet implements AutoCloseable {
    /** The code that a client reports for a tunnel that ended without a Close frame. */
    static final int WITHOUT_A_WORD = 1006;

    private static final long PACE_MILLIS = 4_000;
    private static final long RETRY_MILLIS = 200;
    private static final long POLL_MILLIS = 50;

    private final TunnelClient client = new TunnelClient();
    private final Set<Member> members = ConcurrentHashMap.newKeySet();
    private final AtomicInteger refused = new AtomicInteger();
    private final AtomicLong messagesBack = new AtomicLong();
    private final AtomicLong wrongEchoes = new AtomicLong();
    private final List<Ending> endings = new ArrayList<>();
    private final List<Return> returns = new ArrayList<>();
    private int clients;
    private volatile boolean ending;

    /**
     * The end of a tunnel.
     *
     * @param client whose it was
     * @param code of the Close frame, or {@link #WITHOUT_A_WORD}
     */
    record Ending(int client, int code, String reason, long atNanos) {}

    /**
     * A client that has a tunnel again.
     *
     * @param awayNanos since its tunnel ended
     */
    record Return(long atNanos, long awayNanos) {}

    /** Opens tunnels, more of them if there are some; waits until all are open. One thread calls it. */
    void open(int count, URI target) throws InterruptedException {
        for (int i = 0; i < count; i++) {
            connect(target, clients++, 0);
            if (i % 50 == 49) {
                Thread.sleep(50);
            }
        }
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (openTunnels() < clients) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException(openTunnels() + " of " + clients + " tunnels are open");
            }
            Thread.sleep(POLL_MILLIS);
        }
    }

    private void connect(URI target, int number, long endedNanos) {
        ChannelFuture attempt = client.connect(target, new Member(target, number, endedNanos));
        attempt.addListener(done -> {
            if (!done.isSuccess() && !ending) {
                connectLater(attempt.channel().eventLoop(), target, number, endedNanos);
            }
        });
    }

    private void connectLater(EventExecutor loop, URI target, int number, long endedNanos) {
        refused.incrementAndGet();
        loop.schedule(() -> connect(target, number, endedNanos), RETRY_MILLIS, TimeUnit.MILLISECONDS);
    }

    /** Tunnels that are open. */
    int openTunnels() {
        return members.size();
    }

    /** Attempts to come, or to come back, that failed. */
    int refused() {
        return refused.get();
    }

    /** Messages that came back as they were sent. */
    long messagesBack() {
        return messagesBack.get();
    }

    /** Messages that came back as others than were sent, or out of their turn. */
    long wrongEchoes() {
        return wrongEchoes.get();
    }

    /**
     * How many of the tunnels that are open now have echoed something that they sent after this call; returns when all
     * have, or when the patience ends. Only this tells of a tunnel that stays open and carries nothing any more.
     */
    int echoing(Duration patience) throws InterruptedException {
        Map<Member, Long> sentBefore = new HashMap<>();
        members.forEach(member -> sentBefore.put(member, member.sent.get()));
        long deadline = System.nanoTime() + patience.toNanos();
        while (true) {
            int echoing = Math.toIntExact(sentBefore.entrySet().stream()
                    .filter(each -> each.getKey().back.get() > each.getValue())
                    .count());
            if (echoing == sentBefore.size() || System.nanoTime() > deadline) {
                return echoing;
            }
            Thread.sleep(POLL_MILLIS);
        }
    }

    /** How tunnels ended so far. */
    List<Ending> endings() {
        synchronized (endings) {
            return List.copyOf(endings);
        }
    }

    /** How many ended with each code. */
    Map<Integer, Integer> codes() {
        Map<Integer, Integer> codes = new TreeMap<>();
        endings().forEach(each -> codes.merge(each.code(), 1, Integer::sum));
        return codes;
    }

    /** The clients that came back so far. */
    List<Return> returns() {
        synchronized (returns) {
            return List.copyOf(returns);
        }
    }

    /** How long the client that was away for the longest time had no tunnel. */
    double longestAwaySeconds() {
        return returns().stream().mapToLong(Return::awayNanos).max().orElse(0) / 1e9;
    }

    /** The most returns within one second of a clock that began with the first. */
    int returnsInASecondMax() {
        List<Return> all = returns();
        long first = all.stream().mapToLong(Return::atNanos).min().orElse(0);
        Map<Long, Integer> seconds = new TreeMap<>();
        all.forEach(each -> seconds.merge((each.atNanos() - first) / 1_000_000_000, 1, Integer::sum));
        return seconds.values().stream().mapToInt(Integer::intValue).max().orElse(0);
    }

    /** The most returns within any stretch of time as long as this. */
    int returnsWithinMax(Duration stretch) {
        long[] at = returns().stream().mapToLong(Return::atNanos).sorted().toArray();
        int most = 0;
        int from = 0;
        for (int to = 0; to < at.length; to++) {
            while (at[to] - at[from] >= stretch.toNanos()) {
                from++;
            }
            most = Math.max(most, to - from + 1);
        }
        return most;
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
        private final AtomicLong sent = new AtomicLong();
        private final AtomicLong back = new AtomicLong();
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
                members.add(this);
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
                String message = message(sent.getAndIncrement());
                context.writeAndFlush(new BinaryWebSocketFrame(ByteBufUtil.writeAscii(context.alloc(), message)));
                context.executor().schedule(() -> speak(context), PACE_MILLIS, TimeUnit.MILLISECONDS);
            }
        }

        private String message(long turn) {
            return "message " + turn + " of tunnel " + number;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext context, WebSocketFrame frame) {
            if (frame instanceof CloseWebSocketFrame close) {
                ended(context, close.statusCode(), close.reasonText());
                context.writeAndFlush(close.retain())
                        .addListener(done -> context.channel().close());
                return;
            }
            boolean expected = frame instanceof BinaryWebSocketFrame
                    && frame.content().toString(StandardCharsets.US_ASCII).equals(message(back.get()));
            (expected ? messagesBack : wrongEchoes).incrementAndGet();
            // Last: who sees this echo sees what it was.
            back.incrementAndGet();
        }

        @Override
        public void channelInactive(ChannelHandlerContext context) {
            ended(context, WITHOUT_A_WORD, "");
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            ended(context, WITHOUT_A_WORD, cause.toString());
            context.close();
        }

        private void ended(ChannelHandlerContext context, int code, String reason) {
            if (over || ending) {
                return;
            }
            over = true;
            long now = System.nanoTime();
            if (opened) {
                members.remove(this);
                synchronized (endings) {
                    endings.add(new Ending(number, code, reason, now));
                }
                connect(target, number, now);
            } else {
                connectLater(context.executor(), target, number, endedNanos);
            }
        }
    }
}
