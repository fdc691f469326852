package dev.holdfast.operator.compile;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.Optional;

/** IP addresses as text; no name is ever resolved. */
final class Addresses {
    private Addresses() {}

    /** An IP address literal, or empty. */
    static Optional<InetAddress> parse(String text) {
        boolean dotted = text.matches("[0-9]{1,3}(\\.[0-9]{1,3}){3}");
        if (!dotted && !(text.indexOf(':') >= 0 && text.matches("[0-9A-Fa-f:.]{2,45}"))) {
            return Optional.empty();
        }
        try {
            return Optional.of(InetAddress.ofLiteral(text));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /** Whether it names the machine that connects to it. */
    static boolean isLoopback(InetAddress address) {
        return address.isLoopbackAddress();
    }

    /**
     * Whether no pod can have it: unspecified, this network, link-local (metadata services live there), multicast,
     * broadcast (RFC 6890). An object that names one wants to reach something else than a pod.
     */
    static boolean isForbidden(InetAddress address) {
        byte[] bytes = address.getAddress();
        boolean reserved = address instanceof Inet4Address && (bytes[0] == 0 || (bytes[0] & 0xf0) == 0xf0);
        boolean embedded = bytes.length == 16 && isEmbeddedIpv4(bytes);
        return reserved
                || embedded
                || address.isAnyLocalAddress()
                || address.isLinkLocalAddress()
                || address.isMulticastAddress();
    }

    /** IPv4-compatible and NAT64 forms could smuggle a forbidden IPv4 address past the check. */
    private static boolean isEmbeddedIpv4(byte[] bytes) {
        boolean nat64 = bytes[0] == 0 && bytes[1] == 0x64 && (bytes[2] & 0xff) == 0xff && (bytes[3] & 0xff) == 0x9b;
        boolean zeros = true;
        for (int i = 0; i < 10; i++) {
            zeros &= bytes[i] == 0;
        }
        boolean loopback = zeros
                && bytes[10] == 0
                && bytes[11] == 0
                && bytes[12] == 0
                && bytes[13] == 0
                && bytes[14] == 0
                && bytes[15] == 1;
        return nat64 || zeros && !loopback;
    }
}
