package dev.holdfast.operator.publish;

import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.ApplyOutcome.Refused;
import dev.holdfast.routetable.update.ApplyReport;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What is known of one data plane.
 *
 * @param streams how many streams it has open at this replica, usually one
 * @param elsewhere whether it follows another replica and reports here as well
 * @param silent whether it has not been heard of for so long that it must be gone, whatever its stream looks like
 * @param report its last answer; null before the first
 * @param serves the version that it last said to serve; null before the first
 * @param seen when it was last heard of
 */
public record DataPlaneState(
        String name,
        int streams,
        boolean elsewhere,
        boolean silent,
        @Nullable ApplyReport report,
        @Nullable TableVersion serves,
        Instant seen) {
    /** Whether it follows the tables now, of this replica or another. */
    public boolean connected() {
        return !silent && (streams > 0 || elsewhere);
    }

    /**
     * Whether it counts among those that serve a route or fail to: it follows the tables and said what it serves, or that
     * it refuses. One that has just started takes no requests before it holds a table.
     */
    public boolean counts() {
        return connected() && (serves != null || refusal().isPresent());
    }

    /** Its last answer, if that was to refuse what it was sent. */
    public Optional<Refused> refusal() {
        return report != null && report.outcome() instanceof Refused refused ? Optional.of(refused) : Optional.empty();
    }
}
