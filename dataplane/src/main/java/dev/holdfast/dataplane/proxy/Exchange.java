package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.dataplane.proxy.http1.Framing;
import dev.holdfast.dataplane.proxy.http1.MessageWriter;
import dev.holdfast.dataplane.proxy.http1.Refusal;
import dev.holdfast.dataplane.proxy.telemetry.RequestTrail;
import dev.holdfast.dataplane.proxy.timer.TimerWheel;
import dev.holdfast.dataplane.proxy.upstream.BackendConnectException;
import dev.holdfast.dataplane.proxy.upstream.BackendConnectException.Reason;
import dev.holdfast.dataplane.proxy.upstream.ConnectRequest;
import dev.holdfast.dataplane.proxy.upstream.Connected;
import dev.holdfast.dataplane.proxy.upstream.EndpointLease;
import dev.holdfast.dataplane.proxy.upstream.Selection;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * One plain request and its answer. Both bodies are streamed; each direction stops reading while the other end does not
 * take what was written, so that neither holds more than its watermark. Confined to the client's event loop.
 */
final class Exchange {
    private static final int INTERIM_ANSWERS_MAX = 32;

    /** What an exchange needs of the client's side. */
    interface Client {
        Channel channel();

        /** Where the answer goes. */
        MessageWriter writer();

        /** Stops or resumes telling the exchange of the request's body. */
        void pauseRequest(boolean paused);

        /** Whether what is left of the request is small and sure to come, so that it can be dropped. */
        boolean canDropRest();

        /** The answer is sent completely; the connection may serve the next request if {@code keepAlive}. */
        void answered(boolean keepAlive);

        /** There is no answer: send one of ours. */
        void unanswered(int status, String reason);

        /** The answer broke off after its head: the client must see that. */
        void cutOff();
    }

    private final FrontServices services;
    private final PlainRequest request;
    private final Client client;
    private final TimerWheel wheel;
    private final TimerWheel.Timer timer = new TimerWheel.Timer() {
        @Override
        protected void expired() {
            timedOut();
        }
    };
    private final long handshakeTicks;
    private final long idleTicks;
    private final long answerTicks;
    private final Retry retry;
    private @Nullable EndpointLease lease;
    private @Nullable BackendConnection connection;
    private @Nullable Future<Connected> connecting;
    private boolean keepAlive;
    private boolean backendKeepAlive;
    private boolean bodyForwarded;
    private boolean requestEnded;
    private boolean answerBegan;
    private boolean answerChunked;
    private boolean done;
    private int interimAnswers;
    private int status;

    Exchange(FrontServices services, PlainRequest request, Client client, boolean keepAlive) {
        this.services = services;
        this.request = request;
        this.client = client;
        this.keepAlive = keepAlive;
        this.wheel = TimerWheel.of(client.channel().eventLoop());
        this.handshakeTicks = TimerWheel.ticks(request.forward().timeouts().handshake());
        this.idleTicks = TimerWheel.ticks(request.forward().timeouts().idle());
        this.retry = new Retry(request);
        this.answerTicks = TimerWheel.ticks(services.config().limits().answerTimeout());
    }

    /** Chooses an endpoint of the table that routed it and sends the head; the body waits until then. */
    void start(ActiveTable table) {
        client.pauseRequest(!request.hasNoBody());
        switch (services.upstreams().select(table, request.forward(), request.balancing())) {
            case Selection.Unavailable unavailable -> fail(503, "No backend is available");
            case Selection.Selected selected -> {
                BackendConnection pooled = services.pool().take(request.poolKey(selected.lease()));
                if (pooled != null) {
                    send(pooled, selected.lease(), true);
                } else {
                    connect(selected.lease());
                }
            }
        }
    }

    private void connect(EndpointLease wanted) {
        // The connector owns the lease until it hands one back.
        lease = null;
        Future<Connected> future = services.connector()
                .connect(new ConnectRequest(
                        client.channel().eventLoop(),
                        wanted,
                        request.hostSeenByBackend(),
                        request.forward().timeouts().connect(),
                        request.metrics()));
        connecting = future;
        future.addListener(this::connected);
    }

    private void connected(Future<? super Connected> future) {
        connecting = null;
        if (future.isSuccess() && future.getNow() instanceof Connected made) {
            if (done) {
                made.channel().close();
                made.lease().release();
                return;
            }
            BackendConnection fresh = BackendConnection.over(
                    made.channel(),
                    request.poolKey(made.lease()),
                    services.config().limits().headBytesMax(),
                    services.connector().keepAlive());
            send(fresh, made.lease(), false);
        } else if (!done) {
            Reason reason =
                    future.cause() instanceof BackendConnectException failure ? failure.reason() : Reason.REFUSED;
            switch (reason) {
                case TIMEOUT -> fail(504, "The backend did not accept in time");
                case REFUSED, TLS -> fail(502, "The backend is not reachable");
                case LOCAL -> fail(503, "The proxy is out of sockets");
            }
        }
    }

