package dev.holdfast.operator.status;

import java.util.List;

/**
 * How far a generation of an object got.
 *
 * @param serving data planes of {@code counted} that serve it
 * @param counted connected data planes that said what they serve, or that they refuse
 * @param refusals why data planes refused what they were last sent, {@code name: reason}
 * @param standing whether to believe that there is no data plane: right after a start they may still be on their way
 */
public record Progress(int serving, int counted, List<String> refusals, Standing standing) {
    /** Whether the number of data planes can be believed. */
    public enum Standing {
        /** They had time to connect. */
        SETTLED,
        /** The operator has just started or just lost all of them. */
        UNSETTLED
    }

    /** Copies the list. */
    public Progress {
        refusals = List.copyOf(refusals);
    }
}
