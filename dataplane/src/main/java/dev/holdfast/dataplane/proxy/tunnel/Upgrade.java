package dev.holdfast.dataplane.proxy.tunnel;

import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.dataplane.proxy.http1.HeadBytes;
import dev.holdfast.dataplane.proxy.http1.ResponseDecoderHandler;
import dev.holdfast.dataplane.proxy.telemetry.HandshakeResult;
import dev.holdfast.dataplane.proxy.telemetry.RequestTrail;
import dev.holdfast.dataplane.proxy.telemetry.RouteMetrics;
import dev.holdfast.dataplane.proxy.timer.TimerWheel;
import dev.holdfast.dataplane.proxy.upstream.BackendConnectException;
import dev.holdfast.dataplane.proxy.upstream.ConnectRequest;
import dev.holdfast.dataplane.proxy.upstream.Connected;
import dev.holdfast.dataplane.proxy.upstream.EndpointLease;
import dev.holdfast.dataplane.proxy.upstream.Selection;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One upgrade: connects, sends the request, and turns the backend's answer into a tunnel or relays it as a plain one.
 * Nothing is tunnelled before a validated 101 (RFC 9931 §4); a connection that carried an upgrade is used for nothing
 * else. Confined to the client's event loop.
 */
final class Upgrade extends TimerWheel.Timer {
    /** What is read and thrown away of a client that was refused and goes on sending. */
    private static final int LINGER_BYTES_MAX = 1 << 20;

    private static final int INTERIM_ANSWERS_MAX = 8;

    private enum State {
        CONNECTING,
        /** The request is sent; the head of the answer is awaited. */
        AWAITING,
        /** The backend refused; its answer is relayed. */
        ANSWERING,
        /** The answer is complete; the client is given time to read it. */
        LINGERING,
        OVER
    }

    private final UpgradeRequest request;
    private final Upgrades.Parts parts;
    private final Channel client;
    private final TimerWheel wheel;
    private final LoopTunnels home;
    private final RouteMetrics metrics;
    private final ClientTakeover takeover;
    private State state = State.CONNECTING;
    private @Nullable Future<Connected> connecting;
    private @Nullable Connected connected;
    private @Nullable HttpResponse switching;
    private @Nullable RefusalRelay refusal;
    private @Nullable UpgradeBackendHandler backendHandler;
    private int interimAnswers;
    private long lingeredBytes;

    Upgrade(UpgradeRequest request, Upgrades.Parts parts) {
        this.request = request;
        this.parts = parts;
        this.client = request.channel();
        this.wheel = TimerWheel.of(client.eventLoop());
        this.home = parts.registry().of(client.eventLoop());
        this.metrics = parts.metrics().route(request.route().owner());
        this.takeover = new ClientTakeover(client, new UpgradeClientHandler(this));
    }

    void begin(ActiveTable table) {
        home.begun(this);
        takeover.begin();
        if (state != State.CONNECTING) {
            return;
        }
        if (parts.registry().isOver()) {
            fail(HttpResponseStatus.SERVICE_UNAVAILABLE, "draining", "The server is shutting down.");
            return;
        }
        Selection selection = parts.upstreams().select(table, request.forward(), request.balancing());
        switch (selection) {
            case Selection.Unavailable ignored ->
                fail(HttpResponseStatus.SERVICE_UNAVAILABLE, "no_endpoint", "No backend is available.");
            case Selection.Selected selected -> connect(selected.lease());
        }
    }

    private void connect(EndpointLease lease) {
        String host = request.head()
                .headers()
                .get(HttpHeaderNames.HOST, request.client().host());
        Duration timeout = request.forward().timeouts().connect();
        Future<Connected> future =
                parts.connector().connect(new ConnectRequest(client.eventLoop(), lease, host, timeout, metrics));
        connecting = future;
        future.addListener(done -> connectDone(future));
    }

