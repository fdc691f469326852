package dev.holdfast.cli.local;

import dev.holdfast.operator.Compilation;
import dev.holdfast.operator.CompileListener;
import dev.holdfast.operator.diagnostic.Diagnostic;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;

/** Tells which problems came and went with each compile. */
final class DiagnosticWatch implements CompileListener {
    private final Consumer<LocalEvent> events;
    private Set<Diagnostic> known = Set.of();

    DiagnosticWatch(Consumer<LocalEvent> events) {
        this.events = events;
    }

    @Override
    public void compiled(Compilation compilation) {
        Set<Diagnostic> now = new TreeSet<>(compilation.result().diagnostics());
        Set<Diagnostic> before = known;
        known = now;
        now.stream()
                .filter(problem -> !before.contains(problem))
                .forEach(problem -> events.accept(new LocalEvent.Appeared(problem)));
        before.stream()
                .filter(problem -> !now.contains(problem))
                .forEach(problem -> events.accept(new LocalEvent.Resolved(problem)));
    }
}
