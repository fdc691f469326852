package dev.holdfast.dataplane.proxy.tunnel;

import dev.holdfast.dataplane.proxy.transport.KeepAlive;

/**
 * One direction of a tunnel: relays what its source receives to its sink. Reading pauses while the sink is full, so that
 * a direction holds little. Tells its {@link RelayedTunnel} what it sees. Confined to the tunnel's event loop.
 */
sealed interface Relay permits RelayHandler, DirectRelay {
    /** A burst of reads is over: sends and counts what it left. */
    void readComplete();

    /** Puts a Close frame behind the frame that is under way towards the sink, now or when it is whole. */
    void say(CloseFrame frame);

    /** Ends the stream towards the sink, behind everything that was relayed: FIN, over TLS behind a close_notify. */
    void fin();

    /** Whether the sink was told that this direction has ended. */
    boolean isFinDone();

    /** Whether the source has ended its stream. */
    boolean hasEnded();

    /** Whether a whole Close frame has passed. */
    boolean hasSeenClose();

    /** Whether a whole Close frame has passed and nothing follows it: the source has no more to say. */
    boolean hasSaidAll();

    /** How many were relayed. */
    long bytes();

    /** Text and binary messages whose first frame has begun. */
    long messages();

    /**
     * Whether both peers have said Close and the source's has got that of the other: nothing may follow (RFC 6455
     * §5.5.1), so that it need not hear the end of the other's stream before its connection is closed.
     */
    boolean isFarewellDone();

    /** Lets the kernel probe the source's peer. */
    void probe(KeepAlive keepAlive);

    /** Closes the source's connection. */
    void close();

    /**
     * The source's connection broke, but its stream counts as ended: closes it, and what the other direction still
     * receives is dropped.
     */
    void breakOff();

    /** Closes the source's connection so that its peer sees a reset, not the end of a stream. */
    void reset();
}