    private void connectDone(Future<Connected> future) {
        connecting = null;
        if (future.isSuccess()) {
            Connected made = future.getNow();
            if (state == State.CONNECTING) {
                connected = made;
                RequestTrail trail = request.trail();
                if (trail != null) {
                    trail.connected(made.lease().endpoint());
                }
                send(made.channel());
            } else {
                made.channel().close();
                made.lease().release();
            }
        } else if (state == State.CONNECTING && future.cause() instanceof BackendConnectException failure) {
            HttpResponseStatus status = switch (failure.reason()) {
                case TIMEOUT -> HttpResponseStatus.GATEWAY_TIMEOUT;
                case REFUSED, TLS -> HttpResponseStatus.BAD_GATEWAY;
                case LOCAL -> HttpResponseStatus.SERVICE_UNAVAILABLE;
            };
            fail(status, "connect_" + failure.reason().label(), "The backend could not be reached.");
        } else if (state == State.CONNECTING) {
            fail(HttpResponseStatus.BAD_GATEWAY, "connect_refused", "The backend could not be reached.");
        }
    }

    private void send(Channel backend) {
        // First of all: whatever fails from here on, this ends.
        state = State.AWAITING;
        wheel.schedule(this, TimerWheel.ticks(request.forward().timeouts().handshake()));
        ByteBuf bytes;
        try {
            if (request.head().headers().contains(HttpHeaderNames.EXPECT)) {
                // Asked for both, a server answers 100 before 101 (RFC 9110 §7.8); a handshake has no body.
                request.head().headers().remove(HttpHeaderNames.EXPECT);
                takeover.sendContinue();
            }
            UpgradeBackendHandler handler = new UpgradeBackendHandler(this);
            backendHandler = handler;
            handler.install(backend);
            bytes = RequestBytes.of(request.head(), backend.alloc());
        } catch (IllegalArgumentException e) {
            // What the client sent was read octet by octet: it is what the route makes of it.
            fail(HttpResponseStatus.BAD_GATEWAY, "bad_head", "The request cannot be forwarded.");
            return;
        } catch (RuntimeException | Error e) {
            fail(HttpResponseStatus.SERVICE_UNAVAILABLE, "local", "The proxy is out of memory.");
            return;
        }
        backend.writeAndFlush(bytes).addListener(sent -> {
            if (!sent.isSuccess()) {
                backendBroke();
            }
        });
    }

    // What the client does meanwhile.

    /** Bytes of the client before the tunnel is open. */
    void early(ByteBuf bytes) {
        if (state == State.LINGERING) {
            lingeredBytes += bytes.readableBytes();
            if (lingeredBytes > LINGER_BYTES_MAX) {
                client.close();
                over();
            }
        }
        if (state != State.CONNECTING && state != State.AWAITING) {
            bytes.release();
        } else if (!takeover.hold(bytes)) {
            fail(HttpResponseStatus.BAD_REQUEST, "early_bytes", "Wait for the answer before you send frames.");
        }
    }

    // What the backend answers.

    /** After a burst of the backend. */
    void flushAnswer() {
        if (state == State.ANSWERING) {
            takeover.writer().flush();
        }
    }

    void head(HttpResponse response) {
        if (state != State.AWAITING) {
            return;
        }
        if (response.status().code() == 101) {
            String fault = SwitchingAnswer.fault(response, request.offer());
            if (fault == null) {
                switching = response;
            } else {
                fail(HttpResponseStatus.BAD_GATEWAY, fault, "The backend's answer to the upgrade is not valid.");
            }
        } else if (response.status().code() < 200) {
            interim(response);
        } else {
            answer(response);
        }
    }

    void content(ByteBuf part) {
        RefusalRelay relay = refusal;
        if (state == State.ANSWERING && relay != null) {
            relay.content(part);
        } else {
            part.release();
        }
    }

    void answerComplete() {
        RefusalRelay relay = refusal;
        HttpResponse response = switching;
        if (state == State.AWAITING && response != null) {
            handOver(response);
        } else if (state == State.ANSWERING && relay != null) {
            relay.end();
        }
    }

