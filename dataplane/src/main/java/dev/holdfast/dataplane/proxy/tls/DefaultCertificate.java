package dev.holdfast.dataplane.proxy.tls;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;

/**
 * What a host without a certificate of its own is served with: made at start, signed by itself, no tenant's. Written
 * octet by octet (RFC 5280 §4.1), because a library for it would stay in the memory of every data plane.
 */
record DefaultCertificate(PrivateKey key, X509Certificate certificate) {
    private static final int INTEGER = 0x02;
    private static final int BIT_STRING = 0x03;
    private static final int UTF8_STRING = 0x0c;
    private static final int GENERALIZED_TIME = 0x18;
    private static final int SEQUENCE = 0x30;
    private static final int SET = 0x31;
    private static final int EXPLICIT_0 = 0xa0;

    /** The object identifiers 2.5.4.3 (common name) and 1.2.840.10045.4.3.2 (ECDSA with SHA-256). */
    private static final byte[] COMMON_NAME = HexFormat.of().parseHex("0603550403");

    private static final byte[] ECDSA_WITH_SHA256 = HexFormat.of().parseHex("06082a8648ce3d040302");

    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("yyyyMMddHHmmss'Z'").withZone(ZoneOffset.UTC);

    static DefaultCertificate generate() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"));
            KeyPair pair = generator.generateKeyPair();
            Instant now = Instant.now();
            byte[] algorithm = der(SEQUENCE, ECDSA_WITH_SHA256);
            byte[] name = der(
                    SEQUENCE,
                    der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, ascii("Holdfast Default Certificate")))));
            byte[] content = der(
                    SEQUENCE,
                    der(EXPLICIT_0, der(INTEGER, new byte[] {2})),
                    der(
                            INTEGER,
                            new BigInteger(127, new SecureRandom()).setBit(0).toByteArray()),
                    algorithm,
                    name,
                    der(SEQUENCE, time(now.minus(1, ChronoUnit.DAYS)), time(now.plus(3650, ChronoUnit.DAYS))),
                    name,
                    pair.getPublic().getEncoded());
            Signature signer = Signature.getInstance("SHA256withECDSA");
            signer.initSign(pair.getPrivate());
            signer.update(content);
            byte[] whole = der(SEQUENCE, content, algorithm, der(BIT_STRING, new byte[] {0}, signer.sign()));
            return new DefaultCertificate(pair.getPrivate(), (X509Certificate)
                    CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(whole)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("default certificate: cannot be made", e);
        }
    }

    private static byte[] time(Instant moment) {
        return der(GENERALIZED_TIME, ascii(TIME.format(moment)));
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /** A value in DER (X.690 §8.1): tag, length, content. */
    private static byte[] der(int tag, byte[]... parts) {
        int length = 0;
        for (byte[] part : parts) {
            length += part.length;
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream(length + 4);
        out.write(tag);
        if (length > 0xff) {
            out.write(0x82);
            out.write(length >>> 8);
        } else if (length > 0x7f) {
            out.write(0x81);
        }
        out.write(length);
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    @Override
    public String toString() {
        return "DefaultCertificate[key=<redacted>]";
    }
}
