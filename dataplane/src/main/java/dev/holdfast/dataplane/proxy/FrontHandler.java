package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.proxy.forwarded.Scheme;
import dev.holdfast.dataplane.proxy.http1.Framing;
import dev.holdfast.dataplane.proxy.http1.MessageWriter;
import dev.holdfast.dataplane.proxy.http1.Refusal;
import dev.holdfast.dataplane.proxy.http1.RequestDecoderHandler;
import dev.holdfast.dataplane.proxy.telemetry.RequestTrail;
import dev.holdfast.dataplane.proxy.telemetry.RouteMetrics;
import dev.holdfast.dataplane.proxy.timer.TimerWheel;
import dev.holdfast.routetable.Route;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.ssl.SslHandler;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * One client connection while it speaks HTTP: one request at a time, answered in order, each under a deadline. An
 * upgrade leaves this handler and its codec. Confined to its event loop.
 */
final class FrontHandler extends ChannelInboundHandlerAdapter implements RequestDecoderHandler.Sink, Exchange.Client {
    /** How much of a request that was answered already is read for the sake of the next one. */
    private static final int DISCARDED_BYTES_MAX = 64 << 10;

    private static final Duration LINGER = Duration.ofSeconds(2);

    private enum Phase {
        /** A head is awaited, or under way. */
        HEAD,
        /** The next request is awaited. */
        KEEP_ALIVE,
        /** A request is being served. */
        SERVING,
        /** The client has not taken the last answer yet; its next request waits for that. */
        UNTAKEN,
        /** The rest of a request that was answered is dropped. */
        DISCARDING,
        /** The last answer is sent; what comes is dropped until the client ends. */
        LINGERING,
        /** HTTP is over here. */
        HANDED_OVER
    }

    private final FrontServices services;
    private final Scheme scheme;
    private final RequestDecoderHandler decoder;
    private final MessageWriter writer;
    private final TimerWheel.Timer timer = new TimerWheel.Timer() {
        @Override
        protected void expired() {
            timedOut();
        }
    };
    private final Channel channel;
    private Phase phase = Phase.HEAD;
    private @Nullable TimerWheel wheel;
    private @Nullable String sni;
    private @Nullable Exchange exchange;
    private Decision.@Nullable Tunnel upgrade;
    private @Nullable PlainRequest plain;
    private boolean keepAlive;
    private boolean headRequested;
    private boolean requestEnded;
    private boolean restIsSure;
    private long restBytes;
    private long beganNanos;
    private long discardedBytes;
    private long bodyBytes;
    private long bodyBytesAtCheck;

    FrontHandler(FrontServices services, Channel channel, Scheme scheme) {
        this.services = services;
        this.channel = channel;
        this.scheme = scheme;
        this.writer = new MessageWriter(channel);
        HttpLimits limits = services.config().limits();
        this.decoder = new RequestDecoderHandler(this, limits.requestLineBytesMax(), limits.headBytesMax());
    }

    /** Puts the codec and this handler at the end of the channel's pipeline. */
    void install() {
        channel.pipeline().addLast(decoder, this);
    }

    void sni(String name) {
        sni = name;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        services.fronts().add(this);
        wheel = TimerWheel.of(channel.eventLoop());
        await(services.config().limits().headTimeout());
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        services.ended(this);
        writer.discard();
        cancelTimer();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        Exchange current = exchange;
        exchange = null;
        if (current != null) {
            current.abort();
            clientGone();
        }
        cancelTimer();
        ctx.fireChannelInactive();
    }

