package dev.holdfast.operator.diagnostic;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Collects the problems of one object, sorted and each once. At most {@value #MAX}: the first ones are enough to start repairing. */
public final class Findings {
    /** Most problems that one object is told. */
    public static final int MAX = 100;

    private final ResourceRef subject;
    private final Set<Diagnostic> found = new TreeSet<>();

    /** Nothing found yet. */
    public Findings(ResourceRef subject) {
        this.subject = subject;
    }

    /** The object whose owner will hear. */
    public ResourceRef subject() {
        return subject;
    }

    /** Notes one problem. */
    public void add(DiagnosticCode code, String fieldPath, String message) {
        if (found.size() < MAX) {
            found.add(new Diagnostic(code, subject, fieldPath, message));
        }
    }

    /** Notes problems that were found elsewhere. */
    public void addAll(Iterable<Diagnostic> diagnostics) {
        diagnostics.forEach(diagnostic -> add(diagnostic.code(), diagnostic.fieldPath(), diagnostic.message()));
    }

    /** Whether nothing was noted. */
    public boolean isEmpty() {
        return found.isEmpty();
    }

    /** What was noted, sorted. */
    public List<Diagnostic> list() {
        return List.copyOf(found);
    }
}
