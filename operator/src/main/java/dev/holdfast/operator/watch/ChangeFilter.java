package dev.holdfast.operator.watch;

import dev.holdfast.operator.diagnostic.ResourceRef;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Lets a change signal only if compile would read it. What an object refers to is known only after it was compiled, so a
 * change that looked irrelevant is remembered until the next compile says what it read: none is lost in between.
 * Thread-safe.
 */
final class ChangeFilter {
    private static final int IGNORED_MAX = 10_000;

    private final Runnable signal;
    private final Set<ResourceRef> ignored = new HashSet<>();
    private @Nullable Set<ResourceRef> references;
    private boolean overflown;

    ChangeFilter(Runnable signal) {
        this.signal = signal;
    }

    /** An object changed that compile reads only where another refers to it. */
    void changed(ResourceRef ref) {
        synchronized (this) {
            if (references != null && !references.contains(ref)) {
                overflown |= ignored.size() >= IGNORED_MAX;
                if (!overflown) {
                    ignored.add(ref);
                }
                return;
            }
        }
        signal.run();
    }

    /** A compile finished that read a state at or before now; these are all references in it. */
    void references(Set<ResourceRef> now) {
        boolean missed;
        synchronized (this) {
            missed = overflown || ignored.stream().anyMatch(now::contains);
            references = now;
            ignored.clear();
            overflown = false;
        }
        if (missed) {
            signal.run();
        }
    }
}
