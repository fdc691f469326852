package dev.holdfast.operator.watch;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.cache.Cache;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Notices a watch that tells changes in another order than they happened. An informer takes whatever it hears for the
 * newest, so that a change that came late would stand until the next one: an old state, an object that is gone, or none
 * where there is one. An API server does not do that, what stands between might. Called by one informer, on one thread
 * at a time.
 *
 * <p>Versions are compared as numbers (KEP-5504); one that is none is not compared.
 *
 * @param <T> the object
 */
final class EventOrder<T extends HasMetadata> implements ResourceEventHandler<T> {
    private static final int RECENT_MAX = 1_000;

    private final Runnable onDisorder;
    private final Map<String, String> recent = new RecentUids();
    private boolean watching;
    private long newest;

    /** The uid of each object that was told of lately, by its key. */
    private static final class RecentUids extends LinkedHashMap<String, String> {
        private static final long serialVersionUID = 1;

        RecentUids() {
            super(16, 0.75f, true);
        }

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, String> eldest) {
            return size() > RECENT_MAX;
        }
    }

    EventOrder(Runnable onDisorder) {
        this.onDisorder = onDisorder;
    }

    @Override
    public void onBeforeList(@Nullable String lastVersion) {
        watching = false;
    }

    @Override
    public void onList(@Nullable String version, boolean remainedEmpty) {
        watching = true;
        newest = number(version);
        recent.clear();
    }

    @Override
    public void onAdd(T object) {
        told(object);
    }

    @Override
    public void onUpdate(T before, T after) {
        told(after);
    }

    /** A deletion may come with the version of the change before it, so only the object itself says whether it is late. */
    @Override
    public void onDelete(T object, boolean foundByList) {
        if (!watching || foundByList) {
            return;
        }
        ObjectMeta meta = object.getMetadata();
        newest = Math.max(newest, number(meta.getResourceVersion()));
        String uid = recent.remove(Cache.metaNamespaceKeyFunc(object));
        if (uid != null && !uid.equals(meta.getUid())) {
            onDisorder.run();
        }
    }

    /** The objects of a list are in no order. */
    private void told(T object) {
        if (!watching) {
            return;
        }
        ObjectMeta meta = object.getMetadata();
        if (meta.getUid() != null) {
            recent.put(Cache.metaNamespaceKeyFunc(object), meta.getUid());
        }
        long version = number(meta.getResourceVersion());
        if (version == 0 || version >= newest) {
            newest = Math.max(newest, version);
        } else {
            onDisorder.run();
        }
    }

    /** 0 for a version that is no number. */
    private static long number(@Nullable String version) {
        if (version == null || version.isEmpty() || version.length() > 18) {
            return 0;
        }
        return version.chars().allMatch(Character::isDigit) ? Long.parseLong(version) : 0;
    }
}
