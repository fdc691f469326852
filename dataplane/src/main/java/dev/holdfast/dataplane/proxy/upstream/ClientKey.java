package dev.holdfast.dataplane.proxy.upstream;

import java.net.InetAddress;
import java.util.List;

/**
 * What balancing reads of a client.
 *
 * @param address after trusted proxies
 * @param cookies the raw values of the request's {@code Cookie} fields, in order
 */
public record ClientKey(InetAddress address, List<String> cookies) {
    /** Copies the list. */
    public ClientKey {
        cookies = List.copyOf(cookies);
    }
}
