package dev.holdfast.dataplane.proxy;

import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseEncoder;

/** Writes answers; the one to a HEAD has no body whatever its fields say (RFC 9110 §9.3.2). */
final class ClientResponseEncoder extends HttpResponseEncoder {
    private boolean headRequested;

    void expectHead(boolean isHead) {
        headRequested = isHead;
    }

    @Override
    protected boolean isContentAlwaysEmpty(HttpResponse response) {
        return super.isContentAlwaysEmpty(response)
                || headRequested && response.status().code() >= 200;
    }
}
