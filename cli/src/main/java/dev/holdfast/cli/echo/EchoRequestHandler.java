package dev.holdfast.cli.echo;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.codec.http.websocketx.WebSocketDecoderConfig;
import io.netty.handler.codec.http.websocketx.WebSocketServerHandshaker;
import io.netty.handler.codec.http.websocketx.WebSocketServerHandshakerFactory;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/** Answers requests with what they held, browsers with the test page, and upgrades with an echo. */
final class EchoRequestHandler extends SimpleChannelInboundHandler<FullHttpRequest> {
    private static final int FRAME_BYTES_MAX = 16 << 20;
    private static final int BODY_CHARS_MAX = 65_536;
    private static final ObjectWriter JSON = new JsonMapper().writerWithDefaultPrettyPrinter();
    private static final String PAGE = page();

    private final String backend;

    EchoRequestHandler(String backend) {
        this.backend = backend;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) throws JsonProcessingException {
        if (isUpgrade(request)) {
            upgrade(ctx, request);
        } else if (wantsPage(request)) {
            String page = PAGE.replace("{{backend}}", backend);
            answer(ctx, request, "text/html; charset=utf-8", page.getBytes(StandardCharsets.UTF_8));
        } else {
            answer(ctx, request, "application/json", JSON.writeValueAsBytes(seen(request)));
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        ctx.close();
    }

    private static boolean isUpgrade(FullHttpRequest request) {
        return request.headers().containsValue(HttpHeaderNames.UPGRADE, HttpHeaderValues.WEBSOCKET, true);
    }

    private static boolean wantsPage(FullHttpRequest request) {
        String accept = request.headers().get(HttpHeaderNames.ACCEPT, "");
        return request.method().equals(HttpMethod.GET) && accept.contains("text/html");
    }

    /** Chooses the subprotocol that the client named first. */
    private void upgrade(ChannelHandlerContext ctx, FullHttpRequest request) {
        WebSocketDecoderConfig decoder = WebSocketDecoderConfig.newBuilder()
                .maxFramePayloadLength(FRAME_BYTES_MAX)
                .allowExtensions(false)
                .build();
        WebSocketServerHandshaker handshaker =
                new WebSocketServerHandshakerFactory(null, "*", decoder).newHandshaker(request);
        if (handshaker == null) {
            ChannelFuture refused = WebSocketServerHandshakerFactory.sendUnsupportedVersionResponse(ctx.channel());
            refused.addListener(ChannelFutureListener.CLOSE);
            return;
        }
        handshaker.handshake(ctx.channel(), request);
        ctx.pipeline().replace(this, "frames", new EchoFrameHandler(handshaker));
    }

    private Map<String, Object> seen(FullHttpRequest request) {
        Map<String, Object> seen = new LinkedHashMap<>();
        QueryStringDecoder uri = new QueryStringDecoder(request.uri());
        seen.put("backend", backend);
        seen.put("method", request.method().name());
        seen.put("path", uri.rawPath());
        seen.put("query", uri.parameters());
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        request.headers().forEach(header -> headers.merge(header.getKey(), header.getValue(), (a, b) -> a + ", " + b));
        seen.put("headers", headers);
        ByteBuf body = request.content();
        if (body.isReadable()) {
            int length = Math.min(body.readableBytes(), BODY_CHARS_MAX);
            seen.put("body", body.toString(body.readerIndex(), length, StandardCharsets.UTF_8));
            seen.put("bodyBytes", body.readableBytes());
        }
        return seen;
    }

    private static void answer(ChannelHandlerContext ctx, FullHttpRequest request, String type, byte[] body) {
        boolean head = request.method().equals(HttpMethod.HEAD);
        DefaultFullHttpResponse response = new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1,
                HttpResponseStatus.OK,
                head ? Unpooled.EMPTY_BUFFER : Unpooled.wrappedBuffer(body));
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, type)
                .set(HttpHeaderNames.CONTENT_LENGTH, body.length)
                .set(HttpHeaderNames.CACHE_CONTROL, "no-store");
        boolean keepAlive = HttpUtil.isKeepAlive(request);
        if (!keepAlive) {
            response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        }
        ChannelFuture written = ctx.writeAndFlush(response);
        if (!keepAlive) {
            written.addListener(ChannelFutureListener.CLOSE);
        }
    }

    private static String page() {
        try (InputStream in = EchoRequestHandler.class.getResourceAsStream("test-page.html")) {
            return new String(Objects.requireNonNull(in, "test-page.html").readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
