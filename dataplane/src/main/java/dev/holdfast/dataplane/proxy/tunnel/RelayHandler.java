package dev.holdfast.dataplane.proxy.tunnel;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import org.jspecify.annotations.Nullable;

/**
 * One side of a tunnel: relays what its channel (the source) receives to the other side's channel (the sink). The only
 * handler beside the {@code SslHandler}. Bytes go on as they are; reading pauses while the sink is full, so that a
 * direction holds at most one receive buffer more than the sink's high-water mark.
 */
final class RelayHandler extends ChannelInboundHandlerAdapter {
    private final PipeTunnel tunnel;
    private final Channel source;
    private final Channel sink;
    private final FrameTracker tracker;
    private long bytes;
    private long burstBytes;
    private boolean bytesToFlush;
    /** The source has ended its stream. */
    private boolean ended;
    /** Nothing more is relayed into the sink: our Close was its last word, or it ended over TLS. */
    private boolean silenced;

    private @Nullable CloseFrame word;
    private boolean finBegun;
    private boolean finDone;

    RelayHandler(PipeTunnel tunnel, Channel source, Channel sink, FrameTracker.Sender sender) {
        this.tunnel = tunnel;
        this.source = source;
        this.sink = sink;
        this.tracker = new FrameTracker(sender);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (message instanceof ByteBuf buffer) {
            relay(buffer);
        } else {
            // The HTTP codecs are gone before this handler is installed; nothing else may come.
            ReferenceCountUtil.release(message);
            tunnel.failed(this);
        }
    }

    /** Relays a buffer and takes it over. */
    void relay(ByteBuf buffer) {
        tunnel.touch();
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

    /** Flushes what a burst of reads left. */
    void readComplete() {
        if (bytesToFlush) {
            flushSink();
        }
        if (burstBytes > 0) {
            tunnel.relayed(this, burstBytes);
            burstBytes = 0;
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (source.isWritable()) {
            tunnel.other(this).source.config().setAutoRead(true);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof ChannelInputShutdownEvent) {
            sourceEnded();
        } else if (event instanceof SslCloseCompletionEvent completion && completion.isSuccess()) {
            // BoringSSL answers a close_notify at once: what the other side still sends cannot be delivered here.
            RelayHandler other = tunnel.other(this);
            other.silenced = true;
            other.word = null;
            sourceEnded();
        }
    }

    private void sourceEnded() {
        if (!ended) {
            ended = true;
            readComplete();
            tunnel.ended(this);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        if (!tunnel.isDone(this)) {
            tunnel.failed(this);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        tunnel.failed(this);
    }

    /** Puts a Close frame behind the frame that is under way towards the sink, now or when it is whole. */
    void say(CloseFrame frame) {
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
        ByteBuf encoded = tunnel.isClient(sink) ? frame.unmasked(sink.alloc()) : frame.masked(sink.alloc());
        bytesToFlush = false;
        sink.writeAndFlush(encoded).addListener(future -> {
            if (future.isSuccess()) {
                tunnel.said(this, frame);
            }
        });
        tunnel.saying(this);
    }

    /** Ends the stream towards the sink, behind everything that was relayed: FIN, over TLS a close_notify. */
    void fin() {
        if (finBegun) {
            return;
        }
        finBegun = true;
        silenced = true;
        word = null;
        SslHandler ssl = sink.pipeline().get(SslHandler.class);
        if (ssl != null) {
            // Flushing encrypts all that is queued; only then may the engine be told to close.
            sink.flush();
            ssl.closeOutbound().addListener(future -> finDone());
        } else {
            sink.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(flushed -> {
                if (flushed.isSuccess() && sink instanceof DuplexChannel duplex) {
                    duplex.shutdownOutput().addListener(future -> finDone());
                } else {
                    finDone();
                }
            });
        }
    }

    private void finDone() {
        finDone = true;
        tunnel.finDone();
    }

    /** Whether the sink was told that this direction has ended. */
    boolean isFinDone() {
        return finDone;
    }

    boolean hasEnded() {
        return ended;
    }

    boolean hasSeenClose() {
        return tracker.closeSeen();
    }

    Channel source() {
        return source;
    }

    long bytes() {
        return bytes;
    }

    /** Closes the source so that its peer sees a reset, not the end of a stream. */
    void reset() {
        if (source.isOpen()) {
            source.config().setOption(ChannelOption.SO_LINGER, 0);
            // Past the SslHandler: a close_notify would say that all is well.
            source.unsafe().close(source.voidPromise());
        }
    }
}
