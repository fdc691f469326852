package dev.holdfast.operator.watch;

import dev.holdfast.operator.diagnostic.ResourceRef;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What was sent last for every object, and on top of which version of it. A cache may show an object as it was before our
 * own write; the same is not sent twice on a version that has not moved.
 */
final class SentStatuses {
    private record Sent(@Nullable String uid, @Nullable String resourceVersion, Object content) {}

    private final Map<ResourceRef, Sent> sent = new ConcurrentHashMap<>();

    /** Notes {@code content} as sent; false if it was sent on this very version already. */
    boolean note(ResourceRef ref, ObjectMeta meta, Object content) {
        Sent next = new Sent(meta.getUid(), meta.getResourceVersion(), content);
        return !next.equals(sent.put(ref, next));
    }

    /** The write failed, so it is due again. */
    void forget(ResourceRef ref) {
        sent.remove(ref);
    }

    /** Forgets objects that are gone. */
    void retain(Set<ResourceRef> known) {
        sent.keySet().retainAll(known);
    }
}
