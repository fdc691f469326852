package dev.holdfast.e2e.overload;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.ReferenceCountUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A backend that does as its path says. Upgrades: {@code /pour} sends without end, {@code /half} sends one frame and half of
 * another, {@code /idle} is silent until {@link #pourIntoAll}. Requests: {@code /big} answers 256 MiB, then too;
 * {@code /mute} never, all others {@code ok}.
 */
final class WireBackend implements AutoCloseable {
    /** Of the frame whose half is sent. */
    static final int HALF_FRAME_BYTES = 1_000;

    private static final Object POUR = new Object();
    private static final Pattern KEY = Pattern.compile("(?i)sec-websocket-key: *(\\S+)");
    private static final int BLOCK_BYTES = 16_384;
    private static final long BIG_BYTES = 256L << 20;

    /**
     * The kernel takes what all sockets of a machine hold from one pool ({@code net.ipv4.tcp_mem}) and drops segments of
     * everybody when it runs low, which a thousand backends that pour into 4 MiB each bring about by themselves.
     */
    private static final int UNSENT_BYTES_MAX = 256 << 10;

    private final EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final Set<Channel> tunnels = ConcurrentHashMap.newKeySet();
    private final Set<Channel> connections = ConcurrentHashMap.newKeySet();
    private final Queue<Long> stallNanos = new ConcurrentLinkedQueue<>();
    private final AtomicInteger bigAsked = new AtomicInteger();
    private final Channel listener;

    WireBackend() {
        listener = new ServerBootstrap()
                .group(group)
                .channel(NioServerSocketChannel.class)
                .option(ChannelOption.SO_BACKLOG, 4_096)
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .childOption(ChannelOption.SO_SNDBUF, UNSENT_BYTES_MAX)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        connections.add(channel);
                        channel.closeFuture().addListener(closed -> {
                            connections.remove(channel);
                            tunnels.remove(channel);
                        });
                        channel.pipeline().addLast(new Peer());
                    }
                })
                .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .syncUninterruptibly()
                .channel();
    }

    /** A backend as a process; it prints its port. */
    public static void main(String[] arguments) throws InterruptedException {
        WireBackend backend = new WireBackend();
        System.out.println("backend port=" + backend.port());
        backend.listener.closeFuture().sync();
    }

    int port() {
        return ((InetSocketAddress) listener.localAddress()).getPort();
    }

    /** Tunnels that are open here. */
    int tunnels() {
        return tunnels.size();
    }

    /** Connections that are open here. */
    int connections() {
        return connections.size();
    }

    /**
     * The longest time, in seconds, from the last block of a {@code /big} answer that the kernel here took to the end of its
     * connection, of all that have ended before they were complete; 0 before the first.
     */
    double longestStallSeconds() {
        return stallNanos.stream().mapToLong(Long::longValue).max().orElse(0) / 1e9;
    }

    /** How many times {@code /big} was asked for. */
    int bigAsked() {
        return bigAsked.get();
    }

    /** How many {@code /big} answers ended before they were complete. */
    int stalls() {
        return stallNanos.size();
    }

    /** Resets every tunnel. */
    void resetTunnels() {
        for (Channel tunnel : tunnels) {
            tunnel.config().setOption(ChannelOption.SO_LINGER, 0);
            tunnel.close();
        }
    }

    /** Begins to send without end into every tunnel that is open, and to answer what asked for {@code /big}. */
    void pourIntoAll() {
        for (Channel connection : connections) {
            connection.pipeline().fireUserEventTriggered(POUR);
        }
    }

    /** Ends the stream of every tunnel, wherever it stands, and keeps reading. */
    void halfCloseTunnels() {
        for (Channel tunnel : tunnels) {
            ((SocketChannel) tunnel).shutdownOutput();
        }
    }

    @Override
    public void close() {
        listener.close().syncUninterruptibly();
        group.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
    }

    private final class Peer extends ChannelInboundHandlerAdapter {
        private final StringBuilder head = new StringBuilder();
        private final ByteBuf block =
                Unpooled.unreleasableBuffer(Unpooled.buffer(BLOCK_BYTES).writeZero(BLOCK_BYTES));
        private final ByteBuf frame = Unpooled.unreleasableBuffer(Frames.binary(BLOCK_BYTES, false));
        private boolean pours;
        private long bodyLeft;
        private boolean bodyAwaited;
        private boolean bigAwaited;
        private long progressNanos;

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            if (message instanceof ByteBuf bytes && !tunnels.contains(ctx.channel()) && !bodyAwaited) {
                head.append(bytes.toString(StandardCharsets.ISO_8859_1));
                int end = head.indexOf("\r\n\r\n");
                if (end >= 0) {
                    String text = head.substring(0, end + 2);
                    head.setLength(0);
                    request(ctx, text);
                }
            }
            ReferenceCountUtil.release(message);
        }

        private void request(ChannelHandlerContext ctx, String text) {
            String path = text.split(" ")[1];
            Matcher key = KEY.matcher(text);
            if (key.find()) {
                tunnels.add(ctx.channel());
                ctx.write(ascii("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        + "Sec-WebSocket-Accept: " + accept(key.group(1)) + "\r\n\r\n"));
                if (path.equals("/half")) {
                    ctx.write(Frames.binary(HALF_FRAME_BYTES, false));
                    ctx.write(Frames.binary(HALF_FRAME_BYTES, false).readSlice(4 + HALF_FRAME_BYTES / 2));
                }
                pours = path.equals("/pour");
                ctx.flush();
                pour(ctx);
            } else if (path.equals("/big")) {
                bigAwaited = true;
                bigAsked.incrementAndGet();
            } else if (path.equals("/mute")) {
                bodyAwaited = true;
            } else if (text.startsWith("POST")) {
                bodyAwaited = true;
            } else {
                ctx.writeAndFlush(ascii("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
            }
        }

        @Override
        public void channelWritabilityChanged(ChannelHandlerContext ctx) {
            pour(ctx);
        }

        private void pour(ChannelHandlerContext ctx) {
            // In turns: one connection that takes everything must not starve the others.
            for (int i = 0; i < 8 && ctx.channel().isWritable(); i++) {
                if (pours) {
                    ctx.write(frame.duplicate());
                } else if (bodyLeft > 0) {
                    int length = (int) Math.min(BLOCK_BYTES, bodyLeft);
                    bodyLeft -= length;
                    ctx.write(block.duplicate().readSlice(length)).addListener(taken -> {
                        if (taken.isSuccess()) {
                            progressNanos = System.nanoTime();
                        }
                    });
                }
            }
            ctx.flush();
            if (ctx.channel().isActive() && ctx.channel().isWritable() && (pours || bodyLeft > 0)) {
                ctx.executor().execute(() -> pour(ctx));
            }
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
            if (event == POUR) {
                pours = tunnels.contains(ctx.channel());
                if (bigAwaited) {
                    bigAwaited = false;
                    bodyLeft = BIG_BYTES;
                    progressNanos = System.nanoTime();
                    ctx.write(ascii("HTTP/1.1 200 OK\r\nContent-Length: " + BIG_BYTES + "\r\n\r\n"));
                }
                pour(ctx);
            } else {
                // A peer that ends its stream is done with us.
                ctx.close();
            }
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            if (bodyLeft > 0) {
                stallNanos.add(System.nanoTime() - progressNanos);
            }
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            ctx.close();
        }
    }

    static ByteBuf ascii(String text) {
        return ByteBufUtil.writeAscii(io.netty.buffer.UnpooledByteBufAllocator.DEFAULT, text);
    }

    private static String accept(String key) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-1")
                    .digest((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").getBytes(StandardCharsets.US_ASCII));
            return Base64.getEncoder().encodeToString(digest);
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
