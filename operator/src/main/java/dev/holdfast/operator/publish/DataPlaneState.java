package dev.holdfast.operator.publish;

import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.ApplyReport;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What is known of one data plane.
 *
 * @param streams how many streams it has open, usually one
 * @param report its last answer; null before the first
 * @param serves the version that it last said to serve; null before the first
 * @param seen when it was last heard of
 */
public record DataPlaneState(
        String name,
        int streams,
        @Nullable ApplyReport report,
        @Nullable TableVersion serves,
        Instant seen) {
    /** Whether it follows the tables now. */
    public boolean connected() {
        return streams > 0;
    }

    /** Whether it serves the table of that version. */
    public boolean isServing(TableVersion version) {
        return serves != null && serves.isSameTable(version);
    }
}
