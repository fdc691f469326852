package dev.holdfast.routetable;

import java.time.Duration;

/**
 * How long a route waits.
 *
 * @param connect for a connection to an endpoint (TLS handshake included)
 * @param handshake from the request to the head of the backend's answer
 * @param idle without a byte in either direction: a tunnel, or the body of a plain exchange, is ended. A byte in one
 *     direction re-arms both, as in nginx's {@code proxy_read_timeout} after an upgrade
 */
public record Timeouts(Duration connect, Duration handshake, Duration idle) {
    /** 5 s, 60 s and one hour: long enough that an application with no heartbeat of its own works unannotated. */
    public static final Timeouts DEFAULT =
            new Timeouts(Duration.ofSeconds(5), Duration.ofSeconds(60), Duration.ofHours(1));

    /** Refuses zero, negative and unbounded times. */
    public Timeouts {
        Bounds.timeout("timeouts.connect", connect);
        Bounds.timeout("timeouts.handshake", handshake);
        Bounds.timeout("timeouts.idle", idle);
    }
}
