package dev.holdfast.operator.compile;

import dev.holdfast.operator.diagnostic.DiagnosticCode;
import dev.holdfast.operator.diagnostic.Findings;
import java.util.List;

/** A problem of something that several objects may refer to; each of them is told, at its own field. */
record Issue(DiagnosticCode code, String message) {
    static void tell(List<Issue> issues, String fieldPath, Findings findings) {
        issues.forEach(issue -> findings.add(issue.code(), fieldPath, issue.message()));
    }
}
