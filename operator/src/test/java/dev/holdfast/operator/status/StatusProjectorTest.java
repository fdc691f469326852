package dev.holdfast.operator.status;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.status.Progress.Standing;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class StatusProjectorTest {
    private static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");
    private static final Instant T1 = T0.plus(Duration.ofMinutes(5));
    private static final ResourceRef ROUTE = new ResourceRef("WebSocketRoute", "default", "chat");
    private static final Diagnostic MISSING = new Diagnostic(
            DiagnosticCode.BACKEND_NOT_FOUND,
            ROUTE,
            "spec.rules[0].backendRefs[0].name",
            "no Service \"x\"; create it");
    private static final Diagnostic IGNORED =
            new Diagnostic(DiagnosticCode.FIELD_IGNORED, ROUTE, "spec.colour", "not known; remove it");

    @Test
    void everythingFineIsReadyAndSaysTheGeneration() {
        // When a healthy route is projected
        RouteStatus status = StatusProjector.project(RouteStatus.NONE, intent(3, progress(2, 2)), T0);

        // Then all four conditions hold, at that generation
        assertThat(status.observedGeneration()).isEqualTo(3);
        assertThat(status.conditions())
                .extracting(Condition::type)
                .containsExactly("Accepted", "ResolvedRefs", "Programmed", "Ready");
        assertThat(status.conditions()).allSatisfy(condition -> {
            assertThat(condition.status()).isEqualTo("True");
            assertThat(condition.observedGeneration()).isEqualTo(3);
            assertThat(condition.lastTransitionTime()).isEqualTo("2026-01-01T00:00:00Z");
        });
    }

    @Test
    void theSameInputLaterIsTheSameStatus() {
        // Given a status written before
        RouteStatus before = StatusProjector.project(RouteStatus.NONE, intent(1, progress(1, 1), MISSING), T0);

        // When it is projected again later
        RouteStatus after = StatusProjector.project(before, intent(1, progress(1, 1), MISSING), T1);

        // Then there is nothing to write
        assertThat(after).isEqualTo(before);
    }

    @Test
    void onlyAConditionWhoseStatusChangedGetsANewTime() {
        // Given a route with a missing Service
        RouteStatus before = StatusProjector.project(RouteStatus.NONE, intent(1, progress(1, 1), MISSING), T0);

        // When the Service appears
        RouteStatus after = StatusProjector.project(before, intent(1, progress(1, 1)), T1);

        // Then Accepted kept its time, ResolvedRefs and Ready did not
        assertThat(time(after, "Accepted")).isEqualTo(T0.toString());
        assertThat(time(after, "ResolvedRefs")).isEqualTo(T1.toString());
        assertThat(time(after, "Ready")).isEqualTo(T1.toString());
    }

    @Test
    void readyRepeatsTheFirstReasonWithFieldAndRemedy() {
        // When an error and a warning are projected
        RouteStatus status = StatusProjector.project(RouteStatus.NONE, intent(1, progress(1, 1), MISSING, IGNORED), T0);

        // Then Ready names the error, Accepted holds and warns
        Condition ready = status.condition("Ready").orElseThrow();
        assertThat(ready.status()).isEqualTo("False");
        assertThat(ready.reason()).isEqualTo("BackendNotFound");
        assertThat(ready.message()).isEqualTo("spec.rules[0].backendRefs[0].name: no Service \"x\"; create it");
        Condition accepted = status.condition("Accepted").orElseThrow();
        assertThat(accepted.status()).isEqualTo("True");
        assertThat(accepted.message()).endsWith("Warning: spec.colour: not known; remove it");
    }

    @Test
    void someDataPlanesMakeItPartial() {
        // When one of three serves, and one refused
        Progress some = new Progress(1, 3, List.of("dp-2: too large"), Standing.SETTLED);
        Condition programmed = StatusProjector.project(RouteStatus.NONE, intent(1, some), T0)
                .condition("Programmed")
                .orElseThrow();

        // Then the owner reads how many, and why
        assertThat(programmed.reason()).isEqualTo("PartiallyProgrammed");
        assertThat(programmed.message())
                .isEqualTo("1 of 3 data planes serve this generation; refused by dp-2: too large");
    }

    @Test
    void anOperatorThatJustStartedDoesNotUnsayWhatHolds() {
        // Given a ready route
        RouteStatus before = StatusProjector.project(RouteStatus.NONE, intent(1, progress(1, 1)), T0);

        // When no data plane is connected yet, and then for good
        RouteStatus starting =
                StatusProjector.project(before, intent(1, new Progress(0, 0, List.of(), Standing.UNSETTLED)), T1);
        RouteStatus settled = StatusProjector.project(before, intent(1, progress(0, 0)), T1);

        // Then it is first left alone
        assertThat(starting).isEqualTo(before);
        assertThat(settled.condition("Programmed").orElseThrow().reason()).isEqualTo("Pending");
    }

    @Test
    void aRouteThatIsOursNoMoreIsAsPendingAsANewOne() {
        // Given a ready route
        RouteStatus before = StatusProjector.project(RouteStatus.NONE, intent(3, progress(1, 1)), T0);

        // When it is released
        RouteStatus after = StatusProjector.released(before, T1);

        // Then nothing is said of any generation, and the owner reads where to look
        assertThat(after.observedGeneration()).isZero();
        assertThat(after.conditions()).hasSize(4).allSatisfy(condition -> {
            assertThat(condition.status()).isEqualTo("Unknown");
            assertThat(condition.reason()).isEqualTo("Pending");
            assertThat(condition.message()).contains("spec.ingressClassName");
            assertThat(condition.lastTransitionTime()).isEqualTo(T1.toString());
        });
        assertThat(StatusProjector.isReleased(after)).isTrue();
        assertThat(StatusProjector.isReleased(before)).isFalse();
    }

    private static Progress progress(int serving, int counted) {
        return new Progress(serving, counted, List.of(), Standing.SETTLED);
    }

    private static StatusIntent intent(long generation, Progress progress, Diagnostic... diagnostics) {
        return new StatusIntent("chat-1", generation, 2, List.of(diagnostics), progress);
    }

    private static String time(RouteStatus status, String type) {
        return status.condition(type).orElseThrow().lastTransitionTime();
    }
}
