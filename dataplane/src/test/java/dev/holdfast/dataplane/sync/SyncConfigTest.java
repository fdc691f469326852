package dev.holdfast.dataplane.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.net.URI;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SyncConfigTest {
    @ParameterizedTest
    @ValueSource(strings = {"http://127.0.0.1:9901", "http://localhost:1", "http://[::1]:9901/", "http://127.9.9.9:80"})
    void anOperatorOnLoopbackIsTaken(String operator) {
        assertThat(SyncConfig.of(URI.create(operator), null).operator()).isEqualTo(URI.create(operator));
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
