package dev.holdfast.dataplane.proxy.upstream;

import dev.holdfast.dataplane.proxy.timer.TimerWheel;
import dev.holdfast.dataplane.proxy.transport.KeepAlive;
import dev.holdfast.dataplane.proxy.transport.SocketBuffers;
import dev.holdfast.dataplane.proxy.upstream.BackendConnectException.Reason;
import dev.holdfast.routetable.BackendTls;
import dev.holdfast.routetable.Upstream;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.IoEventLoop;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.kqueue.KQueueIoHandle;
import io.netty.channel.kqueue.KQueueSocketChannel;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.SocketProtocolFamily;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.security.cert.CertificateException;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * Connects to endpoints, and to another endpoint of the upstream when one does not answer. Nothing of the request has
 * been sent then, so trying again is always safe.
 */
public final class BackendConnector {
    /** Receive buffer of a plain socket, at first: larger ones are not pooled by size, and a head needs none. */
    private static final int PLAIN_RECEIVE_BYTES = 16_384;

    /** The same while much is received. */
    private static final int PLAIN_RECEIVE_BYTES_MAX = 65_536;

    /** Receive buffer of a TLS socket: holds one full record (RFC 8446 §5.2). */
    private static final int TLS_RECEIVE_BYTES = 16_896;

    private static final int ENDPOINTS_TRIED_MAX = 3;

    private static final RecvByteBufAllocator PLAIN_RECEIVES = plainReceives();
    private static final RecvByteBufAllocator TLS_RECEIVES = tlsReceives();

    private final BackendTlsHandlers tls;
    private final KeepAlive keepAlive;

    /** TLS handlers come from {@code tls}; an endpoint that is gone is to be noticed after two minutes. */
    public BackendConnector(BackendTlsHandlers tls) {
        this(tls, KeepAlive.DEFAULT);
    }

    /** TLS handlers come from {@code tls}; who keeps a connection of it sets {@code keepAlive}. */
    public BackendConnector(BackendTlsHandlers tls, KeepAlive keepAlive) {
        this.tls = tls;
        this.keepAlive = keepAlive;
    }

    /**
     * How an endpoint that is gone is noticed. Not set on new connections: a tunnel that is over within a second would
     * pay five system calls for nothing.
     */
    public KeepAlive keepAlive() {
        return keepAlive;
    }

    /**
     * Connects to the leased endpoint, or to another one of its upstream while none answers, three at most. Call on the
     * request's event loop; the future completes there. Cancelling it abandons the attempt and releases the lease.
     *
     * @return fails with {@link BackendConnectException}; the lease is released then
     */
    public Future<Connected> connect(ConnectRequest request) {
        Promise<Connected> result = request.loop().newPromise();
        new Attempts(request, result).first();
        return result;
    }

    private final class Attempts {
        private final ConnectRequest request;
        private final Promise<Connected> result;
        private EndpointLease lease;
        private @Nullable Attempt current;
        private int tried;

        Attempts(ConnectRequest request, Promise<Connected> result) {
            this.request = request;
            this.result = result;
            this.lease = request.lease();
        }

        void first() {
            result.addListener(future -> {
                if (future.isCancelled()) {
                    abandon();
                }
            });
            start();
        }

        private void start() {
            tried++;
            Attempt attempt = new Attempt(this, lease);
            current = attempt;
            attempt.start();
        }

        private void abandon() {
            Attempt attempt = current;
            lease.release();
            if (attempt != null) {
                attempt.abandon();
            }
        }

        void succeeded(Attempt attempt, Channel channel) {
            request.metrics().backendConnected(System.nanoTime() - attempt.startNanos);
            if (!result.trySuccess(new Connected(channel, lease))) {
                channel.close();
                lease.release();
            }
        }

        /** Not the endpoint's fault: another one would fare no better, and none is to be avoided for it. */
        void failedHere(Reason reason, String what, RuntimeException cause) {
            lease.release();
            request.metrics().backendConnectFailed(reason.label());
            result.tryFailure(
                    new BackendConnectException(reason, what + ": " + String.valueOf(cause.getMessage()), cause));
        }

        /**
         * A certificate that is not for the name that the client asked for says nothing of the endpoint. The JDK throws the
         * class itself for a name, and others of its kind for all else that is wrong with a certificate. One endpoint of many that
         * has another's certificate is therefore asked again by each request, and passed over.
         */
        private boolean isOfThisRequest(BackendConnectException failure) {
            BackendTls tls = lease.upstream().tls();
            Throwable cause = failure;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            return tls != null && tls.serverName() == null && cause.getClass().equals(CertificateException.class);
        }

        void failed(BackendConnectException failure) {
            if (result.isDone()) {
                return;
            }
            request.metrics().backendConnectFailed(failure.reason().label());
            Selection next = lease.next(!isOfThisRequest(failure));
            switch (next) {
                case Selection.Selected selected -> {
                    if (tried < ENDPOINTS_TRIED_MAX) {
                        lease = selected.lease();
                        start();
                    } else {
                        selected.lease().release();
                        result.tryFailure(failure);
                    }
                }
                case Selection.Unavailable ignored -> result.tryFailure(failure);
            }
        }
    }

    /** One connection to one endpoint. Its own timer: Netty's would stay reachable for the life of the channel. */
    private final class Attempt extends TimerWheel.Timer {
        private final Attempts owner;
        private final EndpointLease lease;
        private final TimerWheel wheel;
        private final long startNanos = System.nanoTime();
        private @Nullable Channel channel;
        private boolean connected;
        private boolean done;

        Attempt(Attempts owner, EndpointLease lease) {
            this.owner = owner;
            this.lease = lease;
            this.wheel = TimerWheel.of(owner.request.loop());
        }

