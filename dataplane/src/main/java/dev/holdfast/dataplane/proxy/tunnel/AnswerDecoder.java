package dev.holdfast.dataplane.proxy.tunnel;

import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseDecoder;

/** Parses the answer to an upgrade request, strictly and within bounds. */
final class AnswerDecoder extends HttpResponseDecoder {
    private static final HttpDecoderConfig CONFIG = new HttpDecoderConfig()
            .setMaxInitialLineLength(8_192)
            .setMaxHeaderSize(32_768)
            .setMaxChunkSize(65_536)
            .setAllowDuplicateContentLengths(false);

    AnswerDecoder() {
        super(CONFIG);
    }

    @Override
    protected boolean isContentAlwaysEmpty(HttpMessage message) {
        boolean empty = super.isContentAlwaysEmpty(message);
        if (empty
                && message instanceof HttpResponse response
                && response.status().code() == 101
                && message.headers().contains(HttpHeaderNames.TRANSFER_ENCODING)) {
            // Netty drops the field from a message without content, so that nobody after it could tell.
            message.setDecoderResult(DecoderResult.failure(new DecoderException("a body announced by a 101")));
        }
        return empty;
    }
}
