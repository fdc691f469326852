package dev.holdfast.dataplane.proxy.upstream;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** What is known of one address of one endpoint group, for as long as it is listed or in use. Thread-safe. */
final class EndpointState {
    /** The identity of an endpoint: it outlives every table. Ordered for maps: tenants' names may collide. */
    record Key(String group, String address, int port) implements Comparable<Key> {
        private static final Comparator<Key> ORDER =
                Comparator.comparing(Key::group).thenComparing(Key::address).thenComparingInt(Key::port);

        @Override
        public int compareTo(Key other) {
            return ORDER.compare(this, other);
        }
    }

    private static final int COOKIE_BYTES = 16;

    final Key key;
    final InetSocketAddress address;
    /** Places the endpoint in the rendezvous hash; equal on every data plane. */
    final long hash;
    /** Open tunnels and requests. */
    final AtomicInteger open = new AtomicInteger();
    /** Until then others are preferred: it just failed to connect. */
    volatile long avoidUntilNanos;

    volatile boolean avoided;
    /** Whether the active table, or one that is being prepared, lists it; guarded by the map's entry lock. */
    boolean listed;

    private @Nullable String cookie;

    EndpointState(Key key) {
        this.key = key;
        this.address = address(key);
        this.hash = Hashes.of(key.address() + ":" + key.port());
    }

    /**
     * The value that binds a client to this endpoint: opaque, and the same on every data plane and after a restart,
     * because it is derived from the endpoint's identity alone.
     */
    synchronized String cookie() {
        String known = cookie;
        if (known == null) {
            byte[] identity = ("holdfast\n" + key.group() + "\n" + key.address() + "\n" + key.port())
                    .getBytes(StandardCharsets.UTF_8);
            known = HexFormat.of().formatHex(sha256(identity), 0, COOKIE_BYTES);
            cookie = known;
        }
        return known;
    }

    private static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** Unresolved for a name, that of a Service of type ExternalName. */
    private static InetSocketAddress address(Key key) {
        if (EndpointNames.isName(key.address())) {
            return InetSocketAddress.createUnresolved(key.address(), key.port());
        }
        try {
            return new InetSocketAddress(InetAddress.ofLiteral(key.address()), key.port());
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "endpoint.address of " + key.group() + ": \"" + key.address()
                            + "\" (expected: an IP address, or the name of a Service of type ExternalName)",
                    e);
        }
    }
}
