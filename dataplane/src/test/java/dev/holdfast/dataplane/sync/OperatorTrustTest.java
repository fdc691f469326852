package dev.holdfast.dataplane.sync;

import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OperatorTrustTest {
    private static final String NAME = "operator.edge.svc";

    @TempDir
    private Path directory;

    private Path file;
    private OperatorTrust trust;
    private X509Bundle authority;

    @BeforeEach
    void publish() throws Exception {
        file = directory.resolve("ca.crt");
        authority = authority("CN=one");
        Files.writeString(file, authority.getCertificatePEM());
        trust = new OperatorTrust(file, Set.of(NAME));
    }

    @Test
    void whoShowsACertificateOfTheAuthorityForTheNameIsBelieved() throws Exception {
        // Given
        X509Certificate[] shown = leaf(authority, NAME);

        // When / Then
        assertThatCode(() -> trust.checkServerTrusted(shown, "UNKNOWN")).doesNotThrowAnyException();
    }

    @Test
    void anotherNameAndAnotherAuthorityAreNot() throws Exception {
        // Given
        X509Certificate[] otherName = leaf(authority, "tenant.edge.svc");
        X509Certificate[] otherAuthority = leaf(authority("CN=two"), NAME);
        X509Certificate[] over = leaf(authority, NAME, Instant.now().minusSeconds(60));

        // When / Then
        assertThatThrownBy(() -> trust.checkServerTrusted(otherName, "UNKNOWN"))
                .isInstanceOf(CertificateException.class)
                .hasMessageContaining("expected: one of [" + NAME + "]");
        assertThatThrownBy(() -> trust.checkServerTrusted(otherAuthority, "UNKNOWN"))
                .isInstanceOf(CertificateException.class);
        assertThatThrownBy(() -> trust.checkServerTrusted(over, "UNKNOWN")).isInstanceOf(CertificateException.class);
    }

    @Test
    void theFileIsReadAgainAndOneThatCannotBeReadChangesNothing() throws Exception {
        // Given
        X509Bundle next = authority("CN=two");
        X509Certificate[] shown = leaf(next, NAME);
        assertThatThrownBy(() -> trust.checkServerTrusted(shown, "UNKNOWN")).isInstanceOf(CertificateException.class);

        // When
        Files.writeString(file, authority.getCertificatePEM() + next.getCertificatePEM());

        // Then
        assertThatCode(() -> trust.checkServerTrusted(shown, "UNKNOWN")).doesNotThrowAnyException();
        Files.writeString(file, "");
        assertThatCode(() -> trust.checkServerTrusted(shown, "UNKNOWN")).doesNotThrowAnyException();
        Files.copy(Path.of("src/test/resources/fuzz/PemKeysFuzz/ed25519-without-key"), file, REPLACE_EXISTING);
        assertThatCode(() -> trust.checkServerTrusted(shown, "UNKNOWN")).doesNotThrowAnyException();
        Files.delete(file);
        assertThatCode(() -> trust.checkServerTrusted(shown, "UNKNOWN")).doesNotThrowAnyException();
        OperatorTrust fresh = new OperatorTrust(file, Set.of(NAME));
        assertThatThrownBy(() -> fresh.checkServerTrusted(shown, "UNKNOWN")).hasMessageContaining("--operator-ca: ");
    }

    private static X509Bundle authority(String subject) throws Exception {
        return new CertificateBuilder()
                .subject(subject)
                .ecp256()
                .setIsCertificateAuthority(true)
                .buildSelfSigned();
    }

    private static X509Certificate[] leaf(X509Bundle authority, String name) throws Exception {
        return leaf(authority, name, Instant.now().plusSeconds(3_600));
    }

    private static X509Certificate[] leaf(X509Bundle authority, String name, Instant until) throws Exception {
        X509Bundle leaf = new CertificateBuilder()
                .subject("CN=operator")
                .ecp256()
                .addSanDnsName(name)
                .notBefore(Instant.now().minusSeconds(3_600))
                .notAfter(until)
                .buildIssuedBy(authority);
        return new X509Certificate[] {leaf.getCertificate()};
    }
}
