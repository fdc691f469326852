package dev.holdfast.operator.compile;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.compile.CertificateCheck.Pair;
import dev.holdfast.operator.compile.CertificateCheck.UnusableException;
import dev.holdfast.routetable.SecretBytes;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;

/**
 * PEM as bytes, which stand for the chain and the key. The only error is the declared one and repeats nothing of the
 * input; what is accepted has one form, in which it is accepted again and which the JDK of a data plane loads, and no key
 * travels in a chain.
 */
public final class CertificateCheckFuzz {
    private static final int QUOTE_CHARS = 16;

    private CertificateCheckFuzz() {}

    /** One run. */
    public static void fuzzerTestOneInput(byte[] input) throws UnusableException {
        Pair pair;
        try {
            pair = CertificateCheck.pair(SecretBytes.of(input), SecretBytes.of(input));
        } catch (UnusableException e) {
            assertQuotesNothing(e, input);
            pair = null;
        }
        if (pair != null) {
            assertThat(CertificateCheck.pair(SecretBytes.ofText(pair.chainPem()), pair.keyPem()))
                    .isEqualTo(pair);
            assertThat(pair.chainPem()).doesNotContain("KEY");
            assertThat(pair.toString()).doesNotContain("KEY");
            assertThat(loaded(pair.keyPem()).getEncoded()).isNotEmpty();
        }
        try {
            String authorities = CertificateCheck.authorities(SecretBytes.of(input));
            assertThat(CertificateCheck.authorities(SecretBytes.ofText(authorities)))
                    .isEqualTo(authorities);
        } catch (UnusableException e) {
            assertQuotesNothing(e, input);
        }
    }

    private static PrivateKey loaded(SecretBytes pem) {
        String body = new String(pem.reveal(), StandardCharsets.US_ASCII).replaceAll("-----[A-Z ]+-----", "");
        byte[] der = Base64.getMimeDecoder().decode(body);
        try {
            String algorithm = PrivateKeyInfo.getInstance(der)
                            .getPrivateKeyAlgorithm()
                            .getAlgorithm()
                            .equals(PKCSObjectIdentifiers.rsaEncryption)
                    ? "RSA"
                    : "EC";
            return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
        } catch (GeneralSecurityException e) {
            throw new AssertionError("accepted, and no data plane can load it", e);
        }
    }

    private static void assertQuotesNothing(UnusableException e, byte[] input) {
        String text = new String(input, StandardCharsets.ISO_8859_1);
        for (int at = 0; at + QUOTE_CHARS <= text.length(); at += QUOTE_CHARS) {
            String part = text.substring(at, at + QUOTE_CHARS);
            if (part.indexOf(' ') < 0) { // A marker of PEM has blanks, and messages name markers.
                assertThat(String.valueOf(e.getMessage())).doesNotContain(part);
            }
        }
    }
}
