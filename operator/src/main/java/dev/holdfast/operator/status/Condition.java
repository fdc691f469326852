package dev.holdfast.operator.status;

/**
 * One condition as it stands in status.
 *
 * @param status {@code True}, {@code False} or {@code Unknown}
 * @param observedGeneration 0 when absent
 * @param lastTransitionTime RFC 3339
 */
public record Condition(
        String type, String status, String reason, String message, long observedGeneration, String lastTransitionTime) {
    /** The value of a condition that holds. */
    public static final String TRUE = "True";

    /** The value of one that does not. */
    public static final String FALSE = "False";

    /** The value of one of which nobody can say. */
    public static final String UNKNOWN = "Unknown";
}
