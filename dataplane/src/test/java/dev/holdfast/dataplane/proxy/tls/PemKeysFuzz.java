package dev.holdfast.dataplane.proxy.tls;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.routetable.SecretBytes;
import java.nio.charset.StandardCharsets;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * PEM as bytes, read as a chain and as a key. The only error is the declared one and repeats nothing of the input; what
 * is read is read the same when it is written again.
 */
public final class PemKeysFuzz {
    private static final int QUOTE_CHARS = 16;

    private PemKeysFuzz() {}

    /** One run. */
    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        String text = new String(input, StandardCharsets.ISO_8859_1);
        X509Certificate[] chain = chain(text);
        if (chain != null) {
            StringBuilder again = new StringBuilder();
            for (X509Certificate certificate : chain) {
                again.append(pem("CERTIFICATE", certificate.getEncoded()));
            }
            assertThat(chain(again.toString())).isEqualTo(chain);
        }
        PrivateKey key = key(text);
        if (key != null) {
            assertThat(key(pem("PRIVATE KEY", key.getEncoded()))).isEqualTo(key);
        }
    }

    private static X509Certificate @Nullable [] chain(String text) {
        try {
            return PemKeys.chain("tls.crt", text);
        } catch (IllegalArgumentException e) {
            assertThat(e.getMessage()).startsWith("tls.crt: ");
            assertQuotesNothing(e, text);
            return null;
        }
    }

    private static @Nullable PrivateKey key(String text) {
        try {
            return PemKeys.key("tls.key", SecretBytes.of(text.getBytes(StandardCharsets.ISO_8859_1)));
        } catch (IllegalArgumentException e) {
            assertThat(e.getMessage()).startsWith("tls.key: ");
            assertThat(e.getCause()).as("a cause could quote the key").isNull();
            assertQuotesNothing(e, text);
            return null;
        }
    }

    private static void assertQuotesNothing(IllegalArgumentException e, String text) {
        for (int at = 0; at + QUOTE_CHARS <= text.length(); at += QUOTE_CHARS) {
            String part = text.substring(at, at + QUOTE_CHARS);
            if (part.indexOf(' ') < 0) { // A marker of PEM has blanks, and messages name markers.
                assertThat(String.valueOf(e.getMessage())).doesNotContain(part);
            }
        }
    }

    private static String pem(String type, byte[] der) {
        String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
        return "-----BEGIN " + type + "-----\n" + body + "\n-----END " + type + "-----\n";
    }
}
