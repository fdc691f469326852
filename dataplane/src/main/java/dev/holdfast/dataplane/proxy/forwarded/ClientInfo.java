package dev.holdfast.dataplane.proxy.forwarded;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Who asks, as far as the peer can be believed.
 *
 * @param peer the other end of the connection, as a PROXY header names it if there was one
 * @param peerTrusted whether the peer's own account of the way here counts
 * @param address of the client, after trusted proxies
 * @param listenerPort the port that accepted the connection
 * @param hostField {@code Host} as received, with its port; empty when HTTP/1.0 left it out
 * @param host as matched: lower case, without port
 * @param sni lower case; null without TLS or without a name
 */
public record ClientInfo(
        InetSocketAddress peer,
        boolean peerTrusted,
        InetAddress address,
        Scheme scheme,
        int listenerPort,
        String hostField,
        String host,
        @Nullable String sni,
        String requestId) {}
