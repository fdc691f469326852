package dev.holdfast.operator.compile;

import dev.holdfast.operator.compile.CertificateCheck.Pair;
import dev.holdfast.operator.compile.CertificateCheck.UnusableException;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.snapshot.ClusterSnapshot.SecretView;
import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.SecretBytes;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Certificates and authorities from Secrets. Parsing costs more than anything else in a compile, so each is checked once
 * however many hosts or backends name it, and not again while it stays as it is; what a compile does not use is forgotten.
 */
final class Certificates {
    private final Map<ResourceRef, Checked<Certificate>> checkedPairs = new HashMap<>();
    private final Map<ResourceRef, Checked<String>> checkedAuthorities = new HashMap<>();
    private final Map<ResourceRef, Checked<Certificate>> lastPairs;
    private final Map<ResourceRef, Checked<String>> lastAuthorities;
    private final ClusterIndex cluster;

    /** One of the two is null. */
    record Result<T>(@Nullable T value, @Nullable Issue issue) {}

    private record Checked<T>(SecretView secret, Result<T> result) {}

    /** Remembers what {@code last} checked; null: nothing is known yet. */
    Certificates(ClusterIndex cluster, @Nullable Certificates last) {
        this.cluster = cluster;
        this.lastPairs = last == null ? Map.of() : last.checkedPairs;
        this.lastAuthorities = last == null ? Map.of() : last.checkedAuthorities;
    }

    /** The server certificate of a Secret. */
    Result<Certificate> certificate(ResourceRef ref) {
        SecretView secret = cluster.secret(ref);
        if (secret == null) {
            return new Result<>(
                    null,
                    new Issue(
                            DiagnosticCode.SECRET_NOT_FOUND,
                            ref
                                    + " does not exist or is not of type kubernetes.io/tls (expected: tls.crt and tls.key in it);"
                                    + " until it does, the certificate of the host's wildcard is presented, or the default one"));
        }
        return checkedPairs
                .computeIfAbsent(ref, key -> known(lastPairs.get(key), secret, () -> check(key, secret)))
                .result();
    }

    /** The authorities of a Secret, as PEM. */
    Result<String> authorities(ResourceRef ref) {
        SecretView secret = cluster.secret(ref);
        if (secret == null) {
            return new Result<>(
                    null,
                    new Issue(
                            DiagnosticCode.SECRET_NOT_FOUND,
                            ref
                                    + " does not exist or is not watched (expected: a Secret with ca.crt, of type kubernetes.io/tls or with"
                                    + " the label holdfast.dev/watch: \"true\"); the backend gets no traffic until it does"));
        }
        return checkedAuthorities
                .computeIfAbsent(
                        ref, key -> known(lastAuthorities.get(key), secret, () -> checkAuthorities(key, secret)))
                .result();
    }

    private static <T> Checked<T> known(@Nullable Checked<T> last, SecretView secret, Supplier<Result<T>> check) {
        // With the Secret as it is now: the one it is equal to, of an earlier list, is not to stay in memory beside it.
        return new Checked<>(secret, last != null && last.secret().equals(secret) ? last.result() : check.get());
    }

    private static Result<Certificate> check(ResourceRef ref, SecretView secret) {
        try {
            if (!secret.type().equals("kubernetes.io/tls")) {
                throw new UnusableException("its type is " + secret.type() + " (expected: kubernetes.io/tls)");
            }
            Pair pair = CertificateCheck.pair(value(secret, "tls.crt"), value(secret, "tls.key"));
            return new Result<>(
                    new Certificate(ref.namespace() + "/" + ref.name(), pair.chainPem(), pair.keyPem()), null);
        } catch (UnusableException | IllegalArgumentException e) {
            return new Result<>(
                    null,
                    new Issue(
                            DiagnosticCode.INVALID_CERTIFICATE,
                            ref + ": " + e.getMessage()
                                    + "; until it is corrected, the certificate of the host's wildcard is presented, or the default one"));
        }
    }

    private static Result<String> checkAuthorities(ResourceRef ref, SecretView secret) {
        try {
            return new Result<>(CertificateCheck.authorities(value(secret, "ca.crt")), null);
        } catch (UnusableException e) {
            return new Result<>(
                    null,
                    new Issue(
                            DiagnosticCode.INVALID_CERTIFICATE,
                            ref + ": " + e.getMessage() + "; the backend gets no traffic until it is corrected"));
        }
    }

    private static SecretBytes value(SecretView secret, String key) throws UnusableException {
        SecretBytes value = secret.data().get(key);
        if (value == null) {
            throw new UnusableException(key + " is missing (expected: PEM under that key)");
        }
        return value;
    }
}
