package dev.holdfast.e2e.cluster;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.math.BigInteger;
import java.time.Instant;
import java.util.concurrent.TimeUnit;

/**
 * A certificate that nobody else has.
 *
 * @param serial tells which one is served
 */
record StoryCertificate(BigInteger serial, String chain, String key) {
    /** Makes one for a host. */
    static StoryCertificate of(String host) throws Exception {
        return of(host, new CertificateBuilder().ecp256());
    }

    /** Makes one for a host, with a long key: most of what is written of it is nobody else's business. */
    static StoryCertificate ofRsa(String host) throws Exception {
        return of(host, new CertificateBuilder().rsa2048());
    }

    private static StoryCertificate of(String host, CertificateBuilder builder) throws Exception {
        X509Bundle bundle = builder.subject("CN=" + host)
                .addSanDnsName(host)
                .notBefore(Instant.now().minusSeconds(TimeUnit.HOURS.toSeconds(1)))
                .notAfter(Instant.now().plusSeconds(TimeUnit.DAYS.toSeconds(1)))
                .setIsCertificateAuthority(true)
                .buildSelfSigned();
        return new StoryCertificate(
                bundle.getCertificate().getSerialNumber(), bundle.getCertificatePEM(), bundle.getPrivateKeyPEM());
    }

    /** The Secret of it. */
    String secret(String name) {
        return """
                apiVersion: v1
                kind: Secret
                metadata: {name: %s}
                type: kubernetes.io/tls
                stringData:
                  tls.crt: |
                %s
                  tls.key: |
                %s
                """.formatted(
                        name,
                        chain.strip().indent(4).stripTrailing(),
                        key.strip().indent(4).stripTrailing());
    }
}
