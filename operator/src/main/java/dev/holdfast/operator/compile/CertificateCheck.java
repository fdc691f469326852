package dev.holdfast.operator.compile;

import dev.holdfast.routetable.SecretBytes;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.crypto.params.AsymmetricKeyParameter;
import org.bouncycastle.crypto.params.ECNamedDomainParameters;
import org.bouncycastle.crypto.params.ECPrivateKeyParameters;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;
import org.bouncycastle.crypto.params.RSAKeyParameters;
import org.bouncycastle.crypto.util.PrivateKeyFactory;
import org.bouncycastle.crypto.util.PublicKeyFactory;
import org.bouncycastle.openssl.PEMEncryptedKeyPair;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.pkcs.PKCS8EncryptedPrivateKeyInfo;

/**
 * Checks PEM as a data plane will read it and brings it into one form: certificates only, the key as PKCS#8. A key that
 * slipped into {@code tls.crt} therefore never travels as a certificate. Messages never repeat what was read.
 */
final class CertificateCheck {
    private static final int RSA_BITS_MIN = 2048;

    /** BoringSSL loads no larger key. */
    private static final int RSA_BITS_MAX = 8192;

    /** BoringSSL loads no larger public exponent; the one that everybody has, 65537, has 17 bits. */
    private static final int RSA_EXPONENT_BITS_MAX = 33;

    /** P-256, P-384 and P-521: what both TLS engines of the data plane serve. */
    private static final Set<String> CURVES = Set.of("1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35");

    private CertificateCheck() {}

    /** A chain and its key, in the form in which they travel. */
    record Pair(String chainPem, SecretBytes keyPem) {}

    /** Why something is not accepted, as a sentence without secrets. */
    static final class UnusableException extends Exception {
        private static final long serialVersionUID = 1L;

        UnusableException(String why) {
            super(why);
        }
    }

    /** A server certificate and its key. */
    static Pair pair(SecretBytes chain, SecretBytes key) throws UnusableException {
        List<X509CertificateHolder> certificates = certificates("tls.crt", chain);
        PrivateKeyInfo privateKey = privateKey(key);
        SubjectPublicKeyInfo publicKey = certificates.getFirst().getSubjectPublicKeyInfo();
        if (!matches(publicKey, privateKey)) {
            throw new UnusableException(
                    "tls.key does not belong to the first certificate of tls.crt (expected: the key of the"
                            + " leaf, and the leaf before its intermediates)");
        }
        requireLoadable(publicKey, privateKey);
        try {
            String pem = pem("PRIVATE KEY", privateKey.getEncoded());
            return new Pair(pem(certificates), SecretBytes.ofText(pem));
        } catch (IOException e) {
            throw new UnusableException("tls.key cannot be encoded (expected: an RSA or EC key in PEM)");
        }
    }

    /** Authorities to trust. */
    static String authorities(SecretBytes bundle) throws UnusableException {
        return pem(certificates("ca.crt", bundle));
    }

    private static List<X509CertificateHolder> certificates(String field, SecretBytes bytes) throws UnusableException {
        if (bytes.length() == 0) {
            throw new UnusableException(field + " is empty or not base64 (expected: certificates in PEM)");
        }
        List<X509CertificateHolder> certificates = new ArrayList<>();
        try (PEMParser parser = parser(bytes)) {
            CertificateFactory platform = CertificateFactory.getInstance("X.509");
            for (Object part = parser.readObject(); part != null; part = parser.readObject()) {
                if (part instanceof X509CertificateHolder certificate) {
                    platform.generateCertificate(new ByteArrayInputStream(certificate.getEncoded()));
                    certificates.add(certificate);
                }
            }
        } catch (IOException | CertificateException | RuntimeException e) {
            throw new UnusableException(field + " cannot be parsed (expected: certificates in PEM)");
        }
        if (certificates.isEmpty()) {
            throw new UnusableException(field + " has no certificate (expected: at least one block BEGIN CERTIFICATE)");
        }
        return certificates;
    }

    private static PrivateKeyInfo privateKey(SecretBytes bytes) throws UnusableException {
        if (bytes.length() == 0) {
            throw new UnusableException("tls.key is empty or not base64 (expected: a private key in PEM)");
        }
        try (PEMParser parser = parser(bytes)) {
            for (Object part = parser.readObject(); part != null; part = parser.readObject()) {
                switch (part) {
                    case PEMKeyPair pair -> {
                        return pair.getPrivateKeyInfo();
                    }
                    case PrivateKeyInfo key -> {
                        return key;
                    }
                    case PEMEncryptedKeyPair encrypted -> throw encrypted();
                    case PKCS8EncryptedPrivateKeyInfo encrypted -> throw encrypted();
                    default -> {
                        // Curve parameters and certificates may stand before the key.
                    }
                }
            }
        } catch (IOException | RuntimeException e) {
            throw new UnusableException(
                    "tls.key cannot be parsed (expected: a private key in PEM: PKCS#8, PKCS#1 or SEC1)");
        }
        throw new UnusableException("tls.key has no private key (expected: a block BEGIN PRIVATE KEY)");
    }