    private void clientGone() {
        RequestTrail trail = plain == null ? null : plain.trail();
        if (trail != null) {
            trail.answered(RequestTrail.CLIENT_GONE);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        Exchange current = exchange;
        if (current != null) {
            current.flushToBackend();
        }
        ctx.fireChannelReadComplete();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        Exchange current = exchange;
        if (current != null) {
            current.clientWritabilityChanged();
        } else if (phase == Phase.UNTAKEN && channel.isWritable()) {
            nextRequest();
        }
        ctx.fireChannelWritabilityChanged();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (phase == Phase.HANDED_OVER) {
            ctx.fireExceptionCaught(cause);
        } else {
            ctx.close();
        }
    }

    @Override
    public void begun() {
        beganNanos = System.nanoTime();
        headRequested = false;
        if (phase == Phase.KEEP_ALIVE) {
            phase = Phase.HEAD;
            await(services.config().limits().headTimeout());
        } else if (phase == Phase.HEAD) {
            services.newcomer();
        }
    }

    @Override
    public void request(HttpRequest head, Framing framing) {
        cancelTimer();
        phase = Phase.SERVING;
        requestEnded = false;
        bodyBytes = 0;
        discardedBytes = 0;
        restBytes = framing instanceof Framing.Fixed fixed ? fixed.bytes() : Long.MAX_VALUE;
        // A client that asked whether to send its body need not send it after another answer (RFC 9110 §10.1.1).
        restIsSure = !head.headers().contains(HttpHeaderNames.EXPECT);
        keepAlive = HttpUtil.isKeepAlive(head)
                && !services.isStopping()
                && !services.overload().isOverConnections();
        headRequested = head.method().equals(HttpMethod.HEAD);
        HttpLimits limits = services.config().limits();
        if (framing instanceof Framing.Fixed fixed && fixed.bytes() > limits.bodyBytesMax()) {
            reply(
                    Decision.Reply.closing(413, "The request body is too large"),
                    new Router.Incoming(head, framing, scheme, sni, beganNanos));
            return;
        }
        if (!(framing instanceof Framing.None)) {
            bodyBytesAtCheck = 0;
            await(limits.bodyGrace());
        }
        serve(head, framing);
    }

    private void serve(HttpRequest head, Framing framing) {
        boolean ofVersion10 = head.protocolVersion().equals(HttpVersion.HTTP_1_0);
        Router.Incoming incoming = new Router.Incoming(head, framing, scheme, sni, beganNanos);
        switch (Router.decide(services, channel, incoming)) {
            case Decision.Reply reply -> reply(reply, incoming);
            case Decision.Tunnel tunnel -> upgrade = tunnel;
            case Decision.Proxy proxy -> {
                PlainRequest request = proxy.request();
                plain = request;
                Exchange next = new Exchange(
                        services, request, this, keepAlive && (!ofVersion10 || HttpUtil.isKeepAlive(head)));
                exchange = next;
                next.start(proxy.table());
            }
        }
    }

    @Override
    public void content(ByteBuf part) {
        int length = part.readableBytes();
        bodyBytes += length;
        restBytes -= length;
        restIsSure = true;
        Exchange current = exchange;
        if (current == null) {
            part.release();
            discardedBytes += length;
            if (phase == Phase.DISCARDING && discardedBytes > DISCARDED_BYTES_MAX) {
                endConnection();
            }
        } else if (bodyBytes > services.config().limits().bodyBytesMax()) {
            part.release();
            abortWith(413, "The request body is too large");
        } else {
            current.requestContent(part);
        }
    }

    @Override
    public void end(HttpHeaders trailers) {
        requestEnded = true;
        Decision.Tunnel tunnel = upgrade;
        Exchange current = exchange;
        if (tunnel != null) {
            upgrade = null;
            phase = Phase.HANDED_OVER;
            cancelTimer();
            services.upgrades().begin(tunnel.table(), tunnel.request());
        } else if (current != null) {
            cancelTimer();
            current.requestEnd(trailers);
        } else if (phase == Phase.DISCARDING) {
            nextRequest();
        }
    }

    @Override
    public void refused(Refusal refusal) {
        // The stream has lost its meaning: nothing after this can be told to be a request.
        if (phase == Phase.DISCARDING) {
            // This one is answered; a second answer would be taken for that of the next one.
            endConnection();
        } else {
            abortWith(refusal.status(), refusal.reason());
        }
    }

    /** Answers what is being read with an error and ends the connection; cuts an answer that is under way. */
    private void abortWith(int status, String reason) {
        Exchange current = exchange;
        exchange = null;
        PlainRequest request = plain;
        plain = null;
        boolean began = current != null && current.hasAnswerBegun();
        if (current != null) {
            current.abort();
        }
        if (request != null && !began) {
            request.count(status);
        }
        if (began) {
            cutOff();
        } else {
            send(Decision.Reply.closing(status, reason));
        }
    }

    @Override
    public Channel channel() {
        return channel;
    }

    @Override
    public MessageWriter writer() {
        return writer;
    }

    @Override
    public void pauseRequest(boolean paused) {
        decoder.setPaused(paused);
    }

    @Override
    public boolean canDropRest() {
        return restIsSure && restBytes <= DISCARDED_BYTES_MAX;
    }

    @Override
    public void answered(boolean keep) {
        exchange = null;
        plain = null;
        if (keep && requestEnded) {
            nextRequest();
        } else if (keep) {
            // The end of the request, or what is left of its body, is the next thing that the decoder tells.
            phase = Phase.DISCARDING;
            decoder.setPaused(false);
        } else {
            endConnection();
        }
    }

    @Override
    public void unanswered(int status, String reason) {
        exchange = null;
        decoder.setPaused(false);
        if (phase != Phase.SERVING) {
            // What was held of the body is malformed, and that is answered.
            return;
        }
        PlainRequest request = plain;
        plain = null;
        if (request != null) {
            request.count(status);
        }
        send(new Decision.Reply(status, reason, null, requestEnded || isBodiless(request), null));
    }

    private static boolean isBodiless(@Nullable PlainRequest request) {
        return request != null && request.framing() instanceof Framing.None;
    }

    @Override
    public void cutOff() {
        exchange = null;
        phase = Phase.LINGERING;
        decoder.stop();
        // A reset, past TLS and its close_notify: no client may take the rest for a complete answer.
        channel.config().setOption(ChannelOption.SO_LINGER, 0);
        ChannelHandlerContext tls = channel.pipeline().context(SslHandler.class);
        if (tls != null) {
            tls.close();
        } else {
            channel.close();
        }
    }

    private void reply(Decision.Reply reply, Router.Incoming incoming) {
        HttpRequest head = incoming.head();
        Route route = reply.route();
        RouteMetrics metrics = route == null
                ? services.metrics().unmatched()
                : services.metrics().route(route.owner());
        Trails.answered(services, incoming, channel, reply);
        metrics.httpRequest(head.method().name(), reply.status(), System.nanoTime() - beganNanos);
        boolean small = !HttpUtil.isTransferEncodingChunked(head)
                && HttpUtil.getContentLength(head, 0L) <= DISCARDED_BYTES_MAX
                && !head.headers().contains(HttpHeaderNames.EXPECT);
        send(small ? reply : reply.andClose());
    }

    private void send(Decision.Reply reply) {
        boolean keep = keepAlive && reply.mayKeepAlive() && !services.isStopping();
        FullHttpResponse response = reply.response();
        response.headers().set(HttpHeaderNames.CONNECTION, keep ? HttpHeaderValues.KEEP_ALIVE : HttpHeaderValues.CLOSE);
        if (response.headers().contains(HttpHeaderNames.UPGRADE)) {
            response.headers().add(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE);
        }
        phase = Phase.DISCARDING;
        writer.answer(response, false);
        if (headRequested) {
            response.release();
        } else {
            writer.content(response.content());
        }
        writer.flush();
        if (!keep) {
            endConnection();
        } else if (requestEnded) {
            nextRequest();
        }
    }

    private void nextRequest() {
        if (services.isStopping()) {
            endConnection();
            return;
        }
        if (!channel.isWritable()) {
            // Or a client that only asks and never reads would fill the memory with answers.
            phase = Phase.UNTAKEN;
            await(services.config().limits().answerTimeout());
            channel.flush();
            return;
        }
        phase = Phase.KEEP_ALIVE;
        await(services.config().limits().keepAliveTimeout());
        decoder.setPaused(false);
        decoder.next();
    }

    /**
     * Ends the connection so that the last answer arrives: a close with unread bytes would be a reset, and a reset takes
     * back what the client has not read yet (RFC 9112 §9.6).
     */
    private void endConnection() {
        if (phase == Phase.LINGERING) {
            return;
        }
        phase = Phase.LINGERING;
        decoder.stop();
        await(services.config().limits().answerTimeout());
        SslHandler tls = channel.pipeline().get(SslHandler.class);
        if (tls != null) {
            tls.closeOutbound().addListener(closed -> shutdownOutput());
        } else {
            channel.writeAndFlush(io.netty.buffer.Unpooled.EMPTY_BUFFER).addListener(written -> shutdownOutput());
        }
    }

    private void shutdownOutput() {
        await(LINGER);
        if (channel instanceof DuplexChannel duplex && channel.isActive()) {
            duplex.shutdownOutput().addListener(ChannelFutureListener.CLOSE_ON_FAILURE);
        } else {
            channel.close();
        }
    }

    /** Ends the connection now if no request is under way, else after it. On the event loop. */
    void stopWhenIdle() {
        if (phase == Phase.KEEP_ALIVE || phase == Phase.UNTAKEN || phase == Phase.HEAD && !decoder.isInMessage()) {
            endConnection();
        }
    }

    private void timedOut() {
        switch (phase) {
            case HEAD -> {
                if (decoder.isInMessage()) {
                    send(Decision.Reply.closing(408, "The request head did not arrive in time"));
                } else {
                    channel.close();
                }
            }
            case SERVING, DISCARDING -> checkBodyRate();
            case KEEP_ALIVE -> endConnection();
            case UNTAKEN -> cutOff();
            case LINGERING -> channel.close();
            case HANDED_OVER -> {}
        }
    }

    private void checkBodyRate() {
        HttpLimits limits = services.config().limits();
        long wanted =
                limits.bodyBytesPerSecondMin() * Math.max(1, limits.bodyGrace().toSeconds());
        Exchange current = exchange;
        boolean waiting = current == null || current.isWaitingForClient();
        if (waiting && bodyBytes - bodyBytesAtCheck < wanted) {
            if (phase == Phase.DISCARDING) {
                endConnection();
                return;
            }
            abortWith(408, "The request body did not arrive in time");
            return;
        }
        bodyBytesAtCheck = bodyBytes;
        await(limits.bodyGrace());
    }

    private void await(Duration time) {
        if (wheel != null) {
            wheel.schedule(timer, TimerWheel.ticks(time));
        }
    }

    private void cancelTimer() {
        if (wheel != null) {
            wheel.cancel(timer);
        }
    }
}
