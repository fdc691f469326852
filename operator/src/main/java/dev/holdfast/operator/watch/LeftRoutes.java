package dev.holdfast.operator.watch;

import dev.holdfast.operator.compile.CompileResult.Subject;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.snapshot.ClusterSnapshot.WebSocketRouteView;
import dev.holdfast.operator.status.RouteStatus;
import dev.holdfast.operator.status.StatusProjector;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * WebSocketRoutes that were ours and are not any more, though they exist: their class was edited, deleted, or became that
 * of another controller. What was said of them is taken back, and only once: another installation, which is the same
 * field manager, may speak of them from then on. Known since this process started. Thread-safe.
 */
final class LeftRoutes {
    private final Map<ResourceRef, Subject> left = new HashMap<>();
    /** Those of which nothing is left to take back. */
    private final Set<ResourceRef> settled = new HashSet<>();

    private Map<ResourceRef, Subject> ours = Map.of();

    /**
     * Notes a compile.
     *
     * @param subjects what is ours now
     * @param routes every route that there is, of whatever class
     */
    synchronized void compiled(Map<ResourceRef, Subject> subjects, List<WebSocketRouteView> routes) {
        ours.forEach((ref, subject) -> {
            if (!subjects.containsKey(ref)) {
                left.put(ref, subject);
            }
        });
        ours = subjects;
        if (left.isEmpty()) {
            return;
        }
        Map<ResourceRef, String> there = HashMap.newHashMap(routes.size());
        routes.forEach(route -> there.put(
                route.meta().ref(WebSocketRouteReconciler.KIND), route.meta().uid()));
        left.entrySet()
                .removeIf(entry -> subjects.containsKey(entry.getKey())
                        || !entry.getValue().uid().equals(there.get(entry.getKey())));
        settled.retainAll(left.keySet());
    }

    /** The routes that left and still exist. */
    synchronized Set<ResourceRef> refs() {
        return new HashSet<>(left.keySet());
    }

    /** Whether {@code status} says what was true while the route was ours. */
    synchronized boolean isStale(ResourceRef ref, RouteStatus status) {
        Subject last = left.get(ref);
        if (last == null || settled.contains(ref)) {
            return false;
        }
        if (StatusProjector.isReleased(status) || status.observedGeneration() > last.generation()) {
            // The leader took it back, or somebody else speaks of a generation that was never ours.
            settled.add(ref);
            return false;
        }
        return status.observedGeneration() > 0;
    }

    /** It is being taken back. */
    synchronized void release(ResourceRef ref) {
        settled.add(ref);
    }

    /** That failed, so it is due again. */
    synchronized void retry(ResourceRef ref) {
        settled.remove(ref);
    }
}
