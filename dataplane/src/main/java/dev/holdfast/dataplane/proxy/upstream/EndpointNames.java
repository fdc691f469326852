package dev.holdfast.dataplane.proxy.upstream;

import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Names in the place of addresses, of Services of type ExternalName: looked up when a connection is made, off the event
 * loop. The JVM remembers an answer for half a minute.
 */
final class EndpointNames {
    /** A last label of digits would be read as a part of an address by some (RFC 1123 section 2.1 says it is none). */
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]*[A-Za-z][A-Za-z0-9_-]*\\.?");

    private EndpointNames() {}

    /** Whether an endpoint is a name, not an address. */
    static boolean isName(String address) {
        return NAME.matcher(address).matches();
    }

    /**
     * Looks an endpoint up.
     *
     * @return completes on the loop; fails with {@link UnknownHostException} for a name without an address, or with one that
     *     no backend can have: a name must not lead to this process's own host, nor to a metadata service
     */
    static Future<InetSocketAddress> resolve(InetSocketAddress unresolved, EventLoop loop) {
        Promise<InetSocketAddress> result = loop.newPromise();
        Thread.ofVirtual().name("endpoint-name").start(() -> {
            try {
                InetAddress address = InetAddress.getByName(unresolved.getHostString());
                if (isForbidden(unresolved.getHostString(), address)) {
                    result.tryFailure(new UnknownHostException(unresolved.getHostString() + " is "
                            + address.getHostAddress()
                            + " (expected: an address that is not loopback, link-local, multicast or unspecified)"));
                } else {
                    result.trySuccess(new InetSocketAddress(address, unresolved.getPort()));
                }
            } catch (UnknownHostException e) {
                result.tryFailure(e);
            }
        });
        return result;
    }

    /** The operator names {@code localhost} only where it was told that loopback addresses may be served. */
    private static boolean isForbidden(String name, InetAddress address) {
        String plain = name.toLowerCase(Locale.ROOT);
        boolean local = plain.equals("localhost") || plain.endsWith(".localhost");
        return address.isLoopbackAddress() && !local
                || address.isLinkLocalAddress()
                || address.isAnyLocalAddress()
                || address.isMulticastAddress();
    }
}
