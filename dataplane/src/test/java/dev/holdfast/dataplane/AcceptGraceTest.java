package dev.holdfast.dataplane;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How long it accepts, by a clock that only its own pauses move. */
class AcceptGraceTest {
    private static final DrainConfig TEN_AND_FORTY = new DrainConfig(Duration.ofSeconds(10), Duration.ofSeconds(40));

    private Duration clock = Duration.ZERO;

    /** @param comersAt how many clients have come after so many milliseconds */
    private boolean stillComing(DrainConfig config, LongUnaryOperator comersAt) throws InterruptedException {
        return new AcceptGrace(config, () -> comersAt.applyAsLong(clock.toMillis()), time -> clock = clock.plus(time))
                .await();
    }

    @Test
    void whoCameInTheFirstHalfOfTheGraceDoesNotDrawItOut() throws Exception {
        // When
        boolean stillComing = stillComing(TEN_AND_FORTY, millis -> Math.min(millis, 5_000));
        // Then
        assertThat(stillComing).isFalse();
        assertThat(clock).isEqualTo(Duration.ofSeconds(10));
    }

    @Test
    void itGoesOnUntilNobodyHasComeForHalfOfTheGrace() throws Exception {
        // When: one each four seconds, the last after 20
        boolean stillComing = stillComing(TEN_AND_FORTY, millis -> Math.min(millis, 20_000) / 4_000);
        // Then
        assertThat(stillComing).isFalse();
        assertThat(clock).isEqualTo(Duration.ofSeconds(25));
    }

    @Test
    void whoNeverCeasesToComeIsNotWaitedForBeyondTheBound() throws Exception {
        // When
        boolean stillComing = stillComing(TEN_AND_FORTY, millis -> millis);
        // Then
        assertThat(stillComing).isTrue();
        assertThat(clock).isEqualTo(Duration.ofSeconds(10 + 20));
    }

    @Test
    void withoutAGraceNobodyIsWaitedFor() throws Exception {
        // When
        boolean stillComing =
                stillComing(new DrainConfig(Duration.ZERO, Duration.ofSeconds(40)), millis -> System.nanoTime());
        // Then
        assertThat(stillComing).isFalse();
        assertThat(clock).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "PT0S,  PT30S, PT5M,   PT0S",
        "PT5S,  PT30S, PT4S,   PT0S",
        "PT5S,  PT30S, PT7.5S, PT2.5S",
        "PT5S,  PT30S, PT5M,   PT15S",
        "PT10S, PT5M,  PT2H,   PT1M",
        "PT5S,  PT0S,  PT9S,   PT0S",
    })
    void whatIsTakenFromTheWindowIsBounded(Duration grace, Duration window, Duration accepted, Duration overtime) {
        // Given
        DrainConfig config = new DrainConfig(grace, window);
        // When
        Duration taken = config.overtime(accepted);
        // Then
        assertThat(taken).isEqualTo(overtime);
    }
}
