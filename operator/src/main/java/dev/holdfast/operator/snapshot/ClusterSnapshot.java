package dev.holdfast.operator.snapshot;

import dev.holdfast.operator.diagnostic.ResourceRef;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Everything that compile reads. The order of the lists never changes the result. */
public record ClusterSnapshot(
        List<ClassView> classes,
        List<IngressView> ingresses,
        List<WebSocketRouteView> webSocketRoutes,
        List<ServiceView> services,
        List<EndpointSliceView> endpointSlices,
        List<SecretView> secrets) {
    /** A cluster without objects. */
    public static final ClusterSnapshot EMPTY =
            new ClusterSnapshot(List.of(), List.of(), List.of(), List.of(), List.of(), List.of());

    /** Copies the lists. */
    public ClusterSnapshot {
        classes = List.copyOf(classes);
        ingresses = List.copyOf(ingresses);
        webSocketRoutes = List.copyOf(webSocketRoutes);
        services = List.copyOf(services);
        endpointSlices = List.copyOf(endpointSlices);
        secrets = List.copyOf(secrets);
    }

    /**
     * What every object has.
     *
     * @param uid tells an object from an earlier one of its name; empty when it has none, as in a manifest
     * @param created the age decides conflicts; the epoch when the object has none
     * @param generation 0 when the object has none
     */
    public record Meta(
            String namespace,
            String name,
            String uid,
            Instant created,
            long generation,
            Map<String, String> annotations) {
        private static final int SMALL = 16;

        /** Copies the annotations; many of them, whose names somebody chose, into a tree. */
        public Meta {
            annotations = annotations.size() <= SMALL
                    ? Map.copyOf(annotations)
                    : Collections.unmodifiableMap(new TreeMap<>(annotations));
        }

        /** The object's name with its kind. */
        public ResourceRef ref(String kind) {
            return new ResourceRef(kind, namespace, name);
        }
    }

    /** An IngressClass (networking.k8s.io/v1). */
    public record ClassView(String name, String controller, boolean isDefault) {}

    /** An Ingress (networking.k8s.io/v1), without the metadata that nobody reads. */
    public record IngressView(Meta meta, io.fabric8.kubernetes.api.model.networking.v1.IngressSpec spec) {}

    /**
     * A WebSocketRoute. One that cannot be read has problems instead of a spec, so that its owner hears and no neighbour
     * suffers.
     *
     * @param className {@code spec.ingressClassName}; null when unset. Known even if the rest cannot be read
     * @param spec null when it cannot be read
     * @param problems what cannot be read, and where, sorted; empty when all can
     * @param unknownFields fields that this version does not know and ignores, sorted, each with the near field if there
     *     is one
     */
    public record WebSocketRouteView(
            Meta meta,
            @Nullable String className,
            dev.holdfast.v1alpha1.@Nullable WebSocketRouteSpec spec,
            List<Problem> problems,
            List<Problem> unknownFields) {
        /** Copies the lists. */
        public WebSocketRouteView {
            problems = List.copyOf(problems);
            unknownFields = List.copyOf(unknownFields);
        }
    }

    /** What is wrong with one field: what is there, what was expected, the remedy. */
    public record Problem(String fieldPath, String message) implements Comparable<Problem> {
        @Override
        public int compareTo(Problem other) {
            int order = fieldPath.compareTo(other.fieldPath);
            return order == 0 ? message.compareTo(other.message) : order;
        }
    }

    /** A Service (v1). */
    public record ServiceView(
            Meta meta, String type, @Nullable String externalName, List<String> clusterIps, List<ServicePort> ports) {}

    /**
     * A port of a Service.
     *
     * @param name empty when the only port has none
     */
    public record ServicePort(
            String name, int port, @Nullable String appProtocol) {}

    /**
     * An EndpointSlice (discovery.k8s.io/v1).
     *
     * @param service the Service's name in the same namespace, from the label {@code kubernetes.io/service-name}
     * @param addressType {@code IPv4} or {@code IPv6}; {@code FQDN} slices are not served
     */
    public record EndpointSliceView(
            Meta meta, String service, String addressType, List<SlicePort> ports, List<SliceEndpoint> endpoints) {}

    /** A port of an EndpointSlice; {@code name} equals that of the Service port, empty when it has none. */
    public record SlicePort(String name, int port) {}

    /** An endpoint of a slice; conditions that are absent are resolved as the API documents (ready absent means ready). */
    public record SliceEndpoint(
            List<String> addresses,
            boolean ready,
            boolean serving,
            boolean terminating,
            @Nullable String zone,
            List<String> forZones) {}

    /**
     * A Secret that can hold a certificate.
     *
     * @param data only the keys {@code tls.crt}, {@code tls.key} and {@code ca.crt}, decoded; an empty value stands for one
     *     that is not base64
     */
    public record SecretView(Meta meta, String type, Map<String, dev.holdfast.routetable.SecretBytes> data) {}
}
