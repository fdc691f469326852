package dev.holdfast.operator.watch;

import dev.holdfast.operator.diagnostic.ResourceRef;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.javaoperatorsdk.operator.processing.event.ResourceID;
import io.javaoperatorsdk.operator.processing.event.source.inbound.SimpleInboundEventSource;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Wakes a reconciler for one object. Before the controller runs it does nothing: that one starts with every object.
 * There is one controller per watched namespace, or one for all of them, and a source for each.
 */
final class StatusKick<P extends HasMetadata> {
    private final Map<String, SimpleInboundEventSource<P>> sources = new ConcurrentHashMap<>();
    private final String name;

    StatusKick(String name) {
        this.name = name;
    }

    /** The source for the controller of this scope: a namespace, or {@link WatchConfig#ALL}. */
    SimpleInboundEventSource<P> source(String scope) {
        return sources.computeIfAbsent(scope, key -> new SimpleInboundEventSource<>(name));
    }

    void kick(ResourceRef ref) {
        SimpleInboundEventSource<P> source = sources.get(ref.namespace());
        if (source == null) {
            source = sources.get(WatchConfig.ALL);
        }
        if (source != null) {
            source.propagateEvent(new ResourceID(ref.name(), ref.namespace()));
        }
    }
}
