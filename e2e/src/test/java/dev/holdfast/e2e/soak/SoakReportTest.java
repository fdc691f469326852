package dev.holdfast.e2e.soak;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.e2e.soak.SoakConfig.Load;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The verdict notices each count, a gauge that tells another story, and a slope. */
class SoakReportTest {
    private final Tally tally = new Tally();
    private final SoakReport report =
            new SoakReport(new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8), tally);

    @BeforeEach
    void someTraffic() {
        tally.opened.add(10);
        tally.back.add(100);
        tally.requests.add(50);
        tally.edits.add(20);
    }

    private static SoakConfig asking(Duration length) {
        return new SoakConfig(length, Duration.ZERO, length, 1, new Load(4, 10, 5, 2, 1));
    }

    @Test
    void trafficWithoutFaultsPasses() {
        // Given
        TunnelGauges end = new TunnelGauges(10, 10, 0, 0);

        // When
        List<String> wrong = report.conclude(asking(Duration.ofSeconds(7)), List.of(), end);

        // Then
        assertThat(wrong).isEmpty();
    }

    @Test
    void everyFaultFailsTheSoak() {
        // Given
        List<LongAdder> faults = List.of(
                tally.drops,
                tally.lost,
                tally.duplicated,
                tally.reordered,
                tally.corrupted,
                tally.handshakesFailed,
                tally.requestsFailed,
                tally.editsFailed,
                tally.handshakesAtGone,
                tally.leaks,
                tally.errorsLogged);

        // When
        faults.forEach(LongAdder::increment);

        // Then
        assertThat(report.faults()).hasSize(faults.size());
    }

    @Test
    void aSoakThatStandsStillForAWhileFails() {
        // Given
        SoakConfig longer = asking(Duration.ofSeconds(200));

        // When
        List<String> wrong = report.missing(longer);

        // Then
        assertThat(wrong)
                .containsExactly(
                        "messages: 100 (expected: 1800 or more)",
                        "requests: 50 (expected: 900 or more)",
                        "edits: 20 (expected: 360 or more)",
                        "tunnels: 6 (expected: 180 or more)");
    }

    @Test
    void gaugesThatTellAnotherStoryFailTheSoak() {
        // Given
        TunnelGauges leaked = new TunnelGauges(10, 9, 0, 1);
        TunnelGauges gap = new TunnelGauges(10, 9, 0, 0);
        TunnelGauges missing = new TunnelGauges(9, 9, 0, 0);
        TunnelGauges cut = new TunnelGauges(10, 10, 1, 0);

        // When
        List<List<String>> wrong = List.of(leaked, gap, missing, cut).stream()
                .map(report::gaugeFaults)
                .toList();

        // Then
        assertThat(wrong).allSatisfy(each -> assertThat(each).hasSize(1));
    }

    @Test
    void gaugesAreReadFromTheTextForPrometheus() {
        // Given
        String metrics = """
                # TYPE holdfast_tunnels_active gauge
                holdfast_tunnels_active{namespace="shop",route="busy"} 2.0
                holdfast_tunnels_active{namespace="shop",route="held"} 1.0
                holdfast_tunnels_opened_total{namespace="shop",route="busy"} 1.2E3
                holdfast_tunnels_opened_total{namespace="shop",route="held"} 1.0
                holdfast_tunnels_closed_total{code_class="1xxx",initiator="client",namespace="shop",reason="close",route="busy"} 1197.0
                holdfast_tunnels_closed_total{code_class="none",initiator="backend",namespace="shop",reason="reset",route="busy"} 1.0
                """;

        // When
        TunnelGauges gauges = TunnelGauges.parse(metrics);

        // Then
        assertThat(gauges).isEqualTo(new TunnelGauges(1_201, 1_198, 1, 3));
        assertThat(gauges.gap()).isZero();
    }

    @Test
    void aSlopeIsFoundThroughNoise() {
        // Given
        Trend trend = new Trend();
        for (int minute = 0; minute <= 1_440; minute++) {
            trend.add(minute / 60.0, 100 + 1.5 * minute / 60 + (minute % 7 - 3));
        }

        // When
        boolean flat = trend.isFlat(1, 24);

        // Then
        assertThat(trend.slopePerHour()).isBetween(1.4, 1.6);
        assertThat(flat).isFalse();
    }

    @Test
    void aShortTimeAllowsForNoiseAndNotForALeak() {
        // Given
        Trend noise = new Trend();
        Trend leak = new Trend();
        for (int minute = 0; minute <= 7; minute++) {
            noise.add(minute / 60.0, 100 + minute);
            leak.add(minute / 60.0, 100 + 5 * minute);
        }

        // When
        List<Boolean> flat = List.of(noise.isFlat(1, 24), leak.isFlat(1, 24));

        // Then
        assertThat(flat).containsExactly(true, false);
    }

    @Test
    void theLengthIsInMinutesOrHours() {
        // Given, When, Then
        assertThat(SoakMain.length("--minutes", "10")).isEqualTo(Duration.ofMinutes(10));
        assertThat(SoakMain.length("--hours", "24")).isEqualTo(Duration.ofHours(24));
        assertThatThrownBy(() -> SoakMain.length("--days", "1"))
                .hasMessage("--days 1 (expected: --minutes N or --hours N, N from 1 to 9999)");
    }
}
