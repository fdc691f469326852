package dev.holdfast.operator.compile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.operator.compile.CertificateCheck.Pair;
import dev.holdfast.operator.compile.CertificateCheck.UnusableException;
import dev.holdfast.routetable.SecretBytes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a data plane can load is accepted and nothing else; the seeds of the fuzzing are the Secrets. */
class CertificateCheckTest {
    private static final Path SEEDS = Path.of("src/test/resources/fuzz/CertificateCheckFuzz");

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            rsa-pss             | tls.key has a key that is bound to one scheme | as openssl genpkey -algorithm RSA makes
            rsa-pss-certificate | tls.crt has a key that is bound to one scheme | as openssl genpkey -algorithm RSA makes
            rsa-three-primes    | tls.key cannot be loaded                      | an RSA key of two primes
            rsa-large-exponent  | tls.key has a public exponent of 65 bits      | at most 33, as openssl genrsa makes
            rsa-8208            | the RSA key has 8208 bits                     | at most 8192
            """)
    void aKeyThatNoDataPlaneCanLoadIsRefusedWithARemedy(String seed, String rule, String remedy) throws IOException {
        // Given
        SecretBytes secret = secret(seed);
        // When
        assertThatThrownBy(() -> CertificateCheck.pair(secret, secret))
                // Then
                .isInstanceOf(UnusableException.class)
                .hasMessageStartingWith(rule)
                .hasMessageContaining("(expected: ")
                .hasMessageContaining(remedy);
    }

    @Test
    void aChainOutOfOrderIsAcceptedAsItIsForDataPlanesOrderIt() throws Exception {
        // Given
        SecretBytes secret = secret("ec-chain-out-of-order");
        // When
        Pair pair = CertificateCheck.pair(secret, secret);
        // Then
        assertThat(pair.chainPem().split("BEGIN CERTIFICATE")).hasSize(1 + 3);
    }

    private static SecretBytes secret(String seed) throws IOException {
        return SecretBytes.of(Files.readAllBytes(SEEDS.resolve(seed)));
    }
}
