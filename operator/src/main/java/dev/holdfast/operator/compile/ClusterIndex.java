package dev.holdfast.operator.compile;

import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.snapshot.ClusterSnapshot;
import dev.holdfast.operator.snapshot.ClusterSnapshot.EndpointSliceView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.SecretView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ServiceView;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Services, slices and Secrets by name; notes what is asked for, whether it exists or not. */
final class ClusterIndex {
    private final Map<ResourceRef, ServiceView> services = new HashMap<>();
    private final Map<ResourceRef, List<EndpointSliceView>> slices = new HashMap<>();
    private final Map<ResourceRef, SecretView> secrets = new HashMap<>();
    private final Set<ResourceRef> references = new TreeSet<>();

    ClusterIndex(ClusterSnapshot snapshot) {
        snapshot.services().forEach(service -> services.put(service.meta().ref("Service"), service));
        snapshot.secrets().forEach(secret -> secrets.put(secret.meta().ref("Secret"), secret));
        for (EndpointSliceView slice : snapshot.endpointSlices()) {
            ResourceRef service = new ResourceRef("Service", slice.meta().namespace(), slice.service());
            slices.computeIfAbsent(service, key -> new ArrayList<>(2)).add(slice);
        }
    }

    @Nullable
    ServiceView service(ResourceRef ref) {
        references.add(ref);
        return services.get(ref);
    }

    @Nullable
    SecretView secret(ResourceRef ref) {
        references.add(ref);
        return secrets.get(ref);
    }

    /** The slices of a Service by name, so that their order in the snapshot says nothing. */
    List<EndpointSliceView> slices(ResourceRef service) {
        return slices.getOrDefault(service, List.of()).stream()
                .sorted(Comparator.comparing(slice -> slice.meta().name()))
                .toList();
    }

    Set<ResourceRef> references() {
        return references;
    }
}
