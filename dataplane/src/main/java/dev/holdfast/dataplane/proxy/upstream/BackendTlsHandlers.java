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

    /** The server name of an upstream that names none: the {@code Host} without port and brackets. */
    static String serverName(String hostSeenByBackend) {
        if (hostSeenByBackend.startsWith("[")) {
            int end = hostSeenByBackend.indexOf(']');
            return end < 0 ? hostSeenByBackend : hostSeenByBackend.substring(1, end);
        }
        int colon = hostSeenByBackend.indexOf(':');
        return colon < 0 ? hostSeenByBackend : hostSeenByBackend.substring(0, colon);
    }
}
