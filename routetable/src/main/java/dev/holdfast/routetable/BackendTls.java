package dev.holdfast.routetable;

import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/**
 * TLS towards a backend.
 *
 * @param verification whether the backend's certificate is checked
 * @param caPem the authorities to trust, PEM; null trusts the platform's
 * @param serverName the name to send as SNI and to check in the certificate; null takes the {@code Host} that the
 *     backend sees
 */
public record BackendTls(
        Verification verification,
        @Nullable String caPem,
        @Nullable String serverName) implements Comparable<BackendTls> {
    private static final Comparator<BackendTls> ORDER = Comparator.comparing(BackendTls::verification)
            .thenComparing(BackendTls::serverName, Comparator.nullsFirst(Comparator.naturalOrder()))
            .thenComparing(BackendTls::caPem, Comparator.nullsFirst(Comparator.naturalOrder()));

    /** Whether a backend's certificate is checked. */
    public enum Verification {
        /** Chain and name are checked; a mismatch fails the connection. */
        VERIFY,
        /** Any certificate is accepted. */
        SKIP
    }

    /** Refuses text beyond its bound. */
    public BackendTls {
        if (caPem != null) {
            Bounds.nonEmpty("backendTls.caPem", caPem, Bounds.PEM_CHARS_MAX);
        }
        if (serverName != null) {
            Bounds.nonEmpty("backendTls.serverName", serverName, Bounds.HOST_CHARS_MAX);
        }
    }

    /** No order that means anything: for maps, where tenants' names may collide. */
    @Override
    public int compareTo(BackendTls other) {
        return ORDER.compare(this, other);
    }
}
