package dev.holdfast.operator.watch;

import java.time.Duration;
import java.util.Collection;
import java.util.Collections;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What is watched.
 *
 * @param namespaces empty for all of them
 * @param silenceMax after how long without any news, bookmarks included, a kind is listed anew
 */
public record WatchConfig(SortedSet<String> namespaces, Duration silenceMax) {
    /** The one scope of a configuration that names no namespaces. */
    static final String ALL = "*";

    /** One informer per namespace and kind is fine for a few; more are better watched as a whole. */
    private static final int NAMESPACES_MAX = 32;

    private static final SortedSet<String> ALL_SCOPE = Collections.unmodifiableSortedSet(new TreeSet<>(Set.of(ALL)));

    /** Copies the set. */
    public WatchConfig {
        namespaces = Collections.unmodifiableSortedSet(new TreeSet<>(namespaces));
        if (namespaces.size() > NAMESPACES_MAX) {
            throw new IllegalArgumentException("namespaces: " + namespaces.size() + " (expected: at most "
                    + NAMESPACES_MAX + "; leave it out to watch all)");
        }
    }

    /** Watches these, or all if there are none; five minutes of silence. */
    public static WatchConfig of(Collection<String> namespaces) {
        return new WatchConfig(new TreeSet<>(namespaces), Duration.ofMinutes(5));
    }

    /** What is watched by an informer of its own: every namespace that is named, or {@link #ALL}. */
    SortedSet<String> scopes() {
        return namespaces.isEmpty() ? ALL_SCOPE : namespaces;
    }
}
