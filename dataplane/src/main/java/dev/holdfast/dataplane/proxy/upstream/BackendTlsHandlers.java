package dev.holdfast.dataplane.proxy.upstream;

import dev.holdfast.routetable.Upstream;
import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.SslHandler;
import java.net.InetSocketAddress;

/** Makes the TLS side of a connection to a backend; called on the event loop, for upstreams with TLS only. */
@FunctionalInterface
public interface BackendTlsHandlers {
    /**
     * A client-side handler that verifies as the upstream says before its handshake future succeeds.
     *
     * @param hostSeenByBackend the {@code Host} of the request, maybe with a port; the server name unless the upstream
     *     names one
     * @param peer the endpoint
     */
    SslHandler newHandler(Upstream upstream, String hostSeenByBackend, InetSocketAddress peer, ByteBufAllocator alloc);
}
