package dev.holdfast.cli.echo;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.ContinuationWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PingWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PongWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketServerHandshaker;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Sends every frame back, and stops reading while its client does not. The text {@code /close 4001 bye} makes it end the
 * tunnel with that code and reason instead.
 */
final class EchoFrameHandler extends SimpleChannelInboundHandler<WebSocketFrame> {
    private static final Pattern CLOSE =
            Pattern.compile("/close ([34][0-9]{3}|100[0-3]|100[7-9]|101[0-4])(?: (.{0,100}))?");

    private final WebSocketServerHandshaker handshaker;

    EchoFrameHandler(WebSocketServerHandshaker handshaker) {
        this.handshaker = handshaker;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, WebSocketFrame frame) {
        switch (frame) {
            case CloseWebSocketFrame close -> handshaker.close(ctx, close.retain());
            case PingWebSocketFrame ping ->
                ctx.write(new PongWebSocketFrame(ping.content().retain()));
            case PongWebSocketFrame pong -> {}
            case TextWebSocketFrame text when text.isFinalFragment() && closes(ctx, text) -> {}
            case TextWebSocketFrame text -> ctx.write(text.retain());
            case BinaryWebSocketFrame binary -> ctx.write(binary.retain());
            case ContinuationWebSocketFrame continuation -> ctx.write(continuation.retain());
            default -> throw new IllegalStateException("a frame of an unknown kind");
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        ctx.flush();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        ctx.channel().config().setAutoRead(ctx.channel().isWritable());
        ctx.fireChannelWritabilityChanged();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        ctx.close();
    }

    private boolean closes(ChannelHandlerContext ctx, TextWebSocketFrame text) {
        if (text.content().readableBytes() > 120) {
            return false;
        }
        Matcher command = CLOSE.matcher(text.text());
        if (!command.matches()) {
            return false;
        }
        String reason = command.group(2) == null ? "" : command.group(2);
        handshaker.close(ctx, new CloseWebSocketFrame(Integer.parseInt(command.group(1)), reason));
        return true;
    }
}
