package dev.holdfast.dataplane.proxy.tls;

import dev.holdfast.routetable.SecretBytes;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;

/** Reads certificates and keys from PEM. No message holds any of a key. */
final class PemKeys {
    private PemKeys() {}

    static X509Certificate[] chain(String field, String pem) {
        try {
            X509Certificate[] chain = CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(pem.getBytes(StandardCharsets.ISO_8859_1)))
                    .toArray(X509Certificate[]::new);
            if (chain.length == 0) {
                throw new IllegalArgumentException(field + ": no certificate (expected: at least one, PEM)");
            }
            return chain;
        } catch (CertificateException | ArrayIndexOutOfBoundsException e) {
            // The latter is what JDK 25 throws at an Ed25519 key without a single byte.
            throw new IllegalArgumentException(field + ": not readable (expected: certificates, PEM)", e);
        }
    }

    /** PKCS#8, PKCS#1 or SEC1, not encrypted. The first key counts; the parameters before an EC key are skipped. */
    static PrivateKey key(String field, SecretBytes pem) {
        byte[] bytes = pem.reveal();
        try (PEMParser parser =
                new PEMParser(new InputStreamReader(new ByteArrayInputStream(bytes), StandardCharsets.ISO_8859_1))) {
            for (Object entry = parser.readObject(); entry != null; entry = parser.readObject()) {
                if (entry instanceof PEMKeyPair pair) {
                    return key(pair.getPrivateKeyInfo());
                }
                if (entry instanceof PrivateKeyInfo info) {
                    return key(info);
                }
            }
        } catch (IOException | RuntimeException | GeneralSecurityException e) {
            // The cause could quote the key.
            throw new IllegalArgumentException(
                    field + ": not readable (expected: an unencrypted RSA or EC key, PEM: PKCS#8, PKCS#1 or SEC1)");
        } finally {
            Arrays.fill(bytes, (byte) 0);
        }
        throw new IllegalArgumentException(
                field + ": no private key (expected: an unencrypted RSA or EC key, PEM: PKCS#8, PKCS#1 or SEC1)");
    }

    private static PrivateKey key(PrivateKeyInfo info) throws GeneralSecurityException, IOException {
        var algorithm = info.getPrivateKeyAlgorithm().getAlgorithm();
        String name;
        if (algorithm.equals(PKCSObjectIdentifiers.rsaEncryption)) {
            name = "RSA";
        } else if (algorithm.equals(X9ObjectIdentifiers.id_ecPublicKey)) {
            name = "EC";
        } else {
            throw new GeneralSecurityException("neither RSA nor EC");
        }
        return KeyFactory.getInstance(name).generatePrivate(new PKCS8EncodedKeySpec(info.getEncoded()));
    }
}
