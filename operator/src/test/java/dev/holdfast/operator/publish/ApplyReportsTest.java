package dev.holdfast.operator.publish;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.ApplyOutcome;
import dev.holdfast.routetable.update.ApplyOutcome.Applied;
import dev.holdfast.routetable.update.ApplyOutcome.NeedsFullTable;
import dev.holdfast.routetable.update.ApplyOutcome.Refused;
import dev.holdfast.routetable.update.ApplyOutcome.Unchanged;
import dev.holdfast.routetable.update.ApplyReport;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class ApplyReportsTest {
    private static final TableVersion ONE = new TableVersion(1, "1".repeat(64));
    private static final TableVersion TWO = new TableVersion(2, "2".repeat(64));

    private Instant now = Instant.EPOCH;
    private final AtomicInteger changes = new AtomicInteger();
    private final ApplyReports reports = new ApplyReports(() -> now, Duration.ofMinutes(1));

    @Test
    void aDataPlaneServesWhatItLastTook() {
        // Given
        report("a", ONE, new Applied());
        report("b", ONE, new Applied());
        report("c", ONE, new Unchanged());

        // When
        report("a", TWO, new Applied());
        report("b", TWO, new Refused("certificate ns/tls: no key"));
        report("c", TWO, new NeedsFullTable("digest"));

        // Then
        assertThat(reports.states()).extracting(DataPlaneState::serves).containsExactly(TWO, ONE, ONE);
        assertThat(reports.states())
                .filteredOn(state -> state.refusal().isPresent())
                .extracting(DataPlaneState::name)
                .containsExactly("b");
    }

    @Test
    void aDataPlaneCountsFromItsFirstWordOnWhatItServes() {
        // Given one that has just started, one that wants the whole table, and one that served before its stream broke
        reports.opened("new");
        reports.opened("asks");
        report("asks", ONE, new NeedsFullTable("digest"));
        reports.opened("refuses");
        reports.opened("returns");
        report("returns", ONE, new Applied());
        reports.closed("returns");

        // When the last returns, and another refuses its first table
        reports.opened("returns");
        report("refuses", ONE, new Refused("certificate ns/tls: no key"));

        // Then these two count
        assertThat(reports.states()).allMatch(DataPlaneState::connected);
        assertThat(reports.states())
                .filteredOn(DataPlaneState::counts)
                .extracting(DataPlaneState::name)
                .containsExactly("refuses", "returns");
    }

    @Test
    void onlyNewsAreAnnounced() {
        // Given
        reports.onChange(changes::incrementAndGet);
        reports.opened("a");
        report("a", ONE, new Applied());
        int before = changes.get();

        // When
        report("a", ONE, new Unchanged());
        report("a", ONE, new Unchanged());

        // Then
        assertThat(before).isEqualTo(2);
        assertThat(changes).hasValue(before);
    }

    @Test
    void aDataPlaneWithoutAStreamIsForgottenAfterAWhile() {
        // Given
        reports.opened("stays");
        reports.opened("goes");
        reports.closed("goes");
        now = now.plus(Duration.ofMinutes(2));
        report("stays", ONE, new Unchanged());
        reports.onChange(changes::incrementAndGet);

        // When
        reports.forget(Duration.ofSeconds(45));

        // Then
        assertThat(reports.states()).extracting(DataPlaneState::name).containsExactly("stays");
        assertThat(changes).hasValue(1);
    }

    @Test
    void oneWhoseNodeLostItsPowerIsNotConnectedHoweverOpenItsStreamLooks() {
        // Given
        reports.opened("a");
        report("a", ONE, new Applied());
        now = now.plus(Duration.ofSeconds(46));

        // When
        reports.forget(Duration.ofSeconds(45));

        // Then
        assertThat(reports.states()).noneMatch(DataPlaneState::connected);
        report("a", ONE, new Unchanged());
        assertThat(reports.states()).allMatch(DataPlaneState::connected);
        reports.closed("a");
        assertThat(reports.states()).noneMatch(DataPlaneState::connected);
    }

    @Test
    void aDataPlaneThatFollowsAnotherReplicaIsConnectedAsLongAsItReports() {
        // Given
        ApplyReport report = new ApplyReport("a", ONE, new Applied());
        assertThat(reports.accept(report, ApplyReports.Place.ELSEWHERE)).isTrue();
        assertThat(reports.states()).allMatch(DataPlaneState::connected);
        reports.onChange(changes::incrementAndGet);

        // When
        now = now.plus(Duration.ofSeconds(46));
        reports.forget(Duration.ofSeconds(45));

        // Then
        assertThat(reports.states()).singleElement().satisfies(state -> {
            assertThat(state.connected()).isFalse();
            assertThat(state.serves()).isEqualTo(ONE);
        });
        assertThat(changes).hasValue(1);
        reports.accept(report, ApplyReports.Place.ELSEWHERE);
        assertThat(reports.states()).allMatch(DataPlaneState::connected);
        reports.accept(report, ApplyReports.Place.ENDED);
        assertThat(reports.states()).noneMatch(DataPlaneState::connected);
    }

    @Test
    void aSecondStreamOfTheSameNameKeepsItConnectedWhenTheFirstEnds() {
        // Given
        reports.opened("a");
        reports.opened("a");

        // When
        reports.closed("a");

        // Then
        assertThat(reports.states())
                .singleElement()
                .satisfies(state -> assertThat(state.connected()).isTrue());
    }

    @Test
    void thereIsRoomForABoundedNumber() {
        // Given
        for (int i = 0; i < ApplyReports.DATA_PLANES_MAX; i++) {
            assertThat(reports.opened("a" + i)).isTrue();
        }

        // When
        boolean taken = reports.opened("one-more");

        // Then
        assertThat(taken).isFalse();
        assertThat(reports.accept(new ApplyReport("one-more", ONE, new Applied())))
                .isFalse();
        assertThat(reports.accept(new ApplyReport("a0", ONE, new Applied()))).isTrue();
    }

    private void report(String name, TableVersion version, ApplyOutcome outcome) {
        assertThat(reports.accept(new ApplyReport(name, version, outcome))).isTrue();
    }
}
