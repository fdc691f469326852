package dev.holdfast.dataplane.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.net.InetAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SyncConfigTest {
    @ParameterizedTest
    @ValueSource(strings = {"http://127.0.0.1:9901", "http://localhost:1", "http://[::1]:9901/", "http://127.9.9.9:80"})
    void anOperatorOnLoopbackIsTaken(String operator) {
        assertThat(SyncConfig.of(URI.create(operator), null).operator().urls()).containsExactly(URI.create(operator));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://operator.holdfast.svc:9901",
                "http://10.0.0.1:9901",
                "https://127.0.0.1:9901",
                "http://127.0.0.1",
                "http://127.0.0.1:9901/tables",
                "http://127.0.0.1:9901?x",
                "http://127.0.0.1.evil:1",
                "/socket",
                "http://user@evil:1"
            })
    void plainHttpBeyondLoopbackIsRefused(String operator) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SyncConfig.of(URI.create(operator), null))
                .withMessageStartingWith("operator: \"")
                .withMessageContaining("(expected: ");
    }

    @Test
    void anOperatorElsewhereIsTakenByHttpsWithAProofOfBothSides() {
        // Given
        URI url = URI.create("https://operator.holdfast.svc:9901");

        // When
        OperatorAccess access = new OperatorAccess(List.of(url), Path.of("ca.crt"), Path.of("token"));

        // Then
        assertThat(access.names()).containsExactly("operator.holdfast.svc");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new OperatorAccess(List.of(url), Path.of("ca.crt"), null))
                .withMessageContaining("--operator-token");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new OperatorAccess(
                        List.of(URI.create("http://127.0.0.1:1")), Path.of("ca.crt"), Path.of("token")))
                .withMessageContaining("expected: an https URL");
    }

    @Test
    void everyAddressOfANameIsAReplicaAndTheNextTryIsAnother() throws Exception {
        // Given
        InetAddress[] addresses = {InetAddress.ofLiteral("10.0.0.1"), InetAddress.ofLiteral("fd00::2")};
        Replicas replicas = new Replicas(
                List.of(URI.create("https://operator.holdfast.svc:9901")), name -> addresses, new Random(1));

        // When
        Set<URI> tried = new TreeSet<>();
        URI before = URI.create("https://none:1");
        for (int i = 0; i < 20; i++) {
            URI next = replicas.next();
            assertThat(next).isNotEqualTo(before);
            tried.add(next);
            before = next;
        }

        // Then
        assertThat(tried)
                .containsExactly(URI.create("https://10.0.0.1:9901"), URI.create("https://[fd00:0:0:0:0:0:0:2]:9901"));
        assertThat(replicas.known()).containsExactlyInAnyOrderElementsOf(tried);
    }

    @Test
    void pausesGrowToTheirBoundAndStartAgain() {
        // Given
        Duration max = Duration.ofSeconds(10);
        Backoff backoff = new Backoff(Duration.ofMillis(100), max, new Random(1));

        // When
        Duration first = backoff.next();
        Duration last = first;
        for (int i = 0; i < 50; i++) {
            last = backoff.next();
        }

        // Then
        assertThat(first).isBetween(Duration.ofMillis(50), Duration.ofMillis(100));
        assertThat(last).isBetween(max.dividedBy(2), max);
        backoff.reset();
        assertThat(backoff.next()).isLessThanOrEqualTo(Duration.ofMillis(100));
    }
}
