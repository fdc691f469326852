package dev.holdfast.operator.channel;

import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Date;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.CertIOException;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** A certificate and its key, ECDSA P-256: a CA, or what a CA signed. */
@SuppressWarnings("JavaUtilDate")
record KeyedCertificate(X509Certificate certificate, PrivateKey key) {
    /** Certificates begin a little before they are made, for clocks that are late. */
    static final Duration BACKDATE = Duration.ofMinutes(10);

    private static final SecureRandom RANDOM = new SecureRandom();
    private static final Base64.Encoder LINES = Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII));

    /** A CA that signs itself; each has a name of its own, so that two of them are never taken for each other. */
    static KeyedCertificate authority(Instant now, Duration validity) {
        byte[] id = new byte[8];
        RANDOM.nextBytes(id);
        X500Name name = new X500Name("CN=Holdfast operator CA " + HexFormat.of().formatHex(id));
        KeyPair pair = pair();
        try {
            JcaX509ExtensionUtils extensions = new JcaX509ExtensionUtils();
            JcaX509v3CertificateBuilder builder =
                    builder(name, name, pair, new Validity(now.minus(BACKDATE), now.plus(validity)));
            builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(0));
            builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign));
            builder.addExtension(
                    Extension.subjectKeyIdentifier, false, extensions.createSubjectKeyIdentifier(pair.getPublic()));
            return signed(builder, pair, pair.getPrivate());
        } catch (GeneralSecurityException | CertIOException e) {
            throw new IllegalStateException("a CA cannot be made", e);
        }
    }

    /** A server's certificate for these DNS names, signed by this CA; it ends with the CA at the latest. */
    KeyedCertificate leaf(List<String> dnsNames, Instant now, Duration validity) {
        KeyPair pair = pair();
        Instant end = now.plus(validity);
        Instant authorityEnd = notAfter();
        Validity valid = new Validity(now.minus(BACKDATE), end.isAfter(authorityEnd) ? authorityEnd : end);
        GeneralName[] names = dnsNames.stream()
                .map(name -> new GeneralName(GeneralName.dNSName, name))
                .toArray(GeneralName[]::new);
        try {
            X500Name issuer =
                    X500Name.getInstance(certificate.getSubjectX500Principal().getEncoded());
            JcaX509ExtensionUtils extensions = new JcaX509ExtensionUtils();
            JcaX509v3CertificateBuilder builder = builder(issuer, new X500Name("CN=holdfast-operator"), pair, valid);
            builder.addExtension(Extension.subjectAlternativeName, false, new GeneralNames(names));
            builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(false));
            builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature));
            builder.addExtension(
                    Extension.extendedKeyUsage, false, new ExtendedKeyUsage(KeyPurposeId.id_kp_serverAuth));
            builder.addExtension(
                    Extension.authorityKeyIdentifier,
                    false,
                    extensions.createAuthorityKeyIdentifier(certificate.getPublicKey()));
            return signed(builder, pair, key);
        } catch (GeneralSecurityException | CertIOException e) {
            throw new IllegalStateException("a certificate cannot be made", e);
        }
    }

    private record Validity(Instant from, Instant until) {}

    private static JcaX509v3CertificateBuilder builder(
            X500Name issuer, X500Name subject, KeyPair pair, Validity validity) {
        return new JcaX509v3CertificateBuilder(
                issuer,
                new BigInteger(127, RANDOM).add(BigInteger.ONE),
                Date.from(validity.from),
                Date.from(validity.until),
                subject,
                pair.getPublic());
    }

    private static KeyedCertificate signed(JcaX509v3CertificateBuilder builder, KeyPair subject, PrivateKey by)
            throws GeneralSecurityException {
        try {
            return new KeyedCertificate(
                    new JcaX509CertificateConverter()
                            .getCertificate(builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(by))),
                    subject.getPrivate());
        } catch (OperatorCreationException e) {
            throw new GeneralSecurityException(e);
        }
    }

    private static KeyPair pair() {
        try {
            KeyPairGenerator keys = KeyPairGenerator.getInstance("EC");
            keys.initialize(new ECGenParameterSpec("secp256r1"), RANDOM);
            return keys.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this JDK has no P-256", e);
        }
    }

    /** When it was made. */
    Instant made() {
        return certificate.getNotBefore().toInstant().plus(BACKDATE);
    }

    Instant notAfter() {
        return certificate.getNotAfter().toInstant();
    }

    /** The key, PKCS#8 in PEM. */
    String keyPem() {
        return pem("PRIVATE KEY", key.getEncoded());
    }

    /** Certificates in PEM, one behind the other. */
    static String pem(Collection<X509Certificate> certificates) {
        return certificates.stream().map(KeyedCertificate::pem).collect(Collectors.joining());
    }

    /**
     * Reads a CA.
     *
     * @throws GeneralSecurityException if either cannot be read, or they do not belong together; it repeats neither
     */
    static KeyedCertificate parse(String certificatePem, String keyPem) throws GeneralSecurityException {
        List<X509Certificate> certificates = parse(certificatePem);
        if (certificates.size() != 1) {
            throw new CertificateException(certificates.size() + " certificates (expected: one)");
        }
        try {
            String body = keyPem.replaceAll("-----[A-Z ]+-----", "").replaceAll("\\s", "");
            PrivateKey key = KeyFactory.getInstance("EC")
                    .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(body)));
            return new KeyedCertificate(certificates.getFirst(), key);
        } catch (IllegalArgumentException e) {
            throw new GeneralSecurityException("the key is not PEM");
        }
    }

    /** Reads certificates in PEM; none in an empty text. */
    static List<X509Certificate> parse(String pem) throws CertificateException {
        List<X509Certificate> read = new ArrayList<>();
        try {
            for (Certificate certificate : CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)))) {
                read.add((X509Certificate) certificate);
            }
        } catch (ArrayIndexOutOfBoundsException e) {
            // What JDK 25 throws at an Ed25519 key without a single byte.
            throw new CertificateException("a certificate with an empty key", e);
        }
        return read;
    }

    private static String pem(X509Certificate certificate) {
        try {
            return pem("CERTIFICATE", certificate.getEncoded());
        } catch (CertificateException e) {
            throw new IllegalStateException("a certificate that was read cannot be written", e);
        }
    }

    private static String pem(String type, byte[] der) {
        return "-----BEGIN " + type + "-----\n" + LINES.encodeToString(der) + "\n-----END " + type + "-----\n";
    }

    @Override
    public String toString() {
        return "KeyedCertificate[" + certificate.getSubjectX500Principal().getName() + ", until " + notAfter() + "]";
    }
}