    void badAnswer() {
        if (state == State.ANSWERING) {
            cutShort();
        } else {
            fail(HttpResponseStatus.BAD_GATEWAY, "bad_answer", "The backend's answer cannot be forwarded.");
        }
    }

    /** 100, 103 and their like go on as they come and take no answer's place (RFC 9110 §15.2). */
    private void interim(HttpResponse response) {
        interimAnswers++;
        request.responses().prepare(response, null);
        response.headers().remove(HttpHeaderNames.CONTENT_LENGTH);
        try {
            if (interimAnswers <= INTERIM_ANSWERS_MAX) {
                takeover.writer().answer(response, false);
                takeover.writer().flush();
                return;
            }
        } catch (IllegalArgumentException e) {
            // It cannot be sent as it is.
        }
        badAnswer();
    }

    private void handOver(HttpResponse response) {
        Connected made = connected;
        if (made == null) {
            throw new IllegalStateException("an answer without a connection");
        }
        String cookie = made.lease().stickyCookie(request.client().security());
        made.lease().settled();
        SwitchingAnswer.prepare(response, request.responses(), cookie);
        String subprotocol = response.headers().get(HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL);
        long nanos = System.nanoTime() - request.client().acceptedNanos();
        RelayedTunnel tunnel = new RelayedTunnel(new RelayedTunnel.Parts(
                info(made, subprotocol, Duration.ofNanos(nanos)),
                client,
                made.channel(),
                made.lease(),
                request.forward().timeouts().idle(),
                parts.connector().keepAlive(),
                metrics,
                parts.settings(),
                home));
        ByteBuf head;
        try {
            head = HeadBytes.answer(response.status(), response.headers(), client.alloc());
        } catch (IllegalArgumentException e) {
            badAnswer();
            return;
        }
        // Only now: what failed before leaves an upgrade that ends, and gives back what it has.
        state = State.OVER;
        wheel.cancel(this);
        metrics.handshake(HandshakeResult.UPGRADED, "ok", nanos);
        tell(101);
        client.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
        client.write(head, client.voidPromise());
        tunnel.open();
        home.over(this);
        // The relays are in place before the decoders go: bytes that those still hold arrive when they are removed.
        takeover.handOver(tunnel.fromClient());
        ByteBuf early = takeover.take();
        if (early != null) {
            tunnel.fromClient().relay(early);
            tunnel.fromClient().readComplete();
        }
        made.channel().pipeline().addLast(tunnel.fromBackend());
        made.channel().pipeline().remove(UpgradeBackendHandler.class);
        made.channel().pipeline().remove(ResponseDecoderHandler.class);
        tunnel.fromBackend().readComplete();
        client.flush();
    }

    private TunnelInfo info(Connected made, @Nullable String subprotocol, Duration handshake) {
        return new TunnelInfo(
                parts.registry().nextId(),
                request.route(),
                request.client(),
                request.balancing().address(),
                made.lease().endpoint(),
                subprotocol,
                Instant.now(),
                handshake,
                request.trail());
    }

    private void answer(HttpResponse response) {
        Connected made = connected;
        String cookie =
                made == null ? null : made.lease().stickyCookie(request.client().security());
        RefusalRelay relay = new RefusalRelay(request, takeover.writer(), new RefusalOwner());
        if (!relay.begin(response, cookie)) {
            badAnswer();
            return;
        }
        refusal = relay;
        state = State.ANSWERING;
        takeover.discard();
        wheel.cancel(this);
        ended(HandshakeResult.REFUSED, response.status().code() / 100 + "xx");
        tell(response.status().code());
        if (made != null) {
            parts.connector().keepAlive().apply(made.channel());
            made.lease().settled();
        }
    }

    void setBackendReading(boolean reading) {
        UpgradeBackendHandler backend = backendHandler;
        if (backend != null && state == State.ANSWERING) {
            backend.setPaused(!reading);
        }
    }

    // Ends.

    void backendBroke() {
        if (state == State.AWAITING) {
            fail(HttpResponseStatus.BAD_GATEWAY, "backend_closed", "The backend closed the connection.");
        } else if (state == State.ANSWERING && refusal != null) {
            cutShort();
        }
    }

