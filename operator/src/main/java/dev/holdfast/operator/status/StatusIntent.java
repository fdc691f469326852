package dev.holdfast.operator.status;

import dev.holdfast.operator.diagnostic.Diagnostic;
import java.util.List;

/**
 * What the owner of one object must hear.
 *
 * @param generation the generation that was compiled
 * @param endpoints ready endpoints behind it
 * @param diagnostics the object's own, sorted
 */
public record StatusIntent(long generation, int endpoints, List<Diagnostic> diagnostics, Progress progress) {
    /** Copies the list. */
    public StatusIntent {
        diagnostics = List.copyOf(diagnostics);
    }
}
