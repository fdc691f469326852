package dev.holdfast.dataplane.proxy.http1;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.handler.ssl.SslHandler;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Reads answers (RFC 9112 §4). The method of the request decides whether there is a body, see {@link #expect}. */
public final class ResponseDecoderHandler extends MessageDecoderHandler {
    /** Takes answers. */
    public interface Sink extends BodySink {
        /** The first octet of an answer. */
        default void responseBegins() {}

        /** The head of an answer; after a 1xx another one follows. */
        void response(HttpResponse head, Framing framing);

        /** The connection ended, outside an answer or within one. */
        void closed();
    }

    private final Sink sink;
    private boolean headRequested;
    private boolean idle = true;
    private boolean broken;
    private boolean closeNotified;
    private boolean ended;
    private HttpVersion version = HttpVersion.HTTP_1_1;
    private HttpResponseStatus status = HttpResponseStatus.OK;
    private @Nullable HttpResponse head;
    private Framing framing = Framing.NONE;

    /** Tells {@code sink}. */
    public ResponseDecoderHandler(Sink sink, int headBytesMax) {
        super(sink, headBytesMax, headBytesMax);
        this.sink = sink;
    }

    /** A request is about to be sent. */
    public void expect(boolean isHead) {
        headRequested = isHead;
        idle = false;
        next();
    }

    /** Whether the connection broke or ended. */
    public boolean isEnded() {
        return ended || broken;
    }

    @Override
    void messageBegins() {
        sink.responseBegins();
    }

    @Override
    void startLine(byte[] line, int length) throws RefusedException {
        if (idle) {
            throw malformed("an answer that nobody asked for");
        }
        String text = new String(line, 0, Math.min(length, 13), StandardCharsets.ISO_8859_1);
        if (!isStatusLine(text)) {
            throw malformed("the status line is not version, status and reason");
        }
        for (int i = 12; i < length; i++) {
            if (!Octets.isFieldValue(line[i])) {
                throw malformed("the reason has a control octet");
            }
        }
        version = text.charAt(7) == '0' ? HttpVersion.HTTP_1_0 : HttpVersion.HTTP_1_1;
        int code = Integer.parseInt(text.substring(9, 12));
        status = length <= 13
                ? HttpResponseStatus.valueOf(code)
                : HttpResponseStatus.valueOf(code, new String(line, 13, length - 13, StandardCharsets.ISO_8859_1));
    }

    private static boolean isStatusLine(String text) {
        return text.length() >= 12
                && text.startsWith("HTTP/1.")
                && isDigit(text, 7)
                && text.charAt(8) == ' '
                && isDigit(text, 9)
                && text.charAt(9) != '0'
                && isDigit(text, 10)
                && isDigit(text, 11)
                && (text.length() == 12 || text.charAt(12) == ' ');
    }

    private static boolean isDigit(String text, int at) {
        return text.charAt(at) >= '0' && text.charAt(at) <= '9';
    }

    @Override
    Framing headComplete(HttpHeaders fields) throws RefusedException {
        Framing said = Framing.of(fields, version.equals(HttpVersion.HTTP_1_0));
        int code = status.code();
        boolean bodiless = headRequested || code < 200 || code == 204 || code == 304;
        framing = bodiless ? Framing.NONE : said == null ? Framing.UNTIL_CLOSE : said;
        head = new DefaultHttpResponse(version, status, fields);
        if (!isInterim()) {
            idle = true;
        }
        return framing;
    }

    @Override
    boolean isInterim() {
        // What follows a 101 is no HTTP (RFC 9110 §15.2.2).
        return status.code() < 200 && status.code() != 101;
    }

    @Override
    void deliverHead() {
        HttpResponse complete = head;
        head = null;
        if (complete != null) {
            sink.response(complete, framing);
        }
    }

    @Override
    Refusal startLineTooLong() {
        return Refusal.malformed("the status line is too long");
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof SslCloseCompletionEvent close && close.isSuccess()) {
            closeNotified = true;
        }
        if (event instanceof ChannelInputShutdownEvent) {
            inputEnds(ctx);
        }
        ctx.fireUserEventTriggered(event);
    }

    /** A reset ends nothing: what it cuts off is not complete. */
    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        broken = true;
        ctx.close();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        if (!ended) {
            inputEnds(ctx);
        }
        ctx.fireChannelInactive();
    }

    private void inputEnds(ChannelHandlerContext ctx) {
        // Without close_notify anyone on the way could have cut the answer (RFC 9112 §9.8).
        broken |= ctx.pipeline().get(SslHandler.class) != null && !closeNotified;
        ended();
    }

    @Override
    void ended() {
        ended = true;
        if (!isHolding() || !isPaused()) {
            drained();
        }
    }

    @Override
    void drained() {
        if (!ended || isStopped()) {
            return;
        }
        if (isUntilClose() && !broken) {
            endWithConnection();
        }
        stop();
        sink.closed();
    }
}
