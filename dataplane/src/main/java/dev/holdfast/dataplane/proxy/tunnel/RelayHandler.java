package dev.holdfast.dataplane.proxy.tunnel;

import dev.holdfast.dataplane.proxy.telemetry.DirectionCounters;
import dev.holdfast.dataplane.proxy.transport.KeepAlive;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.ChannelOutputShutdownEvent;
import io.netty.channel.socket.ChannelOutputShutdownException;
import io.netty.channel.unix.Socket;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One direction through Netty's pipelines, for every kind of channel: relays what its channel (the source) receives to
 * the other direction's channel (the sink). The only handler beside the {@code SslHandler}. Reading pauses while the sink
 * is full, so that a direction holds at most one receive buffer more than the sink's high-water mark.
 */
final class RelayHandler extends ChannelInboundHandlerAdapter implements Relay {
    /** What a peer sent before its connection broke lies in the kernel: reading it takes no time of the network. */
    private static final long REST_MILLIS_MAX = 100;

    /** What is held for a peer that does not read, beside the last read; the kernel has half a megabyte before that. */
    private static final WriteBufferWaterMark HELD = new WriteBufferWaterMark(8 << 10, 16 << 10);

    private final RelayedTunnel tunnel;
    private final Channel source;
    private final Channel sink;
    private final FrameTracker tracker;
    private final DirectionCounters counters;
    private long bytes;
    private long burstBytes;
    /** What the sink held when reading paused; 0 while it reads. */
    private long pausedOverBytes;

    private boolean bytesToFlush;
    /** The source has ended its stream. */
    private boolean ended;
    /** Nothing more is relayed into the sink: our Close was its last word, or it ended over TLS. */
    private boolean silenced;

    /** The channel closes with the end of the source's stream, and the other way round. */
    private boolean endIsClose;

    private @Nullable CloseFrame word;
    private boolean finBegun;
    private boolean finDone;
    /** A write to the source has failed: its connection is gone, and what it sent before is being read. */
    private boolean refused;
    /** Why, as far as Netty tells. */
    private @Nullable Throwable refusal;

    RelayHandler(RelayedTunnel tunnel, Channel source, Channel sink, FrameTracker tracker) {
        this.tunnel = tunnel;
        this.source = source;
        this.sink = sink;
        this.tracker = tracker;
        this.counters = tracker.counters();
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        // A failed write would close the channel, and what its peer had sent before would be lost: a Close, perhaps.
        source.config().setAutoClose(false);
        source.config().setWriteBufferWaterMark(HELD);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (message instanceof ByteBuf buffer) {
            relay(buffer);
        } else {
            // The HTTP codecs are gone before this handler is installed; nothing else may come.
            ReferenceCountUtil.release(message);
            tunnel.failed(this, null);
        }
    }

    /** Relays a buffer and takes it over. */
    void relay(ByteBuf buffer) {
        if (!silenced) {
            // What nobody gets keeps no tunnel alive.
            tunnel.touch();
        }
        boolean closeKnown = tracker.closeSeen();
        CloseFrame pending = word;
        if (silenced) {
            tracker.follow(buffer);
            buffer.release();
        } else if (pending != null) {
            relayThenSay(buffer, pending);
        } else {
            tracker.follow(buffer);
            forward(buffer);
        }
        if (!closeKnown && tracker.closeSeen()) {
            tunnel.closeSeen(this, tracker.closeCode());
        }
    }

    private void relayThenSay(ByteBuf buffer, CloseFrame pending) {
        int whole = tracker.followToBoundary(buffer);
        if (tracker.atBoundary()) {
            ByteBuf rest = buffer.slice(buffer.readerIndex() + whole, buffer.readableBytes() - whole);
            forward(buffer.retainedSlice(buffer.readerIndex(), whole));
            if (!tracker.closeSeen()) {
                inject(pending);
            }
            tracker.follow(rest);
            buffer.release();
        } else {
            if (tracker.lost()) {
                word = null;
            }
            forward(buffer);
        }
    }

    private void forward(ByteBuf buffer) {
        int length = buffer.readableBytes();
        bytes += length;
        burstBytes += length;
        bytesToFlush = true;
        sink.write(buffer, sink.voidPromise());
        if (!sink.isWritable()) {
            flushSink();
            if (!sink.isWritable()) {
                source.config().setAutoRead(false);
                paused();
            }
        }
    }

    private void flushSink() {
        bytesToFlush = false;
        sink.flush();
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        readComplete();
    }

    @Override
    public void readComplete() {
        if (bytesToFlush) {
            flushSink();
        }
        if (burstBytes > 0) {
            counters.relayed(burstBytes);
            burstBytes = 0;
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (source.isWritable()) {
            tunnel.touch();
            opposite().source.config().setAutoRead(true);
            opposite().resumed();
        }
    }

    private void paused() {
        ChannelOutboundBuffer queued = sink.unsafe().outboundBuffer();
        if (pausedOverBytes == 0 && queued != null) {
            pausedOverBytes = queued.totalPendingWriteBytes();
            counters.paused();
            counters.buffered(pausedOverBytes);
        }
    }

    private void resumed() {
        if (pausedOverBytes != 0) {
            counters.buffered(-pausedOverBytes);
            counters.resumed();
            pausedOverBytes = 0;
        }
    }

    private RelayHandler opposite() {
        if (tunnel.other(this) instanceof RelayHandler other) {
            return other;
        }
        throw new IllegalStateException("tunnel: half of it is relayed directly (expected: both directions or none)");
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof ChannelInputShutdownEvent) {
            sourceEnded();
        } else if (event instanceof ChannelOutputShutdownEvent && !opposite().finBegun) {
            writeRefused(null);
        } else if (event instanceof SslCloseCompletionEvent completion && completion.isSuccess()) {
            // BoringSSL answers a close_notify at once: what the other side still sends cannot be delivered here.
            RelayHandler other = opposite();
            other.silenced = true;
            other.word = null;
            sourceEnded();
        }
    }

