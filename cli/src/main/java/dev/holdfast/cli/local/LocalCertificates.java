package dev.holdfast.cli.local;

import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.routetable.SecretBytes;
import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.HashMap;
import java.util.Map;
import java.util.SortedSet;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.openssl.jcajce.JcaPKCS8Generator;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** Self-made certificates, one per Secret, remade when its hosts change. They live as long as the process. Thread-safe. */
public final class LocalCertificates {
    private static final Duration VALID = Duration.ofDays(90);
    private static final int CERTIFICATES_MAX = 1_000;

    private final SecureRandom random = new SecureRandom();
    private final Map<ResourceRef, Made> made = new HashMap<>();

    private record Made(SortedSet<String> hosts, Map<String, SecretBytes> data) {}

    /** {@code tls.crt} and {@code tls.key}; one that names no host is for localhost. */
    public synchronized Map<String, SecretBytes> certificate(ResourceRef secret, SortedSet<String> hosts) {
        Made known = made.get(secret);
        if (known != null && known.hosts.equals(hosts)) {
            return known.data;
        }
        if (known == null && made.size() >= CERTIFICATES_MAX) {
            made.clear();
        }
        Map<String, SecretBytes> data = make(hosts);
        made.put(secret, new Made(hosts, data));
        return data;
    }

    private Map<String, SecretBytes> make(SortedSet<String> hosts) {
        try {
            KeyPairGenerator keys = KeyPairGenerator.getInstance("EC");
            keys.initialize(new ECGenParameterSpec("secp256r1"), random);
            KeyPair pair = keys.generateKeyPair();
            Instant from = Instant.now().minus(Duration.ofHours(1));
            X500Name name = new X500Name("CN=Holdfast local mode");
            GeneralName[] names = hosts.isEmpty()
                    ? new GeneralName[] {new GeneralName(GeneralName.dNSName, "localhost")}
                    : hosts.stream()
                            .map(host -> new GeneralName(GeneralName.dNSName, host))
                            .toArray(GeneralName[]::new);
            X509CertificateHolder certificate = new JcaX509v3CertificateBuilder(
                            name,
                            new BigInteger(127, random).add(BigInteger.ONE),
                            Date.from(from),
                            Date.from(from.plus(VALID)),
                            name,
                            pair.getPublic())
                    .addExtension(Extension.subjectAlternativeName, false, new GeneralNames(names))
                    .addExtension(Extension.basicConstraints, true, new BasicConstraints(false))
                    .addExtension(
                            Extension.extendedKeyUsage, false, new ExtendedKeyUsage(KeyPurposeId.id_kp_serverAuth))
                    .build(new JcaContentSignerBuilder("SHA256withECDSA").build(pair.getPrivate()));
            return Map.of(
                    "tls.crt", SecretBytes.ofText(pem(certificate)),
                    "tls.key", SecretBytes.ofText(pem(new JcaPKCS8Generator(pair.getPrivate(), null))));
        } catch (GeneralSecurityException | OperatorCreationException | IOException e) {
            throw new IllegalStateException("a certificate cannot be made", e);
        }
    }

    private static String pem(Object object) throws IOException {
        StringWriter text = new StringWriter();
        try (JcaPEMWriter writer = new JcaPEMWriter(text)) {
            writer.writeObject(object);
        }
        return text.toString();
    }
}
