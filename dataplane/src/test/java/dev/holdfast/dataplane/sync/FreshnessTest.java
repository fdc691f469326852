package dev.holdfast.dataplane.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.ProtocolException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class FreshnessTest {
    private static final boolean HELD = true;

    private long now = Long.MAX_VALUE - 5;
    private final Freshness freshness = new Freshness(Duration.ofNanos(100), () -> now);

    @Test
    void theFirstWordIsBelieved() {
        assertThat(freshness.objection(0, 0, !HELD)).isEmpty();
        assertThat(freshness.objection(1_000, 7, !HELD)).isEmpty();
    }

    @Test
    void withinAnEpochSequencesNeverGoBack() {
        // Given
        freshness.heard(1_000, 7);

        // When / Then
        assertThat(freshness.objection(1_000, 8, !HELD)).isEmpty();
        assertThat(freshness.objection(1_000, 7, !HELD)).isEmpty();
        assertThat(freshness.objection(1_000, 6, HELD))
                .contains("stale: sequence 6 of epoch 1000 (expected: at least 7)");
    }

    @Test
    void aLaterEpochCountsFromItsStart() {
        // Given
        freshness.heard(1_000, 7);
        assertThat(freshness.objection(1_001, 1, !HELD)).isEmpty();

        // When
        freshness.heard(1_001, 1);

        // Then
        assertThat(freshness.objection(1_000, 8, !HELD)).contains("stale: epoch 1000 (expected: at least 1001)");
    }

    @Test
    void anotherReplicaThatHoldsTheSameTableIsBelieved() {
        // Given
        freshness.heard(1_001, 3);

        // When
        assertThat(freshness.objection(1_000, 9, HELD)).isEmpty();
        freshness.heard(1_000, 9);

        // Then
        assertThat(freshness.objection(1_000, 10, !HELD)).isEmpty();
    }

    @Test
    void anEarlierEpochIsBelievedWhenTheLaterOneIsSilent() {
        // Given
        freshness.heard(1_001, 3);

        // When
        now += 100;

        // Then
        assertThat(freshness.objection(1_000, 9, !HELD)).isPresent();
        now += 1;
        assertThat(freshness.objection(1_000, 9, !HELD)).isEmpty();
    }

    @Test
    void anEpochIsANumberOrAbsent() throws Exception {
        assertThat(Freshness.epoch(Optional.empty())).isZero();
        assertThat(Freshness.epoch(Optional.of("1763708400000"))).isEqualTo(1_763_708_400_000L);
        for (String other : List.of("", "-1", "x", "1.5", "99999999999999999999")) {
            assertThatThrownBy(() -> Freshness.epoch(Optional.of(other)))
                    .isInstanceOf(ProtocolException.class)
                    .hasMessageStartingWith("Holdfast-Epoch: ");
        }
    }
}
