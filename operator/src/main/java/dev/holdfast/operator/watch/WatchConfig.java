package dev.holdfast.operator.watch;

import java.util.Collection;
import java.util.Collections;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What is watched.
 *
 * @param namespaces empty for all of them
 */
public record WatchConfig(SortedSet<String> namespaces) {
    /** One informer per namespace and kind is fine for a few; more are better watched as a whole. */
    private static final int NAMESPACES_MAX = 32;

    /** Copies the set. */
    public WatchConfig {
        namespaces = Collections.unmodifiableSortedSet(new TreeSet<>(namespaces));
        if (namespaces.size() > NAMESPACES_MAX) {
            throw new IllegalArgumentException("namespaces: " + namespaces.size() + " (expected: at most "
                    + NAMESPACES_MAX + "; leave it out to watch all)");
        }
    }

    /** Watches these, or all if there are none. */
    public static WatchConfig of(Collection<String> namespaces) {
        return new WatchConfig(new TreeSet<>(namespaces));
    }
}
