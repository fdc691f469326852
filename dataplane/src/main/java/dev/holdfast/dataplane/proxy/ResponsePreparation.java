package dev.holdfast.dataplane.proxy;

import dev.holdfast.routetable.HeaderChanges;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpResponse;
import org.jspecify.annotations.Nullable;

/** Turns a backend's answer into the one that a client sees; answers to plain requests and to upgrades alike. */
final class ResponsePreparation {
    private ResponsePreparation() {}

    /** Edits the head in place; framing and {@code Connection} are left to whoever sends it. */
    static void prepare(HttpResponse response, HeaderChanges changes, @Nullable String stickyCookie) {
        HopByHop.strip(response.headers());
        RequestPreparation.change(response.headers(), changes);
        HopByHop.strip(response.headers());
        if (stickyCookie != null) {
            response.headers().add(HttpHeaderNames.SET_COOKIE, stickyCookie);
        }
    }
}
