package dev.holdfast.e2e.overload;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One raw connection: says its first bytes, then perhaps a little again and again, reads at its pace, and notes how it ended.
 * What follows a 101 is read as frames.
 */
final class WireClient extends ChannelInboundHandlerAdapter {
    /** How a connection ended. */
    enum End {
        OPEN,
        /** The peer ended its stream. */
        FIN,
        /** It was reset. */
        RESET,
        /** It could not be made. */
        UNCONNECTED
    }

    /**
     * What a client does.
     *
     * @param first its first bytes
     * @param again what it says every {@code pace}, once the answer is 101 if {@code first} is an upgrade; empty for nothing
     * @param readBytes how much it takes every {@code pace}; 0 for all there is, at once
     */
    record Manner(byte[] first, byte[] again, Duration pace, int readBytes) {
        static Manner request(String text) {
            return new Manner(text.getBytes(StandardCharsets.US_ASCII), new byte[0], Duration.ofSeconds(1), 0);
        }

        static Manner upgrade(String host, String path) {
            return request("GET " + path + " HTTP/1.1\r\nHost: " + host
                    + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        }

        Manner saying(byte[] bytes, Duration every) {
            return new Manner(first, bytes, every, readBytes);
        }

        Manner taking(int bytes, Duration every) {
            return new Manner(first, again, every, bytes);
        }
    }

    private static final int HEAD_BYTES_MAX = 65_536;

    private final Manner manner;
    private final Frames frames = new Frames();
    private final StringBuilder head = new StringBuilder();
    private volatile @Nullable ChannelHandlerContext context;
    private volatile int status;
    private volatile End end = End.OPEN;
    private volatile String how = "";
    private volatile long connectedNanos;
    private volatile long endedNanos;
    private boolean inFrames;
    private boolean closeAnswered;

    WireClient(Manner manner) {
        this.manner = manner;
    }

    /** Before the connection is made. */
    void configure(Channel channel) {
        if (manner.readBytes > 0) {
            channel.config().setAutoRead(false);
            channel.config().setOption(ChannelOption.SO_RCVBUF, 32_768);
            channel.config()
                    .setRecvByteBufAllocator(new FixedRecvByteBufAllocator(manner.readBytes).maxMessagesPerRead(1));
        }
    }

    void unconnected(Throwable cause) {
        finish(End.UNCONNECTED, cause.toString());
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        context = ctx;
        connectedNanos = System.nanoTime();
        SslHandler tls = ctx.pipeline().get(SslHandler.class);
        if (tls == null) {
            begin(ctx);
        } else {
            tls.handshakeFuture().addListener(done -> begin(ctx));
        }
    }

    private void begin(ChannelHandlerContext ctx) {
        ctx.writeAndFlush(ctx.alloc().buffer().writeBytes(manner.first));
        tick(ctx);
    }

    private void tick(ChannelHandlerContext ctx) {
        if (end != End.OPEN) {
            return;
        }
        if (manner.readBytes > 0) {
            ctx.read();
        }
        boolean isUpgrade = new String(manner.first, StandardCharsets.US_ASCII).contains("Upgrade");
        if (manner.again.length > 0 && !closeAnswered && (!isUpgrade || inFrames)) {
            ctx.writeAndFlush(ctx.alloc().buffer().writeBytes(manner.again));
        }
        ctx.executor().schedule(() -> tick(ctx), manner.pace.toMillis(), TimeUnit.MILLISECONDS);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (message instanceof ByteBuf bytes) {
            if (!inFrames) {
                head(bytes);
            }
            if (inFrames) {
                frames.follow(bytes);
                if (frames.closeCode() != 0 && !closeAnswered) {
                    closeAnswered = true;
                    ctx.writeAndFlush(Frames.close(frames.closeCode(), true));
                }
            }
        }
        ReferenceCountUtil.release(message);
    }

    /** In one piece: Netty's leak detector notes a stack at every call, and a call for each octet outlasts the test. */
    private void head(ByteBuf bytes) {
        int known = head.length();
        int length = Math.min(bytes.readableBytes(), HEAD_BYTES_MAX - known);
        head.append(bytes.toString(bytes.readerIndex(), length, StandardCharsets.ISO_8859_1));
        if (status == 0 && head.length() >= 12) {
            status = Integer.parseInt(head.substring(9, 12));
        }
        int end = status == 101 ? head.indexOf("\r\n\r\n") : -1;
        if (end >= 0) {
            head.setLength(end + 4);
            inFrames = true;
        }
        bytes.skipBytes(head.length() - known);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof ChannelInputShutdownEvent || event instanceof SslCloseCompletionEvent) {
            finish(End.FIN, "end of stream");
            ctx.close();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        finish(End.FIN, "closed");
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        finish(End.RESET, cause.toString());
        ctx.close();
    }

    private void finish(End as, String text) {
        if (end == End.OPEN) {
            endedNanos = System.nanoTime();
            how = text;
            end = as;
        }
    }

    /** Closes it from our side. */
    void hangUp() {
        ChannelHandlerContext ctx = context;
        if (ctx != null) {
            ctx.close();
        }
    }

    /** The status of the answer, 0 before it. */
    int status() {
        return status;
    }

    /** What came before frames: head and body of the answer. Only when it has ended. */
    String answer() {
        return head.toString();
    }

    End end() {
        return end;
    }

    /** Connected, and not ended. */
    boolean isOpen() {
        return connectedNanos != 0 && end == End.OPEN;
    }

    /** Ended, or never connected: {@link #status} tells which. */
    boolean hasEnded() {
        return end != End.OPEN;
    }

    /** From the connection to its end, in seconds. */
    double seconds() {
        return (endedNanos - connectedNanos) / 1e9;
    }

    long endedNanos() {
        return endedNanos;
    }

    /** The stream of frames; only when it has ended. */
    Frames frames() {
        return frames;
    }

    /** The bytes of a masked binary frame. */
    static byte[] message(int length) {
        return ByteBufUtil.getBytes(Frames.binary(length, true));
    }

    @Override
    public String toString() {
        return "status " + status + ", " + end + " " + how + ", frames " + frames.whole() + ", at boundary "
                + frames.atBoundary() + ", close " + frames.closeCode();
    }
}
