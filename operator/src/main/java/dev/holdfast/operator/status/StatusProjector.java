package dev.holdfast.operator.status;

import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.diagnostic.Severity;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The status of a WebSocketRoute from the one before and what is known now. Types and reasons are those of Gateway API
 * where it has them. Equal input gives an equal status, so that comparing is enough to know whether to write: the time
 * of a condition moves only with its status.
 */
public final class StatusProjector {
    private static final String PROGRAMMED = "Programmed";
    private static final String READY = "Ready";
    private static final String RELEASED =
            "Waiting for a Holdfast operator: the one that served the route does not serve"
                    + " its class any more; is spec.ingressClassName right?";
    private static final int DIAGNOSTICS_MAX = 8;
    private static final int MESSAGE_CHARS_MAX = 4_096;

    private StatusProjector() {}

    private record Verdict(String type, boolean holds, String reason, String message) {}

    /** The status to write; equals {@code previous} when there is nothing to write. */
    public static RouteStatus project(RouteStatus previous, StatusIntent intent, Instant now) {
        Verdict accepted = verdict(DiagnosticCode.Condition.ACCEPTED, "the spec is valid", intent.diagnostics());
        Verdict resolved = verdict(
                DiagnosticCode.Condition.RESOLVED_REFS,
                "every Service and Secret exists and can be used",
                intent.diagnostics());
        Verdict programmed = programmed(previous, intent);
        Verdict ready = Stream.of(accepted, resolved, programmed)
                .filter(verdict -> !verdict.holds)
                .findFirst()
                .map(verdict -> new Verdict(READY, false, verdict.reason, verdict.message))
                .orElseGet(() -> new Verdict(READY, true, READY, readyMessage(programmed, intent)));
        List<Condition> conditions = Stream.of(accepted, resolved, programmed, ready)
                .map(verdict -> condition(verdict, previous, intent.generation(), now))
                .toList();
        return new RouteStatus(intent.generation(), intent.endpoints(), conditions);
    }

    /** The status of a route that is ours no more: like that of a new one, it speaks of no generation. */
    public static RouteStatus released(RouteStatus previous, Instant now) {
        List<Condition> conditions = Stream.of(
                        DiagnosticCode.Condition.ACCEPTED.type(),
                        DiagnosticCode.Condition.RESOLVED_REFS.type(),
                        PROGRAMMED,
                        READY)
                .map(type -> new Condition(
                        type, Condition.UNKNOWN, "Pending", RELEASED, 0, since(type, Condition.UNKNOWN, previous, now)))
                .toList();
        return new RouteStatus(0, 0, conditions);
    }

    /** Whether the status is one of {@link #released}. */
    public static boolean isReleased(RouteStatus status) {
        return status.condition(READY)
                .filter(ready -> RELEASED.equals(ready.message()))
                .isPresent();
    }

    private static Condition condition(Verdict verdict, RouteStatus previous, long generation, Instant now) {
        String status = verdict.holds ? Condition.TRUE : Condition.FALSE;
        String since = since(verdict.type, status, previous, now);
        return new Condition(verdict.type, status, verdict.reason, verdict.message, generation, since);
    }

    private static String since(String type, String status, RouteStatus previous, Instant now) {
        return previous.condition(type)
                .filter(before -> status.equals(before.status()))
                .map(Condition::lastTransitionTime)
                .orElseGet(() -> now.truncatedTo(ChronoUnit.SECONDS).toString());
    }

    private static Verdict verdict(DiagnosticCode.Condition condition, String fine, List<Diagnostic> diagnostics) {
        List<Diagnostic> errors = of(condition, Severity.ERROR, diagnostics);
        String warnings = warnings(of(condition, Severity.WARNING, diagnostics));
        if (errors.isEmpty()) {
            return new Verdict(condition.type(), true, condition.type(), bounded(fine + warnings));
        }
        return new Verdict(
                condition.type(), false, errors.getFirst().code().reason(), bounded(text(errors) + warnings));
    }

    private static Verdict programmed(RouteStatus previous, StatusIntent intent) {
        Progress progress = intent.progress();
        int serving = progress.serving();
        int counted = progress.counted();
        if (counted == 0 && progress.standing() == Progress.Standing.UNSETTLED) {
            // They serve on without us; unsaying it at every restart of the operator would only alarm.
            Condition before = previous.condition(PROGRAMMED).orElse(null);
            if (before != null
                    && Condition.TRUE.equals(before.status())
                    && before.observedGeneration() == intent.generation()) {
                return new Verdict(PROGRAMMED, true, before.reason(), before.message());
            }
        }
        if (counted == 0) {
            return new Verdict(
                    PROGRAMMED,
                    false,
                    "Pending",
                    "no data plane says what it serves; is one running and does it reach the operator?");
        }
        String count = serving + " of " + counted + (counted == 1 ? " data plane serves" : " data planes serve")
                + " this generation";
        if (serving == counted) {
            return new Verdict(PROGRAMMED, true, PROGRAMMED, count);
        }
        String refusals = progress.refusals().isEmpty()
                ? ""
                : "; refused by "
                        + String.join(
                                ", ", progress.refusals().stream().limit(3).toList());
        return new Verdict(
                PROGRAMMED, false, serving == 0 ? "Pending" : "PartiallyProgrammed", bounded(count + refusals));
    }

    private static String readyMessage(Verdict programmed, StatusIntent intent) {
        List<Diagnostic> warnings = intent.diagnostics().stream()
                .filter(diagnostic -> diagnostic.code().severity() == Severity.WARNING)
                .toList();
        return bounded(programmed.message + warnings(warnings));
    }

    private static List<Diagnostic> of(
            DiagnosticCode.Condition condition, Severity severity, List<Diagnostic> diagnostics) {
        return diagnostics.stream()
                .filter(diagnostic -> diagnostic.code().condition() == condition)
                .filter(diagnostic -> diagnostic.code().severity() == severity)
                .toList();
    }

    private static String warnings(List<Diagnostic> warnings) {
        return warnings.isEmpty() ? "" : ". Warning: " + text(warnings);
    }

    private static String text(List<Diagnostic> diagnostics) {
        String some = diagnostics.stream()
                .limit(DIAGNOSTICS_MAX)
                .map(diagnostic -> diagnostic.fieldPath().isEmpty()
                        ? diagnostic.message()
                        : diagnostic.fieldPath() + ": " + diagnostic.message())
                .collect(Collectors.joining("; "));
        int more = diagnostics.size() - DIAGNOSTICS_MAX;
        return more > 0 ? some + "; and " + more + " more" : some;
    }

    private static String bounded(String message) {
        return message.length() <= MESSAGE_CHARS_MAX ? message : message.substring(0, MESSAGE_CHARS_MAX - 3) + "...";
    }
}