    private void send(BackendConnection next, EndpointLease to, boolean isReused) {
        connection = next;
        lease = to;
        retry.sent(to.endpoint(), isReused);
        RequestTrail trail = request.trail();
        if (trail != null) {
            trail.connected(to.endpoint());
        }
        next.attach(this, request.head().method().equals(HttpMethod.HEAD));
        wheel.schedule(timer, handshakeTicks);
        try {
            next.writer().request(request.head(), request.framing() instanceof Framing.Chunked);
        } catch (IllegalArgumentException e) {
            // What the client sent was read octet by octet: it is what the route makes of it.
            fail(502, "The request cannot be forwarded");
            return;
        }
        if (request.hasNoBody()) {
            next.writer().flush();
        }
        client.pauseRequest(false);
        flushToBackend();
    }

    /** A part of the request's body. */
    void requestContent(ByteBuf part) {
        BackendConnection to = connection;
        if (done || to == null) {
            part.release();
            return;
        }
        bodyForwarded = true;
        RequestTrail trail = request.trail();
        if (trail != null) {
            trail.fromClient(part.readableBytes());
        }
        heardOfClient();
        to.writer().content(part);
        if (!to.channel().isWritable()) {
            to.writer().flush();
            client.pauseRequest(!to.channel().isWritable());
        }
    }

    /** The end of the request. */
    void requestEnd(HttpHeaders trailers) {
        requestEnded = true;
        BackendConnection to = connection;
        if (done || to == null || request.hasNoBody()) {
            return;
        }
        heardOfClient();
        to.writer().end(HopByHop.trailers(trailers));
        to.writer().flush();
    }

    /** A byte in one direction keeps both alive; but what it sends gives a client no more time to take its answer. */
    private void heardOfClient() {
        if (!answerBegan) {
            wheel.schedule(timer, handshakeTicks);
        } else if (client.channel().isWritable()) {
            wheel.schedule(timer, idleTicks);
        }
    }

    /** The client is gone. */
    void abort() {
        if (!done) {
            finish();
            destroyBackend();
        }
    }

    boolean hasAnswerBegun() {
        return answerBegan;
    }

    /** Whether it waits for bytes of the client, rather than for the backend to take them. */
    boolean isWaitingForClient() {
        BackendConnection to = connection;
        return to != null && to.channel().isWritable();
    }

    void flushToBackend() {
        BackendConnection to = connection;
        if (to != null) {
            to.writer().flush();
        }
    }

    void flushToClient() {
        client.writer().flush();
    }

    void backendWritabilityChanged() {
        BackendConnection to = connection;
        if (to != null && to.channel().isWritable() && !done) {
            client.pauseRequest(false);
        }
    }

    void clientWritabilityChanged() {
        BackendConnection from = connection;
        if (from != null && !done) {
            boolean isTaken = client.channel().isWritable();
            if (answerBegan) {
                wheel.schedule(timer, isTaken ? idleTicks : Math.min(answerTicks, idleTicks));
            }
            from.decoder().setPaused(!isTaken);
        }
    }

    /** A head from the backend. */
    void response(HttpResponse head, Framing framing) {
        int code = head.status().code();
        if (code == 101) {
            fail(502, "The backend switched protocols unasked");
        } else if (code < 200) {
            interim(head);
        } else {
            answer(head, framing);
        }
    }

    private void interim(HttpResponse head) {
        if (++interimAnswers > INTERIM_ANSWERS_MAX) {
            fail(502, "The backend sent too many interim answers");
        } else if (!request.ofVersion10()) {
            HttpHeaders headers = head.headers();
            HopByHop.strip(headers);
            headers.remove(HttpHeaderNames.CONTENT_LENGTH);
            try {
                client.writer().answer(head, false);
                client.writer().flush();
            } catch (IllegalArgumentException e) {
                fail(502, "The backend's answer cannot be forwarded");
            }
        }
    }

