package dev.holdfast.operator.compile;

import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.diagnostic.Severity;
import dev.holdfast.routetable.RouteTable;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What compile made of a snapshot. Never throws for user input: what is wrong is in {@code diagnostics}.
 *
 * @param table what the data planes shall serve
 * @param diagnostics every problem of every object of our class, sorted
 * @param subjects every Ingress and WebSocketRoute of our class: the generation that was compiled, how many ready
 *     endpoints stand behind it and how many routes it has in the table; those without problems too
 * @param references every Service and Secret that some subject names, whether it exists or not; only these can change
 *     the result
 */
public record CompileResult(
        RouteTable table,
        List<Diagnostic> diagnostics,
        Map<ResourceRef, Subject> subjects,
        Set<ResourceRef> references) {
    /** Copies the collections; the keyed ones into hash buckets, see {@code OperatorArchitectureTest}. */
    public CompileResult {
        diagnostics = List.copyOf(diagnostics);
        subjects = Collections.unmodifiableMap(new HashMap<>(subjects));
        references = Collections.unmodifiableSet(new HashSet<>(references));
    }

    /** How many diagnostics are of this severity. */
    public long count(Severity severity) {
        return diagnostics.stream()
                .filter(diagnostic -> diagnostic.code().severity() == severity)
                .count();
    }

    /**
     * One compiled object.
     *
     * @param uid tells it from an earlier one of its name
     */
    public record Subject(String uid, long generation, int readyEndpoints, int routes) {}
}