    private static UnusableException encrypted() {
        return new UnusableException("tls.key is encrypted (expected: a private key without passphrase)");
    }

    private static boolean matches(SubjectPublicKeyInfo certificate, PrivateKeyInfo key) throws UnusableException {
        AsymmetricKeyParameter publicKey;
        AsymmetricKeyParameter privateKey;
        try {
            publicKey = PublicKeyFactory.createKey(certificate);
            privateKey = PrivateKeyFactory.createKey(key);
        } catch (IOException | RuntimeException e) {
            throw unsupported();
        }
        if (publicKey instanceof RSAKeyParameters rsa && privateKey instanceof RSAKeyParameters rsaKey) {
            int bits = rsa.getModulus().bitLength();
            if (bits < RSA_BITS_MIN) {
                throw new UnusableException(
                        "the RSA key has " + bits + " bits (expected: at least " + RSA_BITS_MIN + ")");
            }
            if (bits > RSA_BITS_MAX) {
                throw new UnusableException(
                        "the RSA key has " + bits + " bits (expected: at most " + RSA_BITS_MAX + ")");
            }
            return rsa.getModulus().equals(rsaKey.getModulus());
        }
        if (publicKey instanceof ECPublicKeyParameters ec && privateKey instanceof ECPrivateKeyParameters ecKey) {
            if (!isServed(ec.getParameters()) || !isServed(ecKey.getParameters())) {
                throw unsupported();
            }
            boolean sameCurve = ec.getParameters().equals(ecKey.getParameters());
            return sameCurve
                    && ec.getParameters()
                            .getG()
                            .multiply(ecKey.getD())
                            .normalize()
                            .equals(ec.getQ());
        }
        if (publicKey.getClass() == privateKey.getClass() || !isServedKind(publicKey)) {
            throw unsupported();
        }
        return false;
    }

    /** What was matched is more than a data plane can load: its JDK reads the key, and its BoringSSL serves with it. */
    private static void requireLoadable(SubjectPublicKeyInfo certificate, PrivateKeyInfo key) throws UnusableException {
        String algorithm = algorithm("tls.key", key.getPrivateKeyAlgorithm());
        algorithm("tls.crt", certificate.getAlgorithm());
        try {
            if (PublicKeyFactory.createKey(certificate) instanceof RSAKeyParameters rsa
                    && rsa.getExponent().bitLength() > RSA_EXPONENT_BITS_MAX) {
                throw new UnusableException("tls.key has a public exponent of "
                        + rsa.getExponent().bitLength() + " bits (expected: at most " + RSA_EXPONENT_BITS_MAX
                        + ", as openssl genrsa makes)");
            }
            KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(key.getEncoded()));
        } catch (IOException | GeneralSecurityException | RuntimeException e) {
            // The cause could quote the key.
            throw new UnusableException(
                    "tls.key cannot be loaded (expected: an RSA key of two primes, as openssl genrsa makes, or an EC key"
                            + " on P-256, P-384 or P-521)");
        }
    }

    /** As the JDK names it. RSA keys that are bound to RSASSA-PSS or to OAEP have identifiers of their own. */
    private static String algorithm(String field, AlgorithmIdentifier identifier) throws UnusableException {
        if (identifier.getAlgorithm().equals(PKCSObjectIdentifiers.rsaEncryption)) {
            return "RSA";
        }
        if (identifier.getAlgorithm().equals(X9ObjectIdentifiers.id_ecPublicKey)) {
            return "EC";
        }
        throw new UnusableException(field + " has a key that is bound to one scheme, such as RSASSA-PSS (expected:"
                + " rsaEncryption, as openssl genpkey -algorithm RSA makes, or EC)");
    }

    private static boolean isServedKind(AsymmetricKeyParameter key) {
        return key instanceof RSAKeyParameters || key instanceof ECPublicKeyParameters;
    }

    private static boolean isServed(Object parameters) {
        ASN1ObjectIdentifier curve =
                parameters instanceof ECNamedDomainParameters named ? named.getName() : new ASN1ObjectIdentifier("1.1");
        return CURVES.contains(curve.getId());
    }

    private static UnusableException unsupported() {
        return new UnusableException(
                "the key is of a kind that is not served (expected: RSA, or EC on P-256, P-384 or P-521)");
    }

    private static PEMParser parser(SecretBytes bytes) {
        return new PEMParser(new StringReader(new String(bytes.reveal(), StandardCharsets.UTF_8)));
    }

    private static String pem(List<X509CertificateHolder> certificates) throws UnusableException {
        StringBuilder text = new StringBuilder();
        for (X509CertificateHolder certificate : certificates) {
            try {
                text.append(pem("CERTIFICATE", certificate.getEncoded()));
            } catch (IOException e) {
                throw new UnusableException("a certificate cannot be encoded (expected: X.509)");
            }
        }
        return text.toString();
    }

    private static String pem(String type, byte[] der) {
        String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
        return "-----BEGIN " + type + "-----\n" + body + "\n-----END " + type + "-----\n";
    }
}
