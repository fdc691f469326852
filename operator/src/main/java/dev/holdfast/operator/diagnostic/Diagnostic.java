package dev.holdfast.operator.diagnostic;

/**
 * One problem of one object.
 *
 * @param code what kind of problem; carries severity, condition and reason
 * @param subject the object whose owner must hear
 * @param fieldPath the field at fault, as the owner wrote it: {@code spec.rules[0].backendRefs[1].port}
 * @param message what is there, what was expected and the remedy, in one or two sentences without secrets
 */
public record Diagnostic(DiagnosticCode code, ResourceRef subject, String fieldPath, String message)
        implements Comparable<Diagnostic> {
    @Override
    public int compareTo(Diagnostic other) {
        int order = subject.compareTo(other.subject);
        order = order == 0 ? code.compareTo(other.code) : order;
        order = order == 0 ? fieldPath.compareTo(other.fieldPath) : order;
        return order == 0 ? message.compareTo(other.message) : order;
    }

    /** {@code CODE Kind namespace/name field: message}. */
    @Override
    public String toString() {
        return code + " " + subject + " " + fieldPath + ": " + message;
    }
}
