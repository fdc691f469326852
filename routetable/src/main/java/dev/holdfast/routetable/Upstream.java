package dev.holdfast.routetable;

import org.jspecify.annotations.Nullable;

/**
 * A group of endpoints and how to speak to it. Balancing state belongs to the identity of the upstream and so survives
 * every swap.
 *
 * @param id key in the table
 * @param endpoints key of the table's endpoint groups; several upstreams may share one group
 * @param tls non-null: connections to the endpoints use TLS (https, wss)
 */
public record Upstream(
        String id, String endpoints, @Nullable BackendTls tls, Balancing balancing) {
    /** Refuses empty keys. */
    public Upstream {
        Bounds.nonEmpty("upstream.id", id, Bounds.ID_CHARS_MAX);
        Bounds.nonEmpty("upstream.endpoints", endpoints, Bounds.ID_CHARS_MAX);
    }
}