        void start() {
            Channel created;
            try {
                created = newChannel(owner.request.loop(), lease);
            } catch (RuntimeException e) {
                // Out of file descriptors, above all.
                done = true;
                owner.failedHere(Reason.LOCAL, "no socket", e);
                return;
            }
            channel = created;
            wheel.schedule(this, TimerWheel.ticks(owner.request.timeout()));
            owner.request.loop().register(created).addListener(registered -> {
                if (!registered.isSuccess()) {
                    fail(Reason.REFUSED, registered.cause());
                } else if (!done && lease.address().isUnresolved()) {
                    EndpointNames.resolve(lease.address(), owner.request.loop())
                            .addListener((Future<InetSocketAddress> found) -> nameDone(created, found));
                } else if (!done) {
                    connect(created, lease.address());
                }
            });
        }

        private void nameDone(Channel created, Future<InetSocketAddress> found) {
            if (!found.isSuccess()) {
                fail(Reason.REFUSED, found.cause());
            } else if (!done) {
                connect(created, found.getNow());
            }
        }

        private void connect(Channel created, InetSocketAddress address) {
            created.connect(address).addListener(f -> tcpDone((ChannelFuture) f));
        }

        private void tcpDone(ChannelFuture future) {
            if (done) {
                future.channel().close();
                return;
            }
            Channel tcp = future.channel();
            if (!future.isSuccess()) {
                fail(Reason.REFUSED, future.cause());
                return;
            }
            connected = true;
            Upstream upstream = lease.upstream();
            if (upstream.tls() == null) {
                succeed(tcp);
                return;
            }
            SslHandler handler;
            try {
                handler = tls.newHandler(upstream, owner.request.hostSeenByBackend(), lease.address(), tcp.alloc());
            } catch (RuntimeException e) {
                // The name that the client asked for, above all.
                finish();
                owner.failedHere(Reason.TLS, "no handshake", e);
                return;
            }
            handler.setHandshakeTimeoutMillis(0);
            // The waiter first: inserting the SslHandler into an active channel starts the handshake at once.
            tcp.pipeline().addLast(new HandshakeHandler(this));
            tcp.pipeline().addFirst(handler);
        }

        void succeed(Channel tcp) {
            if (!done) {
                done = true;
                wheel.cancel(this);
                owner.succeeded(this, tcp);
            }
        }

        void fail(Reason reason, @Nullable Throwable cause) {
            if (!done) {
                finish();
                owner.failed(new BackendConnectException(
                        reason,
                        lease.endpoint().address() + ":" + lease.endpoint().port() + ": " + text(cause),
                        cause));
            }
        }

        void abandon() {
            if (!done) {
                finish();
            }
        }

        private void finish() {
            done = true;
            wheel.cancel(this);
            Channel open = channel;
            if (open != null) {
                open.close();
            }
        }

        @Override
        protected void expired() {
            fail(
                    Reason.TIMEOUT,
                    new CancellationException(connected ? "TLS handshake timed out" : "connect timed out"));
        }

        private static String text(@Nullable Throwable cause) {
            return cause == null ? "failed" : String.valueOf(cause.getMessage());
        }
    }

    /** Waits for the TLS handshake, then leaves the pipeline. */
    private static final class HandshakeHandler extends ChannelInboundHandlerAdapter {
        private final Attempt attempt;

        HandshakeHandler(Attempt attempt) {
            this.attempt = attempt;
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
            if (event instanceof SslHandshakeCompletionEvent completion) {
                if (completion.isSuccess()) {
                    ctx.pipeline().remove(this);
                    attempt.succeed(ctx.channel());
                } else {
                    attempt.fail(Reason.TLS, completion.cause());
                }
            } else if (event instanceof ChannelInputShutdownEvent) {
                // Half-closed, the channel stays active, and the SslHandler would wait for the rest.
                attempt.fail(Reason.TLS, new ClosedChannelException());
            }
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            attempt.fail(Reason.TLS, new ClosedChannelException());
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            attempt.fail(Reason.TLS, cause);
        }
    }

    /** How much is received at once on a plain connection. */
    public static RecvByteBufAllocator plainReceives() {
        return new AdaptiveRecvByteBufAllocator(PLAIN_RECEIVE_BYTES, PLAIN_RECEIVE_BYTES, PLAIN_RECEIVE_BYTES_MAX);
    }

    /** How much is received at once on a TLS connection. */
    public static RecvByteBufAllocator tlsReceives() {
        return new FixedRecvByteBufAllocator(TLS_RECEIVE_BYTES);
    }

    private Channel newChannel(EventLoop loop, EndpointLease lease) {
        Upstream upstream = lease.upstream();
        Channel channel = socketFor(loop, lease.address().getAddress());
        channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
        SocketBuffers.boundBackend(channel);
        channel.config().setConnectTimeoutMillis(0);
        channel.config().setRecvByteBufAllocator(upstream.tls() == null ? PLAIN_RECEIVES : TLS_RECEIVES);
        return channel;
    }

    /** {@code address} is null for a name, which may have an address of either family. */
    private static Channel socketFor(EventLoop loop, @Nullable InetAddress address) {
        if (loop instanceof IoEventLoop io) {
            if (io.isCompatible(EpollIoHandle.class)) {
                if (address == null) {
                    return new EpollSocketChannel();
                }
                // One of IPv4 alone needs a system call less than one of both, and its packets a shorter way.
                return new EpollSocketChannel(
                        address instanceof Inet4Address ? SocketProtocolFamily.INET : SocketProtocolFamily.INET6);
            }
            if (io.isCompatible(KQueueIoHandle.class)) {
                return new KQueueSocketChannel();
            }
        }
        return new NioSocketChannel();
    }
}
