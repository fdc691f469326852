package dev.holdfast.operator.compile;

import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.snapshot.ClusterSnapshot;
import dev.holdfast.operator.snapshot.ClusterSnapshot.EndpointSliceView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.SecretView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ServiceView;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Services, slices and Secrets by name; notes what is asked for, whether it exists or not. What stands behind a Service
 * is the same object as in the last snapshot when all of it is.
 */
final class ClusterIndex {
    private final Map<ResourceRef, ServiceView> services = new HashMap<>();
    private final Map<ResourceRef, List<EndpointSliceView>> slices = new HashMap<>();
    private final Map<ResourceRef, SecretView> secrets = new HashMap<>();
    private final Set<ResourceRef> references = new HashSet<>();
    private final Map<ResourceRef, Behind> behind = new HashMap<>();
    private final Map<ResourceRef, Behind> lastBehind;

    /** A Service, null if it does not exist, and its slices by name, so that their order in the snapshot says nothing. */
    static final class Behind {
        final ResourceRef ref;
        final @Nullable ServiceView service;
        final List<EndpointSliceView> slices;

        private Behind(ResourceRef ref, @Nullable ServiceView service, List<EndpointSliceView> slices) {
            this.ref = ref;
            this.service = service;
            this.slices = slices;
        }

        @SuppressWarnings("ReferenceEquality")
        private boolean isOf(@Nullable ServiceView otherService, List<EndpointSliceView> otherSlices) {
            boolean same = service == otherService && slices.size() == otherSlices.size();
            for (int i = 0; same && i < slices.size(); i++) {
                same = slices.get(i) == otherSlices.get(i);
            }
            return same;
        }
    }

    ClusterIndex(ClusterSnapshot snapshot, @Nullable ClusterIndex last) {
        lastBehind = last == null ? Map.of() : last.behind;
        snapshot.services().forEach(service -> services.put(service.meta().ref("Service"), service));
        snapshot.secrets().forEach(secret -> secrets.put(secret.meta().ref("Secret"), secret));
        for (EndpointSliceView slice : snapshot.endpointSlices()) {
            ResourceRef service = new ResourceRef("Service", slice.meta().namespace(), slice.service());
            slices.computeIfAbsent(service, key -> new ArrayList<>(2)).add(slice);
        }
    }

    /** A Service and its endpoints. */
    Behind behind(ResourceRef ref) {
        Behind known = behind.get(ref);
        if (known == null) {
            references.add(ref);
            ServiceView service = services.get(ref);
            List<EndpointSliceView> sorted = new ArrayList<>(slices.getOrDefault(ref, List.of()));
            sorted.sort(Comparator.comparing(slice -> slice.meta().name()));
            Behind last = lastBehind.get(ref);
            known = last != null && last.isOf(service, sorted) ? last : new Behind(ref, service, sorted);
            behind.put(ref, known);
        }
        return known;
    }

    @Nullable
    SecretView secret(ResourceRef ref) {
        references.add(ref);
        return secrets.get(ref);
    }

    Set<ResourceRef> references() {
        return references;
    }
}
