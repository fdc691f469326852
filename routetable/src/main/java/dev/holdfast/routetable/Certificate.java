package dev.holdfast.routetable;

/**
 * A server certificate and its key.
 *
 * @param id key in the table, {@code namespace/name} of the Secret
 * @param chainPem the leaf and its intermediates, PEM
 * @param keyPem the private key, PEM: PKCS#8, PKCS#1 or SEC1
 */
public record Certificate(String id, String chainPem, SecretBytes keyPem) {
    /** Refuses empty parts and text beyond its bound. */
    public Certificate {
        Bounds.nonEmpty("certificate.id", id, Bounds.ID_CHARS_MAX);
        Bounds.nonEmpty("certificate.chainPem", chainPem, Bounds.PEM_CHARS_MAX);
        Bounds.range("certificate.keyPem", keyPem.length(), 1, Bounds.PEM_CHARS_MAX);
    }

    @Override
    public String toString() {
        return "Certificate[id=" + id + ", keyPem=" + keyPem + "]";
    }
}
