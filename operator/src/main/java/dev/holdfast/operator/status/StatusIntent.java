package dev.holdfast.operator.status;

import dev.holdfast.operator.diagnostic.Diagnostic;
import java.util.List;

/**
 * What the owner of one object must hear.
 *
 * @param uid the object that was compiled: one that is made anew begins at the same generation
 * @param generation the generation that was compiled
 * @param endpoints ready endpoints behind it
 * @param diagnostics the object's own, sorted
 */
public record StatusIntent(
        String uid, long generation, int endpoints, List<Diagnostic> diagnostics, Progress progress) {
    /** Copies the list. */
    public StatusIntent {
        diagnostics = List.copyOf(diagnostics);
    }
}
