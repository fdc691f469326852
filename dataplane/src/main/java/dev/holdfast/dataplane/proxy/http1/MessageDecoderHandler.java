package dev.holdfast.dataplane.proxy.http1;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.codec.http.HttpHeaders;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a byte stream into messages. One message at a time: after its end nothing is read into the next one before
 * {@link #next}. It says what it finds to a sink instead of the pipeline, so that what is held can still be delivered
 * after the connection is gone.
 *
 * <p>Nothing is repaired: a line ends in CRLF, a field has no space before its colon, a fold is refused (RFC 9112 §2.2,
 * §5 leave some of that to the recipient; every lenience is another way to be read differently by the next hop).
 *
 * <p>This is the one place that turns reading on and off: off while paused with {@value #HELD_BYTES_MAX} bytes held.
 * Below that it stays on, so that the end of the connection is noticed.
 */
public abstract class MessageDecoderHandler extends ChannelInboundHandlerAdapter {
    /** How much is held, beside what one read brings, while the sink wants nothing. */
    public static final int HELD_BYTES_MAX = 64 << 10;

    private enum State {
        START_LINE,
        FIELDS,
        FIXED,
        CHUNK_SIZE,
        CHUNK_DATA,
        CHUNK_END,
        TRAILERS,
        UNTIL_CLOSE,
        END,
        BETWEEN,
        STOPPED
    }

    private final BodySink body;
    private final int startLineBytesMax;
    private final FieldSection fields;
    private @Nullable ChannelHandlerContext context;
    private @Nullable ByteBuf held;
    private State state = State.START_LINE;
    private int scanned;
    private long remaining;
    private boolean blankLineSeen;
    private boolean paused;
    private boolean decoding;
    private boolean gone;
    private boolean begun;

    /** Takes what parts of messages have in common. */
    public interface BodySink {
        /** A part of the body; the sink owns it. */
        void content(ByteBuf part);

        /** The end of the message. */
        void end(HttpHeaders trailers);

        /** The stream is not HTTP as we take it; nothing follows. */
        void refused(Refusal refusal);
    }

    MessageDecoderHandler(BodySink body, int startLineBytesMax, int headBytesMax) {
        this.body = body;
        this.startLineBytesMax = startLineBytesMax;
        this.fields = new FieldSection(headBytesMax);
    }

    /** Reads a start line of {@code length} octets. */
    abstract void startLine(byte[] line, int length) throws RefusedException;

    /** The fields are complete: says so to the sink. The state is that of a message without body. */
    abstract Framing headComplete(HttpHeaders fields) throws RefusedException;

    /** Hands the head that is complete to the sink. */
    abstract void deliverHead();

    /** What a start line that is too long is answered with. */
    abstract Refusal startLineTooLong();

    /** Whether another head follows the one just delivered (1xx). */
    boolean isInterim() {
        return false;
    }

    /** Stops or resumes telling the sink; what comes meanwhile is held. */
    public final void setPaused(boolean wanted) {
        if (paused == wanted) {
            return;
        }
        paused = wanted;
        ChannelHandlerContext ctx = context;
        if (!wanted && !decoding) {
            decodeHeld();
            if (!gone && ctx != null) {
                ctx.fireChannelReadComplete();
            }
        }
        updateReading();
    }

    /** Takes the next message, after the end of one. */
    public final void next() {
        if (state == State.BETWEEN) {
            state = State.START_LINE;
            blankLineSeen = false;
            begun = false;
            ChannelHandlerContext ctx = context;
            if (held != null && !decoding && ctx != null) {
                // On a turn of its own: a thousand pipelined requests must not become a thousand nested calls.
                ctx.executor().execute(() -> {
                    decodeHeld();
                    updateReading();
                    if (!gone) {
                        ctx.fireChannelReadComplete();
                    }
                });
            }
        }
    }

    /** Drops what is held and everything that comes. */
    public final void stop() {
        state = State.STOPPED;
        release();
        updateReading();
    }

    /** Whether a message has begun and not ended. */
    public final boolean isInMessage() {
        return state != State.BETWEEN && state != State.STOPPED && !(state == State.START_LINE && held == null);
    }

    /** Whether bytes are held. */
    public final boolean isHolding() {
        return held != null;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        context = ctx;
    }

    /** What is held belongs to whoever comes after HTTP. */
    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        boolean connected = ctx.channel().isActive();
        context = null;
        if (connected) {
            gone = true;
            ByteBuf rest = held;
            held = null;
            if (rest != null) {
                ctx.fireChannelRead(rest);
                ctx.fireChannelReadComplete();
            }
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (!(message instanceof ByteBuf bytes)) {
            ctx.fireChannelRead(message);
            return;
        }
        if (state == State.STOPPED) {
            bytes.release();
            return;
        }
        ByteBuf before = held;
        held = before == null ? bytes : ByteToMessageDecoder.MERGE_CUMULATOR.cumulate(ctx.alloc(), before, bytes);
        decodeHeld();
        updateReading();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        ended();
        ctx.fireChannelInactive();
    }

    /** The connection is gone. */
    void ended() {
        release();
    }

    /** Whether the body ends with the connection. */
    final boolean isUntilClose() {
        return state == State.UNTIL_CLOSE;
    }

    /** Ends a message whose end is that of the connection. */
    final void endWithConnection() {
        state = State.BETWEEN;
        body.end(fields.take());
    }

    final boolean isPaused() {
        return paused;
    }

    final boolean isBetween() {
        return state == State.BETWEEN;
    }

    final boolean isStopped() {
        return state == State.STOPPED;
    }

    /** The first octet of a message is here. */
    void messageBegins() {}

    /** After what was held has been told; what is still held is no whole piece. */
    void drained() {}

    private void decodeHeld() {
        if (decoding) {
            return;
        }
        decoding = true;
        try {
            while (!gone && (!paused || state == State.END) && step()) {
                releaseIfEmpty();
            }
        } catch (RefusedException e) {
            stop();
            body.refused(e.refusal());
        } finally {
            decoding = false;
        }
        releaseIfEmpty();
        if (!gone && (held == null || !paused)) {
            drained();
        }
    }

    private boolean step() throws RefusedException {
        if (state == State.END) {
            state = State.BETWEEN;
            body.end(fields.take());
            return true;
        }
        ByteBuf in = held;
        if (in == null) {
            return false;
        }
        return switch (state) {
            case START_LINE -> startLine(in);
            case FIELDS -> field(in);
            case FIXED -> fixed(in);
            case CHUNK_SIZE -> chunkSize(in);
            case CHUNK_DATA -> chunkData(in);
            case CHUNK_END -> chunkEnd(in);
            case TRAILERS -> trailer(in);
            case UNTIL_CLOSE -> {
                body.content(take(in, in.readableBytes()));
                yield true;
            }
            case END, BETWEEN, STOPPED -> false;
        };
    }

    private boolean startLine(ByteBuf in) throws RefusedException {
        if (!begun) {
            begun = true;
            messageBegins();
        }
        byte first = in.getByte(in.readerIndex());
        if (!Octets.isToken(first) && (first != '\r' || blankLineSeen)) {
            throw malformed("the start line begins with an octet that is no token");
        }
        int length = line(in, startLineBytesMax, startLineTooLong());
        if (length < 0) {
            return false;
        }
        if (length == 0) {
            // One empty line before a request is taken (RFC 9112 §2.2).
            blankLineSeen = true;
            return true;
        }
        startLine(Octets.scratch(length), length);
        state = State.FIELDS;
        return true;
    }

    private boolean field(ByteBuf in) throws RefusedException {
        int length = line(in, fields.bytesLeft(), FieldSection.tooLarge());
        if (length < 0) {
            return false;
        }
        if (length > 0) {
            fields.add(Octets.scratch(length), length);
            return true;
        }
        Framing framing = headComplete(fields.take());
        state = switch (framing) {
            case Framing.None none -> isInterim() ? State.START_LINE : State.END;
            case Framing.Fixed fixed -> {
                remaining = fixed.bytes();
                yield State.FIXED;
            }
            case Framing.Chunked chunked -> State.CHUNK_SIZE;
            case Framing.UntilClose untilClose -> State.UNTIL_CLOSE;
        };
        deliverHead();
        return true;
    }

    private boolean fixed(ByteBuf in) {
        int length = (int) Math.min(remaining, in.readableBytes());
        remaining -= length;
        if (remaining == 0) {
            state = State.END;
        }
        body.content(take(in, length));
        return true;
    }

    private boolean chunkSize(ByteBuf in) throws RefusedException {
        int length = line(in, ChunkLine.BYTES_MAX, Refusal.malformed("a chunk line is too long"));
        if (length < 0) {
            return false;
        }
        remaining = ChunkLine.size(Octets.scratch(length), length);
        state = remaining == 0 ? State.TRAILERS : State.CHUNK_DATA;
        return true;
    }

    private boolean chunkData(ByteBuf in) {
        int length = (int) Math.min(remaining, in.readableBytes());
        remaining -= length;
        if (remaining == 0) {
            state = State.CHUNK_END;
        }
        body.content(take(in, length));
        return true;
    }

    private boolean chunkEnd(ByteBuf in) throws RefusedException {
        if (in.getByte(in.readerIndex()) != '\r'
                || in.readableBytes() > 1 && in.getByte(in.readerIndex() + 1) != '\n') {
            throw malformed("a chunk does not end in CRLF");
        }
        if (in.readableBytes() < 2) {
            return false;
        }
        in.skipBytes(2);
        state = State.CHUNK_SIZE;
        return true;
    }

    private boolean trailer(ByteBuf in) throws RefusedException {
        int length = line(in, fields.bytesLeft(), FieldSection.tooLarge());
        if (length < 0) {
            return false;
        }
        if (length > 0) {
            fields.add(Octets.scratch(length), length);
        } else {
            state = State.END;
        }
        return true;
    }

    /** The length of the next line without CRLF, copied to the scratch; -1 while it is incomplete. */
    private int line(ByteBuf in, int lengthMax, Refusal tooLong) throws RefusedException {
        int start = in.readerIndex();
        int lf = in.indexOf(start + scanned, in.writerIndex(), (byte) '\n');
        // The last octet here can be the CR, so that a line is too long or not wherever the read ends.
        int length = (lf < 0 ? in.writerIndex() : lf) - start - 1;
        if (length > lengthMax) {
            throw new RefusedException(tooLong);
        }
        if (lf < 0) {
            scanned = in.readableBytes();
            return -1;
        }
        scanned = 0;
        if (length < 0 || in.getByte(lf - 1) != '\r') {
            throw malformed("a line ends in a bare LF");
        }
        in.readBytes(Octets.scratch(length), 0, length);
        in.skipBytes(2);
        return length;
    }

    private ByteBuf take(ByteBuf in, int length) {
        if (length == in.readableBytes()) {
            held = null;
            return in;
        }
        return in.readRetainedSlice(length);
    }

    private void releaseIfEmpty() {
        ByteBuf in = held;
        if (in != null && !in.isReadable()) {
            release();
        }
    }

    private void release() {
        ByteBuf in = held;
        held = null;
        scanned = 0;
        if (in != null) {
            in.release();
        }
    }

    private void updateReading() {
        ChannelHandlerContext ctx = context;
        if (ctx != null && !gone) {
            ByteBuf in = held;
            boolean wanted = in == null || in.readableBytes() < HELD_BYTES_MAX || !paused && state != State.BETWEEN;
            if (ctx.channel().config().isAutoRead() != wanted) {
                ctx.channel().config().setAutoRead(wanted);
            }
        }
    }

    static RefusedException malformed(String reason) {
        return new RefusedException(Refusal.malformed(reason));
    }
}
