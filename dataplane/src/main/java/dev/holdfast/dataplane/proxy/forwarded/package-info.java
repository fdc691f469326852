/**
 * What a message says about its way here. In come a client's header fields and the address of the peer; out come the
 * client's address and scheme as far as the peer is trusted, and the {@code X-Forwarded-*}, {@code Forwarded},
 * {@code Via} and {@code X-Request-ID} fields that the backend sees.
 */
@NullMarked
package dev.holdfast.dataplane.proxy.forwarded;

import org.jspecify.annotations.NullMarked;
