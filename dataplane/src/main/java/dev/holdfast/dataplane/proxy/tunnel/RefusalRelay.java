package dev.holdfast.dataplane.proxy.tunnel;

import dev.holdfast.dataplane.proxy.http1.MessageWriter;
import dev.holdfast.dataplane.proxy.timer.TimerWheel;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.handler.codec.http.EmptyHttpHeaders;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Relays a backend's refusal of an upgrade as a plain answer with its body; the client's connection ends after it.
 * Confined to the client's event loop.
 */
final class RefusalRelay extends TimerWheel.Timer {
    /** What a relay needs of the upgrade. */
    interface Owner {
        /** Stops or resumes reading from the backend. */
        void setBackendReading(boolean reading);

        /** The end of the answer is written. */
        void answered(ChannelFuture sent);

        /** The backend sent nonsense or nothing for too long: the client must see that the answer is not whole. */
        void cutShort();
    }

    /** No tunnel is meant to come of it: a route that lets tunnels be silent for an hour means nothing here. */
    private static final Duration IDLE_MAX = Duration.ofMinutes(1);

    private final UpgradeRequest request;
    private final Owner owner;
    private final Channel client;
    private final MessageWriter writer;
    private final TimerWheel wheel;
    private final long idleTicks;
    private long activeTick;

    RefusalRelay(UpgradeRequest request, MessageWriter writer, Owner owner) {
        this.request = request;
        this.owner = owner;
        this.writer = writer;
        this.client = request.channel();
        this.wheel = TimerWheel.of(client.eventLoop());
        Duration idle = request.forward().timeouts().idle();
        this.idleTicks = TimerWheel.ticks(idle.compareTo(IDLE_MAX) < 0 ? idle : IDLE_MAX);
    }

    /** Writes the head; false if it cannot be sent, and nothing of it has been then. */
    boolean begin(HttpResponse response, @Nullable String cookie) {
        int code = response.status().code();
        HttpHeaders headers = response.headers();
        // A 204 has no length, whatever the backend says (RFC 9110 §8.6).
        String length = code == 204 || HttpUtil.isTransferEncodingChunked(response)
                ? null
                : headers.get(HttpHeaderNames.CONTENT_LENGTH);
        String upgrade = headers.get(HttpHeaderNames.UPGRADE);
        request.responses().prepare(response, cookie);
        response.setProtocolVersion(HttpVersion.HTTP_1_1);
        headers.remove(HttpHeaderNames.TRANSFER_ENCODING);
        headers.remove(HttpHeaderNames.CONTENT_LENGTH);
        if (length != null) {
            headers.set(HttpHeaderNames.CONTENT_LENGTH, length);
        } else if (code != 204 && code != 304) {
            // Chunked even if the backend ends its body by closing: a cut body can then be told from a whole one.
            headers.set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
        }
        headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        if (code == 426 && upgrade != null) {
            // It must say what to upgrade to (RFC 9110 §15.5.22).
            headers.set(HttpHeaderNames.UPGRADE, upgrade);
            headers.add(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE);
        }
        boolean isChunked = headers.contains(HttpHeaderNames.TRANSFER_ENCODING);
        try {
            writer.answer(response, isChunked);
        } catch (IllegalArgumentException e) {
            // A field of the route's.
            return false;
        }
        activeTick = wheel.now();
        wheel.schedule(this, idleTicks);
        return true;
    }

    /** Relays a part of the body and takes it over. */
    void content(ByteBuf part) {
        activeTick = wheel.now();
        writer.content(part);
        if (!client.isWritable()) {
            writer.flush();
            owner.setBackendReading(client.isWritable());
        }
    }

    /** The body is complete. Its trailers end here: the connection does, too. */
    void end() {
        writer.end(EmptyHttpHeaders.INSTANCE);
        writer.flush();
        owner.answered(client.writeAndFlush(Unpooled.EMPTY_BUFFER));
    }

    void stop() {
        wheel.cancel(this);
    }

    @Override
    protected void expired() {
        long left = activeTick + idleTicks - wheel.now();
        if (left > 0) {
            wheel.schedule(this, left);
        } else {
            owner.cutShort();
        }
    }
}
