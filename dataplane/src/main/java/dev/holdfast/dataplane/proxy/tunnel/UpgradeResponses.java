package dev.holdfast.dataplane.proxy.tunnel;

import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import org.jspecify.annotations.Nullable;

/** How the front wants answers to look; called on the event loop. */
public interface UpgradeResponses {
    /**
     * Edits the head of a backend's answer in place: drops hop-by-hop fields, applies the route's header changes, adds
     * the cookie. Connection handling and framing are set afterwards by the caller.
     *
     * @param stickyCookie a {@code Set-Cookie} value to add, or null
     */
    void prepare(HttpResponse response, @Nullable String stickyCookie);

    /** An answer of our own. The connection is closed after it. */
    FullHttpResponse local(HttpResponseStatus status, String text);
}
