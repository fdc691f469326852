package dev.holdfast.operator.compile;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.compile.Certificates.Result;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.routetable.Certificate;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** Reading a chain of a megabyte takes 60 ms, and thousands of hosts may name it. */
class CertificatesTest {
    private static final ResourceRef CHAT = new ResourceRef("Secret", "shop", "chat");

    @Test
    void aSecretIsReadOnceHoweverManyHostsNameIt() throws Exception {
        // Given
        Certificates certificates = new Certificates(cluster("tls.crt"), null);
        Result<Certificate> first = certificates.certificate(CHAT);

        // When
        Result<Certificate> second = certificates.certificate(CHAT);

        // Then
        assertThat(first.value()).isNotNull();
        assertThat(second).isSameAs(first);
    }

    @Test
    void itIsNotReadAgainWhileItStaysAsItIs() throws Exception {
        // Given
        Certificates last = new Certificates(cluster("tls.crt"), null);
        Result<Certificate> before = last.certificate(CHAT);

        // When
        Result<Certificate> after = new Certificates(cluster("tls.crt"), last).certificate(CHAT);

        // Then
        assertThat(after).isSameAs(before);
    }

    @Test
    void itIsReadAgainWhenItChanges() throws Exception {
        // Given
        Certificates last = new Certificates(cluster("tls.crt"), null);
        Result<Certificate> before = last.certificate(CHAT);

        // When
        Result<Certificate> after = new Certificates(cluster("tls.key"), last).certificate(CHAT);

        // Then
        assertThat(before.issue()).isNull();
        assertThat(after.issue()).isNotNull();
    }

    /** A Secret with this in the place of its certificate. */
    private static ClusterIndex cluster(String certificate) throws IOException {
        Manifests manifests = new Manifests()
                .add("""
                kind: Secret
                metadata: {name: chat, namespace: shop}
                type: kubernetes.io/tls
                data: {tls.crt: %s, tls.key: %s}
                """.formatted(TableBudgetTest.sample(certificate), TableBudgetTest.sample("tls.key")));
        return new ClusterIndex(manifests.snapshot(), null);
    }
}
