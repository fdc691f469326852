package dev.holdfast.e2e.cluster;

import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.Map;
import java.util.Objects;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** The CA of the table stream as the cluster holds it: with its keys in a Secret, without them in a ConfigMap. */
@SuppressWarnings("JavaUtilDate")
final class StreamAuthority {
    /** The CA that signs, in the Secret. */
    static final String CURRENT = "ca";
    /** The one that will. */
    static final String NEXT = "next";
    /** Those that did. */
    static final String EARLIER = "earlier";

    private static final String NAME = "holdfast-stream-ca";
    private static final String BUNDLE = "ca.crt";

    private final RealCluster cluster;

    StreamAuthority(RealCluster cluster) {
        this.cluster = cluster;
    }

    /** Whom data planes are to trust: certificates in PEM. */
    String bundle() {
        return Objects.requireNonNull(cluster.client()
                .configMaps()
                .inNamespace(Release.NAMESPACE)
                .withName(NAME)
                .get()
                .getData()
                .get(BUNDLE));
    }

    /** What the Secret has under that name, in PEM; empty if there is nothing. */
    String certificate(String name) {
        return read(name + ".crt");
    }

    /** Makes it as old as that, in both objects: the same name and key, and as long a life, begun so long ago. */
    void age(String name, Duration age) throws IOException, OperatorCreationException {
        String certificate = certificate(name);
        String aged = aged(certificate, read(name + ".key"), age);
        cluster.client()
                .secrets()
                .inNamespace(Release.NAMESPACE)
                .withName(NAME)
                .edit(secret -> new SecretBuilder(secret)
                        .addToData(
                                name + ".crt",
                                Base64.getEncoder().encodeToString(aged.getBytes(StandardCharsets.US_ASCII)))
                        .build());
        cluster.client()
                .configMaps()
                .inNamespace(Release.NAMESPACE)
                .withName(NAME)
                .edit(map -> new ConfigMapBuilder(map)
                        .addToData(BUNDLE, bundle().replace(certificate, aged))
                        .build());
    }

    private String read(String key) {
        Map<String, String> data = cluster.client()
                .secrets()
                .inNamespace(Release.NAMESPACE)
                .withName(NAME)
                .get()
                .getData();
        return new String(Base64.getDecoder().decode(data.getOrDefault(key, "")), StandardCharsets.US_ASCII);
    }

    private static String aged(String certificate, String key, Duration age)
            throws IOException, OperatorCreationException {
        X509CertificateHolder old = (X509CertificateHolder) parsed(certificate);
        Instant began = Instant.now().minus(age);
        Duration life = Duration.between(
                old.getNotBefore().toInstant(), old.getNotAfter().toInstant());
        X509v3CertificateBuilder builder = new X509v3CertificateBuilder(
                old.getIssuer(),
                old.getSerialNumber().add(BigInteger.ONE),
                Date.from(began),
                Date.from(began.plus(life)),
                old.getSubject(),
                old.getSubjectPublicKeyInfo());
        for (Object extension : old.getExtensionOIDs()) {
            builder.addExtension(old.getExtension((ASN1ObjectIdentifier) extension));
        }
        StringWriter pem = new StringWriter();
        try (JcaPEMWriter writer = new JcaPEMWriter(pem)) {
            writer.writeObject(builder.build(new JcaContentSignerBuilder("SHA256withECDSA")
                    .build(new JcaPEMKeyConverter().getPrivateKey((PrivateKeyInfo) parsed(key)))));
        }
        return pem.toString();
    }

    private static Object parsed(String pem) throws IOException {
        try (PEMParser parser = new PEMParser(new StringReader(pem))) {
            return Objects.requireNonNull(parser.readObject());
        }
    }
}
