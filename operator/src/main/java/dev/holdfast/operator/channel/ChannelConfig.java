package dev.holdfast.operator.channel;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;

/**
 * How the table stream is protected.
 *
 * @param listen where it is served; any address of this machine
 * @param dnsNames the names by which data planes reach the operator; what its certificate is for
 */
public record ChannelConfig(InetSocketAddress listen, List<String> dnsNames, Peers peers, Authority authority) {
    private static final int NAMES_MAX = 16;

    /**
     * Who may follow the stream.
     *
     * @param namespace of the ServiceAccount of the data planes
     * @param serviceAccount its name
     * @param audience what their tokens must be made for
     */
    public record Peers(String namespace, String serviceAccount, String audience) {
        /** The audience of a token that is made for the stream and for nothing else. */
        public static final String AUDIENCE = "holdfast.dev/route-stream";

        /** Refuses what names nothing. */
        public Peers {
            if (namespace.isEmpty() || serviceAccount.isEmpty() || audience.isEmpty()) {
                throw new IllegalArgumentException("data-plane-service-account: \"" + namespace + "/" + serviceAccount
                        + "\" for \"" + audience + "\" (expected: NAMESPACE/NAME and an audience)");
            }
        }

        /** Reads {@code NAMESPACE/NAME}. */
        public static Peers parse(String text, String audience) {
            int slash = text.indexOf('/');
            if (slash < 1 || slash != text.lastIndexOf('/')) {
                throw new IllegalArgumentException(
                        "data-plane-service-account: \"" + text + "\" (expected: NAMESPACE/NAME of a ServiceAccount)");
            }
            return new Peers(text.substring(0, slash), text.substring(slash + 1), audience);
        }

        String username() {
            return "system:serviceaccount:" + namespace + ":" + serviceAccount;
        }
    }

    /**
     * The CA that all replicas share.
     *
     * @param secret where it is kept, with its keys
     * @param configMap where data planes read whom to trust
     */
    public record Authority(String namespace, String secret, String configMap, Lifetimes lifetimes) {}

    /**
     * How long things are valid.
     *
     * @param authority a CA; the next one is made when two thirds are over
     * @param overlap how long the next CA is published before it signs
     * @param leaf the certificate of a replica; it is made anew at half of it
     * @param check how often the Secret and the ConfigMap are looked at
     */
    public record Lifetimes(Duration authority, Duration overlap, Duration leaf, Duration check) {
        /** A CA lives for a year, the next is published for a day before it signs, a certificate lives for a day. */
        public static final Lifetimes DEFAULT =
                new Lifetimes(Duration.ofDays(365), Duration.ofDays(1), Duration.ofDays(1), Duration.ofMinutes(1));

        /** Refuses times that leave no room for a rotation. */
        public Lifetimes {
            boolean positive = !overlap.isNegative() && leaf.isPositive() && check.isPositive();
            if (!positive || overlap.plus(leaf).multipliedBy(3).compareTo(authority) > 0) {
                throw new IllegalArgumentException("lifetimes: authority " + authority + ", overlap " + overlap
                        + ", leaf " + leaf + " (expected: overlap and leaf together at most a third of the authority)");
            }
        }
    }

    /** Copies the list; refuses one that no certificate can be made for. */
    public ChannelConfig {
        dnsNames = List.copyOf(dnsNames);
        if (dnsNames.isEmpty() || dnsNames.size() > NAMES_MAX) {
            throw new IllegalArgumentException(
                    "stream-dns-names: " + dnsNames.size() + " (expected: 1 to " + NAMES_MAX + " names)");
        }
        for (String name : dnsNames) {
            if (!name.matches("[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")) {
                throw new IllegalArgumentException("stream-dns-names: \"" + name
                        + "\" (expected: a DNS name in lower case, such as holdfast-operator.holdfast-system.svc)");
            }
        }
    }
}
