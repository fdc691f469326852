import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.ContinuationWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PingWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PongWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketClientHandshaker;
import io.netty.handler.codec.http.websocketx.WebSocketClientHandshakerFactory;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketFrameAggregator;
import io.netty.handler.codec.http.websocketx.WebSocketServerHandshaker;
import io.netty.handler.codec.http.websocketx.WebSocketServerHandshakerFactory;
import io.netty.handler.codec.http.websocketx.WebSocketVersion;
import io.netty.handler.codec.http.websocketx.extensions.compression.WebSocketClientCompressionHandler;
import io.netty.handler.codec.http.websocketx.extensions.compression.WebSocketServerCompressionHandler;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLParameters;

/** Netty's own WebSocket codec as backend and as client. */
final class NettyPeer {
    private static final EventLoopGroup LOOPS = new MultiThreadIoEventLoopGroup(2, NioIoHandler.newFactory());
    private static final Map<String, String> ENDS = new ConcurrentHashMap<>();

    private NettyPeer() {}

    static void serve() throws Exception {
        Channel server = new ServerBootstrap()
                .group(LOOPS)
                .channel(NioServerSocketChannel.class)
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel channel) {
                        channel.pipeline()
                                .addLast(
                                        new HttpServerCodec(),
                                        new HttpObjectAggregator(1 << 16),
                                        new WebSocketServerCompressionHandler(Checks.MESSAGE_BYTES_MAX),
                                        new Upgrader());
                    }
                })
                .bind("127.0.0.1", 0)
                .sync()
                .channel();
        Checks.announce(((InetSocketAddress) server.localAddress()).getPort());
    }

    private static final class Upgrader extends SimpleChannelInboundHandler<FullHttpRequest> {
        @Override
        protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
            WebSocketServerHandshaker handshaker = new WebSocketServerHandshakerFactory(
                            request.uri(), String.join(",", Checks.PROTOCOLS), true, Checks.MESSAGE_BYTES_MAX)
                    .newHandshaker(request);
            if (handshaker == null) {
                ctx.close();
                return;
            }
            String offered = request.headers().get(HttpHeaderNames.SEC_WEBSOCKET_EXTENSIONS, "");
            handshaker.handshake(ctx.channel(), request);
            ctx.pipeline()
                    .addLast(
                            new WebSocketFrameAggregator(Checks.MESSAGE_BYTES_MAX),
                            new Echo(handshaker, request.uri(), offered));
            ctx.pipeline().remove(this);
        }
    }

    private static final class Echo extends SimpleChannelInboundHandler<WebSocketFrame> {
        private final WebSocketServerHandshaker handshaker;
        private final String uri;
        private final String offered;
        private String end = "abnormal";
        private boolean closing;

        Echo(WebSocketServerHandshaker handshaker, String uri, String offered) {
            this.handshaker = handshaker;
            this.uri = uri;
            this.offered = offered;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, WebSocketFrame frame) {
            switch (frame) {
                case TextWebSocketFrame text -> {
                    if (text.text().startsWith("/")) {
                        command(ctx, text.text().split(" ", 3));
                    } else {
                        ctx.writeAndFlush(text.retain());
                    }
                }
                case BinaryWebSocketFrame binary -> ctx.writeAndFlush(binary.retain());
                case PingWebSocketFrame ping ->
                    ctx.writeAndFlush(new PongWebSocketFrame(ping.content().retain()));
                case PongWebSocketFrame pong ->
                    say(ctx, "pong " + pong.content().toString(StandardCharsets.UTF_8));
                case CloseWebSocketFrame close -> {
                    end = Checks.end(close.statusCode(), close.reasonText());
                    if (closing) {
                        ctx.close();
                    } else {
                        handshaker.close(ctx, close.retain());
                    }
                }
                default -> throw new IllegalStateException(frame.toString());
            }
        }

        private void command(ChannelHandlerContext ctx, String[] words) {
            switch (words[0]) {
                case "/close" -> {
                    closing = true;
                    ctx.writeAndFlush(new CloseWebSocketFrame(Integer.parseInt(words[1]), words[2]));
                }
                case "/ping" ->
                    ctx.writeAndFlush(new PingWebSocketFrame(Unpooled.copiedBuffer("hold", StandardCharsets.UTF_8)));
                case "/abort" -> reset(ctx.channel());
                case "/closed" -> say(ctx, ENDS.getOrDefault(words[1], "none"));
                case "/info" -> {
                    String protocol = handshaker.selectedSubprotocol();
                    say(
                            ctx,
                            Checks.json(Map.of(
                                    "protocol",
                                    protocol == null ? "" : protocol,
                                    "offered",
                                    offered,
                                    "path",
                                    uri.replaceAll("id=[^&]*", "id="))));
                }
                case "/frag" -> {
                    int parts = Integer.parseInt(words[1]);
                    for (int i = 0; i < parts; i++) {
                        boolean last = i == parts - 1;
                        String part = "part-" + i + " ";
                        ctx.write(
                                i == 0
                                        ? new TextWebSocketFrame(last, 0, part)
                                        : new ContinuationWebSocketFrame(last, 0, part));
                    }
                    ctx.flush();
                }
                default -> ctx.close();
            }
        }

        private static void say(ChannelHandlerContext ctx, String text) {
            ctx.writeAndFlush(new TextWebSocketFrame(text));
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            ENDS.put(Checks.id(uri), end);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            ctx.close();
        }
    }

    private static void reset(Channel channel) {
        channel.config().setOption(ChannelOption.SO_LINGER, 0);
        // From the head of the pipeline: TLS would say goodbye first.
        channel.pipeline().firstContext().close();
    }

    static Checks.Connection connect(URI uri, List<String> protocols, boolean deflate) throws Exception {
        String offered = protocols.isEmpty() ? null : String.join(",", protocols);
        Client client = new Client(WebSocketClientHandshakerFactory.newHandshaker(
                uri, WebSocketVersion.V13, offered, true, new DefaultHttpHeaders(), Checks.MESSAGE_BYTES_MAX));
        SslContext tls = uri.getScheme().equals("wss")
                ? SslContextBuilder.forClient().trustManager(Checks.trust()).build()
                : null;
        new Bootstrap()
                .group(LOOPS)
                .channel(NioSocketChannel.class)
                .handler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel channel) {
                        if (tls != null) {
                            channel.pipeline().addLast(tlsHandler(tls, channel, uri));
                        }
                        channel.pipeline().addLast(new HttpClientCodec(), new HttpObjectAggregator(1 << 16));
                        if (deflate) {
                            channel.pipeline().addLast(new WebSocketClientCompressionHandler(Checks.MESSAGE_BYTES_MAX));
                        }
                        channel.pipeline().addLast(client);
                    }
                })
                .connect("127.0.0.1", uri.getPort())
                .sync();
        client.opened.get(Checks.WAIT_SECONDS, TimeUnit.SECONDS);
        return client;
    }

    private static SslHandler tlsHandler(SslContext tls, SocketChannel channel, URI uri) {
        SslHandler handler = tls.newHandler(channel.alloc(), uri.getHost(), uri.getPort());
        SSLParameters parameters = handler.engine().getSSLParameters();
        parameters.setServerNames(Checks.serverNames(uri));
        handler.engine().setSSLParameters(parameters);
        return handler;
    }

    private static final class Client extends SimpleChannelInboundHandler<Object> implements Checks.Connection {
        private final WebSocketClientHandshaker handshaker;
        private final Checks.Inbox inbox = new Checks.Inbox();
        private final CompletableFuture<Void> opened = new CompletableFuture<>();
        private Channel channel;
        private String extensions = "";
        private String end = "abnormal";
        private volatile boolean closing;

        Client(WebSocketClientHandshaker handshaker) {
            this.handshaker = handshaker;
        }

        @Override
        public void channelActive(ChannelHandlerContext ctx) {
            channel = ctx.channel();
            handshaker.handshake(channel);
        }

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, Object message) {
            switch (message) {
                case FullHttpResponse response -> {
                    // Before the handshake is finished: it takes the codec for HTTP away.
                    extensions = response.headers().get(HttpHeaderNames.SEC_WEBSOCKET_EXTENSIONS, "");
                    handshaker.finishHandshake(channel, response);
                    ctx.pipeline()
                            .addBefore(ctx.name(), "messages", new WebSocketFrameAggregator(Checks.MESSAGE_BYTES_MAX));
                    opened.complete(null);
                }
                case PingWebSocketFrame ping ->
                    ctx.writeAndFlush(new PongWebSocketFrame(ping.content().retain()));
                case PongWebSocketFrame pong -> inbox.pong(pong.content().toString(StandardCharsets.UTF_8));
                case CloseWebSocketFrame close -> {
                    end = Checks.end(close.statusCode(), close.reasonText());
                    if (!closing) {
                        ctx.writeAndFlush(close.retain());
                    }
                }
                case WebSocketFrame frame -> inbox.message(ByteBufUtil.getBytes(frame.content()));
                default -> throw new IllegalStateException(message.toString());
            }
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            inbox.ended(end);
            opened.completeExceptionally(new IllegalStateException("closed before the handshake was over"));
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            opened.completeExceptionally(cause);
            ctx.close();
        }

        @Override
        public String protocol() {
            return handshaker.actualSubprotocol() == null ? "" : handshaker.actualSubprotocol();
        }

        @Override
        public String extensions() {
            return extensions;
        }

        @Override
        public void send(boolean text, byte[] data) throws Exception {
            write(
                    text
                            ? new TextWebSocketFrame(Unpooled.wrappedBuffer(data))
                            : new BinaryWebSocketFrame(Unpooled.wrappedBuffer(data)));
        }

        private void write(WebSocketFrame frame) throws Exception {
            channel.writeAndFlush(frame).sync();
        }

        @Override
        public void sendParts(List<byte[]> parts) throws Exception {
            for (int i = 0; i < parts.size(); i++) {
                boolean last = i == parts.size() - 1;
                write(
                        i == 0
                                ? new BinaryWebSocketFrame(last, 0, Unpooled.wrappedBuffer(parts.get(i)))
                                : new ContinuationWebSocketFrame(last, 0, Unpooled.wrappedBuffer(parts.get(i))));
            }
        }

        @Override
        public void ping(String payload) throws Exception {
            write(new PingWebSocketFrame(Unpooled.copiedBuffer(payload, StandardCharsets.UTF_8)));
        }

        @Override
        public void end(int code, String reason) throws Exception {
            closing = true;
            write(new CloseWebSocketFrame(code, reason));
        }

        @Override
        public void abort() {
            reset(channel);
        }

        @Override
        public Checks.Inbox inbox() {
            return inbox;
        }
    }
}
