package dev.holdfast.operator.watch;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.informers.cache.BasicItemStore;
import io.fabric8.kubernetes.client.informers.cache.Cache;
import java.util.function.Consumer;

/** What JOSDK keeps of its primaries: name, generation and status. The rest stands as a view in the watcher's stores. */
final class SlimStatusStore<T extends HasMetadata> extends BasicItemStore<T> {
    private final Consumer<T> dropSpec;

    SlimStatusStore(Consumer<T> dropSpec) {
        super(Cache::metaNamespaceKeyFunc);
        this.dropSpec = dropSpec;
    }

    @Override
    public T put(String key, T object) {
        ObjectMeta meta = object.getMetadata();
        object.setMetadata(new ObjectMetaBuilder()
                .withNamespace(meta.getNamespace())
                .withName(meta.getName())
                .withUid(meta.getUid())
                .withGeneration(meta.getGeneration())
                .withResourceVersion(meta.getResourceVersion())
                .withDeletionTimestamp(meta.getDeletionTimestamp())
                .build());
        dropSpec.accept(object);
        return super.put(key, object);
    }
}
