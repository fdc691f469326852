package dev.holdfast.operator.diagnostic;

import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Supplier;

/**
 * Collects the problems of one object, sorted and each once. At most {@value #MAX}: the first ones are enough to start
 * repairing. An error takes the place of a warning, for it decides what the object's status says.
 */
public final class Findings {
    /** Most problems that one object is told. */
    public static final int MAX = 100;

    private final ResourceRef subject;
    private final NavigableSet<Diagnostic> found = new TreeSet<>();

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
        add(code, fieldPath, () -> message);
    }

    /** The same for a message that costs something: it is not asked for where nobody will be told. */
    public void add(DiagnosticCode code, String fieldPath, Supplier<String> message) {
        if (found.size() < MAX) {
            found.add(new Diagnostic(code, subject, fieldPath, message.get()));
        } else if (code.severity() == Severity.ERROR) {
            lastWarning().ifPresent(warning -> {
                if (found.add(new Diagnostic(code, subject, fieldPath, message.get()))) {
                    found.remove(warning);
                }
            });
        }
    }

    /** Notes problems that were found elsewhere. */
    public void addAll(Iterable<Diagnostic> diagnostics) {
        diagnostics.forEach(diagnostic -> add(diagnostic.code(), diagnostic.fieldPath(), diagnostic.message()));
    }

    private Optional<Diagnostic> lastWarning() {
        return found.descendingSet().stream()
                .filter(diagnostic -> diagnostic.code().severity() == Severity.WARNING)
                .findFirst();
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
