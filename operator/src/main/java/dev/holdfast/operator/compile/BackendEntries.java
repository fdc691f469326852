package dev.holdfast.operator.compile;

import dev.holdfast.operator.compile.BackendResolver.Share;
import dev.holdfast.routetable.Bounds;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The upstreams and endpoint groups that some route was promised. A backend that does not exist has an entry of its own
 * too, so names that are short to write could be any number of them: the first object that needs an entry pays for it.
 */
final class BackendEntries {
    private final Set<String> upstreams = new HashSet<>();
    private final Set<String> groups = new HashSet<>();

    /** What the table would need for those of these that it has not yet. */
    long charsOfNew(List<Share> shares) {
        Set<String> counted = new HashSet<>();
        Set<String> countedGroups = new HashSet<>();
        long chars = 0;
        for (Share share : shares) {
            String upstream = share.upstream().id();
            if (!upstreams.contains(upstream) && counted.add(upstream)) {
                chars += TextBudget.chars(share.upstream());
            }
            String group = share.group().id();
            if (!groups.contains(group) && countedGroups.add(group)) {
                chars += TextBudget.chars(share.group());
            }
        }
        return chars;
    }

    /** Adds them, all or none; returns why that would be too many, or null. */
    @Nullable
    String add(List<Share> shares) {
        if (Math.max(upstreams.size(), groups.size()) + shares.size() > Bounds.ENTRIES_PER_SECTION_MAX
                && !has(shares)) {
            return "the table has no room for its backends (expected: at most " + Bounds.ENTRIES_PER_SECTION_MAX
                    + " backends of all objects); this route is not served; correct those that do not exist";
        }
        for (Share share : shares) {
            upstreams.add(share.upstream().id());
            groups.add(share.group().id());
        }
        return null;
    }

    private boolean has(List<Share> shares) {
        return shares.stream()
                .allMatch(share -> upstreams.contains(share.upstream().id())
                        && groups.contains(share.group().id()));
    }
}
