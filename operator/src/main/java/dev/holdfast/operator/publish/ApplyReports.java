package dev.holdfast.operator.publish;

import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.ApplyOutcome.Applied;
import dev.holdfast.routetable.update.ApplyOutcome.NeedsFullTable;
import dev.holdfast.routetable.update.ApplyOutcome.Refused;
import dev.holdfast.routetable.update.ApplyOutcome.Unchanged;
import dev.holdfast.routetable.update.ApplyReport;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * Which data planes exist and what each answered last. Holds at most a bounded number of them; one without a stream is
 * forgotten after a while. Thread-safe.
 */
public final class ApplyReports {
    /** Most data planes that are known at a time. */
    static final int DATA_PLANES_MAX = 2_000;

    private final InstantSource time;
    private final Duration forgetAfter;
    private final Map<String, DataPlaneState> states = new TreeMap<>();
    private final List<Runnable> listeners = new CopyOnWriteArrayList<>();

    /** Forgets a data plane two minutes after its last sign of life. */
    public ApplyReports() {
        this(InstantSource.system(), Duration.ofMinutes(2));
    }

    /** Forgets a data plane that has no stream {@code forgetAfter} its last sign of life. */
    public ApplyReports(InstantSource time, Duration forgetAfter) {
        this.time = time;
        this.forgetAfter = forgetAfter;
    }

    /**
     * Calls {@code listener} whenever a data plane comes, goes, or answers something new; not for a repeated answer.
     * It runs on a thread of the server and must not block.
     */
    public void onChange(Runnable listener) {
        listeners.add(listener);
    }

    /** Every known data plane, by name. */
    public synchronized List<DataPlaneState> states() {
        return List.copyOf(states.values());
    }

    /** Where the stream of a data plane is that reports. */
    public enum Place {
        /** At this replica. */
        HERE,
        /** At another replica; it reports to all of them, so that the one that writes status knows. */
        ELSEWHERE,
        /** Nowhere any more: the data plane ends. */
        ENDED
    }

    /** As {@link #accept(ApplyReport, Place)}, of a data plane that follows this replica. */
    public boolean accept(ApplyReport report) {
        return accept(report, Place.HERE);
    }

    /**
     * Takes an answer.
     *
     * @return false if the data plane is not known and there is no room for one more
     */
    public boolean accept(ApplyReport report, Place place) {
        return change(report.dataPlane(), before -> {
            TableVersion serves = switch (report.outcome()) {
                case Applied applied -> report.version();
                case Unchanged unchanged -> report.version();
                case NeedsFullTable needsFullTable -> before.serves();
                case Refused refused -> before.serves();
            };
            boolean elsewhere = switch (place) {
                case HERE -> before.elsewhere();
                case ELSEWHERE -> true;
                case ENDED -> false;
            };
            return new DataPlaneState(
                    before.name(), before.streams(), elsewhere, false, report, serves, time.instant());
        });
    }

    /**
     * Notes a stream that opened.
     *
     * @return false if the data plane is not known and there is no room for one more
     */
    boolean opened(String dataPlane) {
        return change(dataPlane, before -> streams(before, 1, false));
    }

    /** Notes a stream that ended. */
    void closed(String dataPlane) {
        change(dataPlane, before -> streams(before, -1, before.elsewhere()));
    }

    /**
     * Forgets who has not been heard of.
     *
     * @param silenceMax how long one may be silent and still count as connected, whatever its stream looks like from here:
     *     each answers every keep-alive, and what a node that lost its power left open looks open for a quarter of an hour
     */
    void forget(Duration silenceMax) {
        Instant oldest = time.instant().minus(forgetAfter);
        Instant silent = time.instant().minus(silenceMax);
        boolean changed = false;
        synchronized (this) {
            for (DataPlaneState state : states()) {
                if (state.connected() && state.seen().isBefore(silent)) {
                    states.put(state.name(), silent(state));
                    changed = true;
                }
            }
            changed |= states.values()
                    .removeIf(state -> state.streams() == 0
                            && !state.connected()
                            && state.seen().isBefore(oldest));
        }
        if (changed) {
            listeners.forEach(Runnable::run);
        }
    }

    private DataPlaneState streams(DataPlaneState before, int more, boolean elsewhere) {
        return new DataPlaneState(
                before.name(),
                before.streams() + more,
                elsewhere,
                false,
                before.report(),
                before.serves(),
                time.instant());
    }

    private static DataPlaneState silent(DataPlaneState before) {
        return new DataPlaneState(
                before.name(), before.streams(), false, true, before.report(), before.serves(), before.seen());
    }

    private boolean change(String name, java.util.function.UnaryOperator<DataPlaneState> change) {
        boolean news;
        synchronized (this) {
            DataPlaneState before = states.get(name);
            if (before == null && states.size() >= DATA_PLANES_MAX) {
                return false;
            }
            DataPlaneState after = change.apply(
                    before == null ? new DataPlaneState(name, 0, false, false, null, null, time.instant()) : before);
            states.put(name, after);
            news = isNews(before, after);
        }
        if (news) {
            listeners.forEach(Runnable::run);
        }
        return true;
    }

    private static boolean isNews(@Nullable DataPlaneState before, DataPlaneState after) {
        if (before == null || before.connected() != after.connected()) {
            return true;
        }
        return !Objects.equals(before.serves(), after.serves())
                || !before.refusal().equals(after.refusal());
    }
}