    private void answer(HttpResponse head, Framing framing) {
        status = head.status().code();
        backendKeepAlive =
                HttpUtil.isKeepAlive(head) && !(framing instanceof Framing.UntilClose) && !announcesWhatCannotBe(head);
        EndpointLease of = lease;
        String cookie = null;
        if (of != null) {
            cookie = of.stickyCookie(request.security());
            of.settled();
        }
        String upgrade = status == 426 ? head.headers().get(HttpHeaderNames.UPGRADE) : null;
        ResponsePreparation.prepare(head, request.forward().responseHeaders(), cookie);
        head.setProtocolVersion(HttpVersion.HTTP_1_1);
        frame(head, framing);
        // An answer before the end of the request: the next request begins behind what is left of this one.
        keepAlive = keepAlive && (isRequestSent() || client.canDropRest());
        keepAlive = keepAlive && !services.isStopping();
        if (!keepAlive) {
            head.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        } else if (request.ofVersion10()) {
            head.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.KEEP_ALIVE);
        }
        if (upgrade != null) {
            // It must say what to upgrade to (RFC 9110 §15.5.22).
            head.headers().set(HttpHeaderNames.UPGRADE, upgrade);
            head.headers().add(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE);
        }
        try {
            client.writer().answer(head, answerChunked);
        } catch (IllegalArgumentException e) {
            fail(502, "The backend's answer cannot be forwarded");
            return;
        }
        answerBegan = true;
        wheel.schedule(timer, idleTicks);
    }

    /** A body behind a 204 (RFC 9110 §8.6): it may still come, and would be taken for the next answer. */
    private boolean announcesWhatCannotBe(HttpResponse head) {
        HttpHeaders headers = head.headers();
        return status == 204
                && (headers.contains(HttpHeaderNames.TRANSFER_ENCODING)
                        || headers.contains(HttpHeaderNames.CONTENT_LENGTH)
                                && !headers.contains(HttpHeaderNames.CONTENT_LENGTH, HttpHeaderValues.ZERO, false));
    }

    private void frame(HttpResponse head, Framing framing) {
        HttpHeaders headers = head.headers();
        switch (framing) {
            case Framing.None none -> {
                boolean mayTellLength = request.head().method().equals(HttpMethod.HEAD) || status == 304;
                if (status == 204
                        || headers.getAll(HttpHeaderNames.CONTENT_LENGTH).isEmpty() && mayTellLength) {
                    headers.remove(HttpHeaderNames.CONTENT_LENGTH);
                } else if (!mayTellLength) {
                    headers.set(HttpHeaderNames.CONTENT_LENGTH, HttpHeaderValues.ZERO);
                }
            }
            case Framing.Fixed fixed -> headers.set(HttpHeaderNames.CONTENT_LENGTH, Long.toString(fixed.bytes()));
            case Framing.Chunked chunked -> frameOpenEnded(headers);
            case Framing.UntilClose untilClose -> frameOpenEnded(headers);
        }
    }

    private void frameOpenEnded(HttpHeaders headers) {
        headers.remove(HttpHeaderNames.CONTENT_LENGTH);
        if (request.ofVersion10()) {
            keepAlive = false;
        } else {
            answerChunked = true;
            headers.set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
        }
    }

    /** A part of the answer's body. */
    void responseContent(ByteBuf part) {
        BackendConnection from = connection;
        if (done || from == null) {
            part.release();
            return;
        }
        wheel.schedule(timer, idleTicks);
        RequestTrail trail = request.trail();
        if (trail != null) {
            trail.fromBackend(part.readableBytes());
        }
        MessageWriter to = client.writer();
        to.content(part);
        if (!to.isWritable()) {
            to.flush();
            clientWritabilityChanged();
        }
    }

    /** The end of the answer. */
    void responseEnd(HttpHeaders trailers) {
        if (done) {
            return;
        }
        client.writer().end(HopByHop.trailers(trailers));
        client.writer().flush();
        finish();
        recycle();
        client.answered(keepAlive);
    }

    private boolean isRequestSent() {
        return requestEnded || request.hasNoBody();
    }

    /** Only a connection with nothing outstanding in either direction serves again. */
    private void recycle() {
        BackendConnection used = connection;
        connection = null;
        if (used == null) {
            return;
        }
        if (isRequestSent() && backendKeepAlive && used.isUsable()) {
            services.pool().offer(used);
        } else {
            used.destroy();
        }
    }

    /** What the backend sends is not HTTP as we take it. */
    void responseRefused(Refusal refusal) {
        fail(502, "The backend's answer is malformed");
    }

    /** The first octet of an answer is here. */
    void responseBegins() {
        retry.answerBegins();
    }

    /** The backend ended the connection before the end of its answer. */
    void backendClosed() {
        if (done) {
            return;
        }
        EndpointLease used = lease;
        lease = null;
        EndpointLease again = used == null ? null : retry.next(used, bodyForwarded || requestEnded);
        if (again == null) {
            fail(502, "The backend closed the connection before its answer was complete");
            return;
        }
        connection = null;
        wheel.cancel(timer);
        client.pauseRequest(!request.hasNoBody());
        connect(again);
    }

    private void timedOut() {
        fail(504, "The backend did not answer in time");
    }

    private void fail(int code, String reason) {
        if (done) {
            return;
        }
        boolean began = answerBegan;
        finish();
        destroyBackend();
        if (began) {
            client.cutOff();
        } else {
            status = code;
            client.unanswered(code, reason);
        }
    }

    private void finish() {
        done = true;
        wheel.cancel(timer);
        EndpointLease held = lease;
        lease = null;
        if (held != null) {
            held.release();
        }
        if (answerBegan) {
            request.count(status);
        }
        Future<Connected> pending = connecting;
        if (pending != null) {
            pending.cancel(false);
        }
    }

    private void destroyBackend() {
        BackendConnection used = connection;
        connection = null;
        if (used != null) {
            used.destroy();
        }
    }
}
