package dev.holdfast.dataplane.proxy.upstream;

/** What choosing an endpoint came to. */
public sealed interface Selection {
    /** An endpoint, counted as one more open tunnel or request until the lease is released. */
    record Selected(EndpointLease lease) implements Selection {}

    /** No endpoint can be chosen: answer 503, or 502 if another one was tried before. */
    record Unavailable(String reason) implements Selection {}
}
