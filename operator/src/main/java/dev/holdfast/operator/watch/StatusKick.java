package dev.holdfast.operator.watch;

import dev.holdfast.operator.diagnostic.ResourceRef;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.javaoperatorsdk.operator.processing.event.ResourceID;
import io.javaoperatorsdk.operator.processing.event.source.inbound.SimpleInboundEventSource;

/** Wakes a reconciler for one object. Before the controller runs it does nothing: that one starts with every object. */
final class StatusKick<P extends HasMetadata> {
    private final SimpleInboundEventSource<P> source;

    StatusKick(String name) {
        source = new SimpleInboundEventSource<>(name);
    }

    SimpleInboundEventSource<P> source() {
        return source;
    }

    void kick(ResourceRef ref) {
        source.propagateEvent(new ResourceID(ref.name(), ref.namespace()));
    }
}
