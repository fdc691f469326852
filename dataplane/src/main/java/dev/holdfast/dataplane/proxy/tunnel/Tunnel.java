package dev.holdfast.dataplane.proxy.tunnel;

/** A relay of bytes between a client and a backend. Confined to its event loop. */
interface Tunnel {
    /** What does not change while it lives. */
    TunnelInfo info();

    /** Bytes relayed from the client to the backend so far. */
    long bytesFromClient();

    /** Bytes relayed from the backend to the client so far. */
    long bytesFromBackend();

    /** Says Close to the client at the next frame boundary, waits for its answer, and ends. */
    void drain(CloseFrame word);

    /** Ends at once: FIN where nothing is left to flush, a reset elsewhere. */
    void cut();
}
