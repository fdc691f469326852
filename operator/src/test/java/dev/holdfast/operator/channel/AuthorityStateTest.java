package dev.holdfast.operator.channel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.operator.channel.ChannelConfig.Lifetimes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class AuthorityStateTest {
    private static final Lifetimes YEAR = Lifetimes.DEFAULT;
    private static final Instant START = Instant.now().truncatedTo(ChronoUnit.SECONDS);

    @Test
    void aCertificateAuthorityIsReplacedInStepsThatNobodyMisses() throws GeneralSecurityException {
        // Given
        AuthorityState first = AuthorityState.first(START, YEAR);
        assertThat(first.step(day(242), YEAR)).isSameAs(first);

        // When
        AuthorityState announced = first.step(day(244), YEAR);
        AuthorityState signing = announced.step(day(245).plusSeconds(60), YEAR);
        AuthorityState settled = signing.step(day(248), YEAR);

        // Then
        KeyedCertificate next = Objects.requireNonNull(announced.next());
        assertThat(announced.current()).isEqualTo(first.current());
        assertThat(KeyedCertificate.parse(announced.bundle()))
                .containsExactly(first.current().certificate(), next.certificate());
        assertThat(announced.step(day(244).plusSeconds(3_600), YEAR)).isSameAs(announced);
        assertThat(signing.current()).isEqualTo(next);
        assertThat(KeyedCertificate.parse(signing.bundle()))
                .containsExactly(next.certificate(), first.current().certificate());
        assertThat(KeyedCertificate.parse(settled.bundle())).containsExactly(next.certificate());
    }

    @Test
    void anAuthorityThatRanOutIsReplacedAtOnce() {
        // Given
        AuthorityState first = AuthorityState.first(START, YEAR);

        // When
        AuthorityState made = first.step(day(400), YEAR);
        AuthorityState signing = made.step(day(400), YEAR);

        // Then
        assertThat(signing.current()).isEqualTo(made.next());
    }

    @Test
    void whatIsWrittenIsRead() throws Exception {
        // Given
        AuthorityState announced = AuthorityState.first(START, YEAR).step(day(244), YEAR);
        AuthorityState signing = announced.step(day(246), YEAR);

        // When
        AuthorityState read = AuthorityState.decode(announced.encode()).orElseThrow();
        AuthorityState later = AuthorityState.decode(signing.encode()).orElseThrow();

        // Then
        assertThat(read).isEqualTo(announced);
        assertThat(later).isEqualTo(signing);
        assertThat(AuthorityState.decode(Map.of())).isEmpty();
        assertThatThrownBy(() -> AuthorityState.decode(Map.of("ca.crt", "x", "ca.key", "secret")))
                .isInstanceOf(GeneralSecurityException.class)
                .hasMessageNotContaining("secret");
        String withoutKey =
                Files.readString(Path.of("src/test/resources/fuzz/CertificateCheckFuzz/ed25519-without-key"));
        assertThatThrownBy(() -> AuthorityState.decode(Map.of("ca.crt", withoutKey, "ca.key", "secret")))
                .as("what the JDK does not declare")
                .isInstanceOf(GeneralSecurityException.class);
    }

    @Test
    void aLeafIsVerifiedByItsAuthorityAndOutlivesItNever() {
        // Given
        KeyedCertificate authority = KeyedCertificate.authority(START, Duration.ofHours(2));

        // When
        KeyedCertificate leaf = authority.leaf(List.of("operator.edge.svc"), START, Duration.ofDays(1));

        // Then
        assertThatCode(() -> leaf.certificate().verify(authority.certificate().getPublicKey()))
                .doesNotThrowAnyException();
        assertThat(leaf.notAfter()).isEqualTo(authority.notAfter());
        assertThat(leaf.certificate().getPublicKey().getAlgorithm()).isEqualTo("EC");
    }

    @Test
    void noKeyIsInAnyText() {
        // Given
        AuthorityState state = AuthorityState.first(START, YEAR).step(day(244), YEAR);

        // When
        String text = state.toString();

        // Then
        for (String line : state.current().keyPem().lines().toList()) {
            assertThat(text).doesNotContain(line);
        }
    }

    private static Instant day(int day) {
        return START.plus(Duration.ofDays(day));
    }
}
