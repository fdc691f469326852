package dev.holdfast.dataplane.proxy.tls;

import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.ssl.AbstractSniHandler;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Reads the client's hello and puts the {@code SslHandler} of the host it names in its own place. */
public final class SniLookupHandler extends AbstractSniHandler<SslHandler> {
    /** Room for the key shares of post-quantum exchanges; the default of 64 KiB only feeds attackers. */
    private static final int HELLO_BYTES_MAX = 16 << 10;

    private final TlsContexts contexts;
    private final Consumer<String> sni;

    /**
     * Serves from {@code contexts}.
     *
     * @param sni is told the name, lower case, if there is one
     */
    public SniLookupHandler(TlsContexts contexts, Duration handshakeTimeout, Consumer<String> sni) {
        super(HELLO_BYTES_MAX, handshakeTimeout.toMillis());
        this.contexts = contexts;
        this.sni = sni;
    }

    @Override
    protected Future<SslHandler> lookup(ChannelHandlerContext ctx, @Nullable String hostname) {
        SslHandler handler = contexts.newHandler(hostname, ctx.alloc());
        handler.setHandshakeTimeoutMillis(handshakeTimeoutMillis);
        handler.setCloseNotifyFlushTimeoutMillis(3_000);
        return ctx.executor().newSucceededFuture(handler);
    }

    @Override
    protected void onLookupComplete(ChannelHandlerContext ctx, @Nullable String hostname, Future<SslHandler> future) {
        SslHandler handler = future.getNow();
        boolean placed = false;
        try {
            if (hostname != null) {
                sni.accept(hostname);
            }
            ctx.pipeline().replace(this, "tls", handler);
            placed = true;
        } finally {
            if (!placed) {
                // Nobody else releases an engine that no pipeline owns.
                ReferenceCountUtil.safeRelease(handler.engine());
            }
        }
    }
}
