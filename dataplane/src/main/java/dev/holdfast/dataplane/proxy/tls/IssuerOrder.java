package dev.holdfast.dataplane.proxy.tls;

import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Brings a chain into the order of RFC 5246 §7.4.2: the leaf, then each issuer. What comes twice or issued nothing is left
 * out. Bundles are put together by hand, and a {@link java.security.KeyStore}, which Netty puts a chain into, refuses any
 * other order.
 *
 * <p>A key manager of our own would pass a chain on as it stands. But strict clients want the order, and Netty asks such a
 * manager at every handshake for what it reads from a store once.
 */
final class IssuerOrder {
    /** Of so many names alone decide: a bundle of thousands of one name would take minutes of signatures. */
    private static final int VERIFIED_MAX = 16;

    private IssuerOrder() {}

    /** Never fails. A chain that is in order stays as it is. */
    static X509Certificate[] of(X509Certificate... chain) {
        Set<X509Certificate> rest = new LinkedHashSet<>(Arrays.asList(chain));
        List<X509Certificate> ordered = new ArrayList<>();
        boolean verifies = chain.length <= VERIFIED_MAX;
        for (X509Certificate next = chain[0]; next != null; next = issuer(next, rest, verifies)) {
            ordered.add(next);
            rest.remove(next);
        }
        return ordered.toArray(X509Certificate[]::new);
    }

    /** An authority that got a new key keeps its name; only then signatures have to tell. */
    private static @Nullable X509Certificate issuer(
            X509Certificate of, Set<X509Certificate> candidates, boolean verifies) {
        List<X509Certificate> named = candidates.stream()
                .filter(candidate -> candidate.getSubjectX500Principal().equals(of.getIssuerX500Principal()))
                .toList();
        if (named.isEmpty()) {
            return null;
        }
        return named.size() == 1 || !verifies
                ? named.getFirst()
                : named.stream()
                        .filter(candidate -> isSignedBy(of, candidate))
                        .findFirst()
                        .orElse(named.getFirst());
    }

    private static boolean isSignedBy(X509Certificate certificate, X509Certificate issuer) {
        try {
            certificate.verify(issuer.getPublicKey());
            return true;
        } catch (GeneralSecurityException | RuntimeException e) {
            return false;
        }
    }
}