    /** The answer's body ends early: the client must notice, so nothing completes it. */
    private void cutShort() {
        endBackend();
        takeover.writer().flush();
        client.close();
        over();
    }

    void clientGone() {
        State before = state;
        state = State.OVER;
        if (before == State.CONNECTING || before == State.AWAITING) {
            ended(HandshakeResult.CANCELLED, "client_gone");
            tell(RequestTrail.CLIENT_GONE);
        }
        if (before != State.OVER) {
            endBackend();
            client.close();
            over();
        }
    }

    /** A drain is out of time. */
    void cut() {
        parts.registry().upgradeCut();
        if (state == State.CONNECTING || state == State.AWAITING) {
            fail(HttpResponseStatus.SERVICE_UNAVAILABLE, "draining", "The server is shutting down.");
        } else {
            cutShort();
        }
    }

    private void fail(HttpResponseStatus status, String reason, String text) {
        if (state != State.CONNECTING && state != State.AWAITING) {
            return;
        }
        state = State.LINGERING;
        // Until the answer is taken, which is up to the client.
        wheel.schedule(this, TimerWheel.ticks(parts.settings().halfClosedTimeout()));
        takeover.discard();
        endBackend();
        ended(HandshakeResult.FAILED, reason);
        tell(status.code());
        FullHttpResponse answer = request.responses().local(status, text);
        answer.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        takeover.writer().answer(answer, false);
        takeover.writer().content(answer.content());
        takeover.writer().flush();
        client.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(done -> linger());
    }

    private void tell(int status) {
        RequestTrail trail = request.trail();
        if (trail != null) {
            trail.answered(status);
        }
    }

    private void ended(HandshakeResult result, String reason) {
        metrics.handshake(result, reason, System.nanoTime() - request.client().acceptedNanos());
    }

    /**
     * Ends the stream and waits for the client's end: closing at once, with bytes of the client unread, would send a
     * reset that can destroy the answer on its way (RFC 9112 §9.6).
     */
    private void linger() {
        if (state == State.OVER) {
            return;
        }
        state = State.LINGERING;
        home.over(this);
        wheel.schedule(this, TimerWheel.ticks(parts.settings().finTimeout()));
        StreamEnd.send(client, () -> {});
    }

    private void endRefusal() {
        RefusalRelay relay = refusal;
        refusal = null;
        if (relay != null) {
            relay.stop();
        }
    }

    private void endBackend() {
        Future<Connected> pending = connecting;
        connecting = null;
        if (pending != null) {
            pending.cancel(false);
        }
        UpgradeBackendHandler handler = backendHandler;
        backendHandler = null;
        if (handler != null) {
            handler.stop();
        }
        Connected made = connected;
        connected = null;
        if (made != null) {
            made.channel().close();
            made.lease().release();
        }
    }

    private void over() {
        state = State.OVER;
        takeover.writer().discard();
        wheel.cancel(this);
        endRefusal();
        takeover.discard();
        home.over(this);
    }

    @Override
    protected void expired() {
        switch (state) {
            case AWAITING ->
                fail(HttpResponseStatus.GATEWAY_TIMEOUT, "handshake_timeout", "The backend did not answer in time.");
            case LINGERING -> {
                client.close();
                over();
            }
            case ANSWERING -> cutShort();
            case CONNECTING, OVER -> {}
        }
    }

    private final class RefusalOwner implements RefusalRelay.Owner {
        @Override
        public void setBackendReading(boolean reading) {
            Upgrade.this.setBackendReading(reading);
        }

        @Override
        public void answered(ChannelFuture sent) {
            endRefusal();
            // Until it is taken, which is up to the client.
            wheel.schedule(Upgrade.this, TimerWheel.ticks(parts.settings().halfClosedTimeout()));
            sent.addListener(done -> linger());
            endBackend();
        }

        @Override
        public void cutShort() {
            Upgrade.this.cutShort();
        }
    }
}
