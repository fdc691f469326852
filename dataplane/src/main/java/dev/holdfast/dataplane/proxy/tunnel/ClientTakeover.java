package dev.holdfast.dataplane.proxy.tunnel;

import dev.holdfast.dataplane.proxy.http1.MessageWriter;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.EmptyHttpHeaders;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.ssl.SslHandler;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The client's channel between the front and the tunnel: no request is parsed any more, answers can still be encoded,
 * and what the client sends is held until it is known who shall have it (RFC 6455 §4.1 makes honest clients wait).
 */
final class ClientTakeover {
    /** How many early bytes are held. */
    static final int HELD_BYTES_MAX = 16_384;

    private final Channel channel;
    private final ChannelHandler handler;
    private final MessageWriter writer;
    private @Nullable ByteBuf held;

    ClientTakeover(Channel channel, ChannelHandler handler) {
        this.channel = channel;
        this.handler = handler;
        this.writer = new MessageWriter(channel);
    }

    /** Replaces the front's handlers; bytes that they still hold arrive at the new handler at once. */
    void begin() {
        ChannelPipeline pipeline = channel.pipeline();
        List<ChannelHandler> front = new ArrayList<>(pipeline.toMap().values());
        pipeline.addLast(handler);
        // Tail first: what a decoder gives up on its removal then meets no handler of the front any more, and bytes
        // that came earlier, further down the pipeline, arrive earlier.
        for (ChannelHandler old : front.reversed()) {
            if (!(old instanceof SslHandler)) {
                pipeline.remove(old);
            }
        }
        channel.config().setAutoRead(true);
    }

    /** Where answers go until the tunnel is open. */
    MessageWriter writer() {
        return writer;
    }

    /** Tells a client that waits with its body to send it. */
    void sendContinue() {
        writer.answer(
                new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.CONTINUE, EmptyHttpHeaders.INSTANCE),
                false);
        writer.flush();
    }

    /** Holds early bytes and takes them over; false when they are too many, and none are held then. */
    boolean hold(ByteBuf bytes) {
        ByteBuf before = held;
        int length = bytes.readableBytes() + (before == null ? 0 : before.readableBytes());
        if (length > HELD_BYTES_MAX) {
            bytes.release();
            discard();
            return false;
        }
        if (before == null) {
            held = bytes;
        } else {
            held = channel.alloc().buffer(length).writeBytes(before).writeBytes(bytes);
            before.release();
            bytes.release();
        }
        return true;
    }

    /** The early bytes, handed over to the caller, or null. */
    @Nullable
    ByteBuf take() {
        ByteBuf bytes = held;
        held = null;
        return bytes;
    }

    /** Forgets the early bytes: nobody shall have them. */
    void discard() {
        ByteBuf bytes = take();
        if (bytes != null) {
            bytes.release();
        }
    }

    /** Leaves the pipeline to the relay: exactly {@code [SslHandler, relay]} remains. */
    void handOver(RelayHandler relay) {
        ChannelPipeline pipeline = channel.pipeline();
        pipeline.addLast(relay);
        pipeline.remove(handler);
    }
}
