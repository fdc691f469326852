package dev.holdfast.dataplane.proxy.tunnel;

import dev.holdfast.dataplane.proxy.http1.Framing;
import dev.holdfast.dataplane.proxy.http1.Refusal;
import dev.holdfast.dataplane.proxy.http1.ResponseDecoderHandler;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponse;

/** Hears what the decoder, which stands before it in the pipeline, reads of the backend's answer to an upgrade. */
final class UpgradeBackendHandler extends ChannelInboundHandlerAdapter implements ResponseDecoderHandler.Sink {
    private static final int HEAD_BYTES_MAX = 32 << 10;

    private final Upgrade upgrade;
    private final ResponseDecoderHandler decoder = new ResponseDecoderHandler(this, HEAD_BYTES_MAX);

    UpgradeBackendHandler(Upgrade upgrade) {
        this.upgrade = upgrade;
    }

    /** A request is about to be sent. */
    void install(Channel backend) {
        decoder.expect(false);
        backend.pipeline().addLast(decoder, this);
    }

    void setPaused(boolean paused) {
        decoder.setPaused(paused);
    }

    /** Nothing more is read of the answer; what is held of it is let go. */
    void stop() {
        decoder.stop();
    }

    @Override
    public void response(HttpResponse head, Framing framing) {
        upgrade.head(head);
    }

    @Override
    public void content(ByteBuf part) {
        upgrade.content(part);
    }

    @Override
    public void end(HttpHeaders trailers) {
        upgrade.answerComplete();
    }

    @Override
    public void refused(Refusal refusal) {
        upgrade.badAnswer();
    }

    @Override
    public void closed() {
        upgrade.backendBroke();
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        upgrade.flushAnswer();
    }
}
