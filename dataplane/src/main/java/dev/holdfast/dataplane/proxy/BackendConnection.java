package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.proxy.http1.Framing;
import dev.holdfast.dataplane.proxy.http1.MessageWriter;
import dev.holdfast.dataplane.proxy.http1.Refusal;
import dev.holdfast.dataplane.proxy.http1.ResponseDecoderHandler;
import dev.holdfast.dataplane.proxy.transport.KeepAlive;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponse;
import org.jspecify.annotations.Nullable;

/** One connection to an endpoint, serving one exchange at a time. Confined to its event loop. */
final class BackendConnection extends ChannelInboundHandlerAdapter implements ResponseDecoderHandler.Sink {
    private final Channel channel;
    private final BackendPool.Key key;
    private final ResponseDecoderHandler decoder;
    private final MessageWriter writer;
    private @Nullable Exchange exchange;
    private @Nullable BackendPool pool;
    private long idleSinceNanos;
    private long idleNanosMax = Long.MAX_VALUE;

    private BackendConnection(Channel channel, BackendPool.Key key, int headBytesMax) {
        this.channel = channel;
        this.key = key;
        this.decoder = new ResponseDecoderHandler(this, headBytesMax);
        this.writer = new MessageWriter(channel);
    }

    /** Speaks HTTP over a channel that is connected; {@code keepAlive} tells how its end is noticed while it waits. */
    static BackendConnection over(Channel channel, BackendPool.Key key, int headBytesMax, KeepAlive keepAlive) {
        BackendConnection connection = new BackendConnection(channel, key, headBytesMax);
        channel.pipeline().addLast(connection.decoder, connection);
        keepAlive.apply(channel);
        // HTTP has no half: a backend that ends its stream is gone.
        channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, false);
        channel.config().setAutoRead(true);
        return connection;
    }

    Channel channel() {
        return channel;
    }

    ResponseDecoderHandler decoder() {
        return decoder;
    }

    MessageWriter writer() {
        return writer;
    }

    BackendPool.Key key() {
        return key;
    }

    /** Serves an exchange; a HEAD has an answer without body. */
    void attach(Exchange next, boolean isHead) {
        exchange = next;
        pool = null;
        decoder.setPaused(false);
        decoder.expect(isHead);
    }

    /** Waits in a pool. */
    void idle(BackendPool owner) {
        exchange = null;
        pool = owner;
        idleSinceNanos = System.nanoTime();
    }

    /** When it began to wait, by {@link System#nanoTime}. */
    long idleSinceNanos() {
        return idleSinceNanos;
    }

    long idleNanos() {
        return System.nanoTime() - idleSinceNanos;
    }

    /** Whether the next request can be sent: the backend neither ended the connection nor spoke out of turn. */
    boolean isUsable() {
        return channel.isActive() && !decoder.isEnded() && !decoder.isHolding();
    }

    /**
     * Whether it may still wait. A backend that announces when it will end an idle connection (RFC 2068 §19.7.1.1) is
     * believed: a request that meets that end on its way can often not be sent again.
     */
    boolean mayWait(long nanosMax) {
        return idleNanos() <= nanosMax && idleNanos() < idleNanosMax && isUsable();
    }

    /** Ends it; nothing of it is told any more. */
    void destroy() {
        exchange = null;
        pool = null;
        decoder.stop();
        writer.discard();
        channel.close();
    }

    @Override
    public void responseBegins() {
        if (exchange != null) {
            exchange.responseBegins();
        }
    }

    @Override
    public void response(HttpResponse head, Framing framing) {
        idleNanosMax = KeepAliveField.idleNanosMax(head.headers());
        if (exchange != null) {
            exchange.response(head, framing);
        }
    }

    @Override
    public void content(ByteBuf part) {
        if (exchange != null) {
            exchange.responseContent(part);
        } else {
            part.release();
        }
    }

    @Override
    public void end(HttpHeaders trailers) {
        if (exchange != null) {
            exchange.responseEnd(trailers);
        }
    }

    @Override
    public void refused(Refusal refusal) {
        if (exchange != null) {
            exchange.responseRefused(refusal);
        }
        gone();
        channel.close();
    }

    @Override
    public void closed() {
        if (exchange != null) {
            exchange.backendClosed();
        }
        gone();
    }

    private void gone() {
        writer.discard();
        BackendPool owner = pool;
        pool = null;
        if (owner != null) {
            owner.remove(this);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        if (exchange != null) {
            exchange.flushToClient();
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (exchange != null) {
            exchange.backendWritabilityChanged();
        }
    }
}
