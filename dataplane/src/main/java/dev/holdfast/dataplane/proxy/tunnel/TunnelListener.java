package dev.holdfast.dataplane.proxy.tunnel;

/** Hears of every tunnel twice. Called on the tunnel's event loop: be quick, never block. */
public interface TunnelListener {
    /** The 101 is on its way to the client. */
    void opened(TunnelInfo tunnel);

    /** Both connections are closed. */
    void closed(TunnelInfo tunnel, TunnelEnd end);
}