    private void sourceEnded() {
        if (!ended && refused) {
            // After a failed write even a reset looks like an orderly end.
            readComplete();
            tunnel.failed(this, refusal);
        } else if (!ended) {
            ended = true;
            readComplete();
            tunnel.ended(this);
        }
    }

    /** The end of what the source's peer sent before follows at once, if this reads. */
    private void writeRefused(@Nullable Throwable cause) {
        if (refusal == null) {
            refusal = cause instanceof ChannelOutputShutdownException ? cause.getCause() : cause;
        }
        if (refused) {
            return;
        }
        refused = true;
        if (source.config().isAutoRead()) {
            source.eventLoop().schedule(() -> tunnel.failed(this, refusal), REST_MILLIS_MAX, TimeUnit.MILLISECONDS);
        } else {
            tunnel.failed(this, refusal);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        if (endIsClose) {
            sourceEnded();
        } else if (!tunnel.isDone(this)) {
            tunnel.failed(this, null);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        // A channel whose write failed has no queue any more.
        boolean ofWrite = source.isOpen() && source.unsafe().outboundBuffer() == null && !opposite().finBegun;
        if (ofWrite) {
            writeRefused(cause);
        } else {
            tunnel.failed(this, cause);
        }
    }

    @Override
    public void say(CloseFrame frame) {
        if (silenced || tracker.lost() || tracker.closeSeen() || finBegun) {
            return;
        }
        if (tracker.atBoundary()) {
            inject(frame);
        } else {
            word = frame;
        }
    }

    private void inject(CloseFrame frame) {
        word = null;
        silenced = true;
        ByteBuf encoded = tunnel.isFromClient(this) ? frame.masked(sink.alloc()) : frame.unmasked(sink.alloc());
        bytesToFlush = false;
        sink.writeAndFlush(encoded).addListener(future -> {
            if (future.isSuccess()) {
                tunnel.said(this, frame);
            }
        });
        tunnel.saying(this);
    }

    @Override
    public void fin() {
        if (finBegun) {
            return;
        }
        finBegun = true;
        silenced = true;
        word = null;
        StreamEnd.send(sink, this::finDone);
    }

    private void finDone() {
        finDone = true;
        RelayHandler other = opposite();
        if (tracker.closeSeen() && other.tracker.closeSeen() && !other.ended) {
            // Nothing may follow: however the sink's stream ends now, it was an end, and the channel need not stay for
            // it.
            other.endIsClose = true;
            sink.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, false);
        }
        tunnel.finDone();
    }

    @Override
    public boolean isFarewellDone() {
        RelayHandler other = opposite();
        ChannelOutboundBuffer queued = source.unsafe().outboundBuffer();
        return tracker.closeSeen()
                && other.tracker.closeSeen()
                && other.tracker.atBoundary()
                && !other.silenced
                && queued != null
                && queued.totalPendingWriteBytes() == 0;
    }

    @Override
    public boolean isFinDone() {
        return finDone;
    }

    @Override
    public boolean hasEnded() {
        return ended;
    }

    @Override
    public boolean hasSeenClose() {
        return tracker.closeSeen();
    }

    @Override
    public boolean hasSaidAll() {
        return tracker.closeSeen() && tracker.atBoundary();
    }

    @Override
    public long bytes() {
        return bytes;
    }

    @Override
    public long messages() {
        return tracker.messages();
    }

    FrameTracker tracker() {
        return tracker;
    }

    /** Whether this direction is open, reading, and holds nothing: then another relay can go on where it stands. */
    boolean isQuiet() {
        ChannelOutboundBuffer queued = sink.unsafe().outboundBuffer();
        return !ended
                && !silenced
                && !finBegun
                && word == null
                && source.isActive()
                && source.config().isAutoRead()
                && queued != null
                && queued.totalPendingWriteBytes() == 0;
    }

    /** The source's socket, if it is one of epoll and bytes pass between it and this handler as they are. */
    @Nullable
    Socket socket() {
        boolean bare = source.pipeline().get(SslHandler.class) == null;
        return bare && source instanceof EpollSocketChannel epoll && epoll.fd() instanceof Socket socket
                ? socket
                : null;
    }

    @Override
    public void probe(KeepAlive keepAlive) {
        if (source.isOpen()) {
            keepAlive.apply(source);
        }
    }

    @Override
    public void close() {
        resumed();
        opposite().sinkIsClosed();
        source.close();
    }

    @Override
    public void breakOff() {
        ended = true;
        readComplete();
        close();
        // It may have waited for room that this source will not make any more.
        opposite().source.config().setAutoRead(true);
        opposite().resumed();
    }

    /** What is still received is read and dropped. */
    private void sinkIsClosed() {
        silenced = true;
        finBegun = true;
        finDone = true;
        word = null;
    }

    @Override
    public void reset() {
        resumed();
        if (source.isOpen()) {
            source.config().setOption(ChannelOption.SO_LINGER, 0);
            // Past the SslHandler: a close_notify would say that all is well.
            source.unsafe().close(source.voidPromise());
        }
    }
}
