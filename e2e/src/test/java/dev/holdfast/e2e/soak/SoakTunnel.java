package dev.holdfast.e2e.soak;

import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketClientProtocolHandler.ClientHandshakeStateEvent;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** One tunnel from its handshake to its last word. Everything but its futures belongs to its event loop. */
final class SoakTunnel extends SimpleChannelInboundHandler<WebSocketFrame> {
    private static final int OUTSTANDING_MAX = 16;
    private static final int CLOSE_SECONDS_MAX = 60;

    private enum State {
        CONNECTING,
        OPEN,
        CLOSING,
        ENDED
    }

    private final String name;
    private final Tally tally;
    private final EchoVerifier verifier;
    private final CompletableFuture<Boolean> opened = new CompletableFuture<>();
    private final CompletableFuture<Boolean> ended = new CompletableFuture<>();
    private State state = State.CONNECTING;
    private volatile @Nullable ChannelHandlerContext context;

    SoakTunnel(int id, String target, Tally tally) {
        this.name = "tunnel " + id + " " + target;
        this.tally = tally;
        this.verifier = new EchoVerifier(id, tally);
    }

    /** Whether it opened; completes in any case. */
    CompletableFuture<Boolean> opened() {
        return opened;
    }

    /** Completes when it is over, with whether it ended with a word. */
    CompletableFuture<Boolean> ended() {
        return ended;
    }

    /** Follows the connection attempt, which may fail before this handler exists. */
    void follow(ChannelFuture connected) {
        connected.addListener(future -> {
            if (!future.isSuccess()) {
                over("cannot connect: " + future.cause());
            }
        });
    }

    /** Sends the next message, unless too many are under way. */
    void send() {
        ChannelHandlerContext current = context;
        if (current != null) {
            current.executor().execute(() -> {
                if (state == State.OPEN && verifier.outstanding() < OUTSTANDING_MAX) {
                    current.writeAndFlush(
                            new BinaryWebSocketFrame(verifier.next().encode(current.alloc())));
                }
            });
        }
    }

    /** Says goodbye; what was sent before must still come back. */
    void close() {
        ChannelHandlerContext current = context;
        if (current != null) {
            current.executor().execute(() -> {
                if (state == State.OPEN) {
                    state = State.CLOSING;
                    current.writeAndFlush(new CloseWebSocketFrame(1000, "soaked"));
                    current.executor()
                            .schedule(
                                    () -> over("no answer to its close frame within " + CLOSE_SECONDS_MAX + " s"),
                                    CLOSE_SECONDS_MAX,
                                    TimeUnit.SECONDS);
                }
            });
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext current, Object event) {
        if (event == ClientHandshakeStateEvent.HANDSHAKE_COMPLETE) {
            state = State.OPEN;
            tally.opened.increment();
            context = current;
            opened.complete(true);
        }
    }

    @Override
    protected void channelRead0(ChannelHandlerContext current, WebSocketFrame frame) {
        if (!(frame instanceof CloseWebSocketFrame close)) {
            verifier.received(frame.content());
        } else if (state == State.CLOSING && close.statusCode() == 1000) {
            state = State.ENDED;
            tally.closed.increment();
            verifier.finish();
            current.close();
            ended.complete(true);
        } else {
            over("close frame " + close.statusCode() + " " + close.reasonText());
            current.close();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext current) {
        over("connection closed");
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext current, Throwable cause) {
        over(cause.toString());
        current.close();
    }

    /** It ended otherwise than it should. */
    private void over(String how) {
        if (state == State.ENDED) {
            return;
        }
        if (state == State.CONNECTING) {
            tally.handshakesFailed.increment();
        } else {
            tally.drops.increment();
        }
        tally.complain(name + " while " + state + ": " + how);
        state = State.ENDED;
        verifier.finish();
        opened.complete(false);
        ended.complete(false);
    }
}
