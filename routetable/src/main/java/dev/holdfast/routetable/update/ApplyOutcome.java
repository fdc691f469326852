package dev.holdfast.routetable.update;

/** What became of an update. Only {@link Applied} changed what is served. */
public sealed interface ApplyOutcome {
    /** One word, as metrics say it. */
    default String label() {
        return switch (this) {
            case Applied applied -> "applied";
            case Unchanged unchanged -> "unchanged";
            case NeedsFullTable needed -> "needs_full_table";
            case Refused refused -> "refused";
        };
    }

    /** The table is active. */
    record Applied() implements ApplyOutcome {}

    /** The receiver held that table already. */
    record Unchanged() implements ApplyOutcome {}

    /** The receiver does not hold the delta's base, or the digest after it was wrong; the old table stays active. */
    record NeedsFullTable(String reason) implements ApplyOutcome {}

    /** The update cannot be served; the old table stays active. */
    record Refused(String reason) implements ApplyOutcome {}
}
