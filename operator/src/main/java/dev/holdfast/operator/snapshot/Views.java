package dev.holdfast.operator.snapshot;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ClassView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.EndpointSliceView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.IngressView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.Meta;
import dev.holdfast.operator.snapshot.ClusterSnapshot.SecretView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ServicePort;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ServiceView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.SliceEndpoint;
import dev.holdfast.operator.snapshot.ClusterSnapshot.SlicePort;
import dev.holdfast.operator.snapshot.ClusterSnapshot.WebSocketRouteView;
import dev.holdfast.routetable.SecretBytes;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceSpec;
import io.fabric8.kubernetes.api.model.discovery.v1.Endpoint;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointConditions;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.fabric8.kubernetes.api.model.networking.v1.Ingress;
import io.fabric8.kubernetes.api.model.networking.v1.IngressClass;
import io.fabric8.kubernetes.api.model.networking.v1.IngressSpec;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Kubernetes objects as slim views: what compile reads and nothing else. Never throws, whatever the object holds; what
 * is wrong becomes part of the view or an absence that compile reports.
 */
public final class Views {
    /** The label that names the Service of an EndpointSlice. */
    public static final String SERVICE_LABEL = "kubernetes.io/service-name";

    private static final String DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class";
    private static final List<String> ANNOTATION_PREFIXES =
            List.of("holdfast.dev/", "nginx.ingress.kubernetes.io/", "kubernetes.io/ingress.class");
    private static final List<String> SECRET_KEYS = List.of("tls.crt", "tls.key", "ca.crt");
    private static final ObjectMapper JSON = new JsonMapper();

    private Views() {}

    /** An IngressClass. */
    public static ClassView ingressClass(IngressClass object) {
        Map<String, String> annotations = annotations(object.getMetadata());
        String controller = object.getSpec() == null ? null : object.getSpec().getController();
        return new ClassView(
                text(object.getMetadata() == null ? null : object.getMetadata().getName()),
                text(controller),
                "true".equals(annotations.get(DEFAULT_CLASS)));
    }

    /** An Ingress; one without spec has an empty one. */
    public static IngressView ingress(Ingress object) {
        return new IngressView(
                meta(object.getMetadata()), object.getSpec() == null ? new IngressSpec() : object.getSpec());
    }

    /** A WebSocketRoute as an informer delivers it. */
    public static WebSocketRouteView webSocketRoute(GenericKubernetesResource object) {
        return WebSocketRouteReader.read(JSON.valueToTree(object));
    }

    /** A WebSocketRoute from a manifest. */
    public static WebSocketRouteView webSocketRoute(JsonNode object) {
        return WebSocketRouteReader.read(object);
    }

    /** A Service; only its TCP ports. */
    public static ServiceView service(Service object) {
        ServiceSpec spec = object.getSpec() == null ? new ServiceSpec() : object.getSpec();
        List<String> ips = nonNull(spec.getClusterIPs());
        List<ServicePort> ports = nonNull(spec.getPorts()).stream()
                .filter(port -> isTcp(port.getProtocol()) && port.getPort() != null)
                .map(port -> new ServicePort(text(port.getName()), port.getPort(), port.getAppProtocol()))
                .toList();
        return new ServiceView(
                meta(object.getMetadata()),
                spec.getType() == null ? "ClusterIP" : spec.getType(),
                spec.getExternalName(),
                ips.isEmpty() && spec.getClusterIP() != null ? List.of(spec.getClusterIP()) : ips,
                ports);
    }

    /** An EndpointSlice; only its TCP ports. Conditions that are absent are resolved as the API documents. */
    public static EndpointSliceView endpointSlice(EndpointSlice object) {
        ObjectMeta metadata = object.getMetadata();
        Map<String, String> labels = metadata == null || metadata.getLabels() == null ? Map.of() : metadata.getLabels();
        List<SlicePort> ports = nonNull(object.getPorts()).stream()
                .filter(port -> isTcp(port.getProtocol()) && port.getPort() != null)
                .map(port -> new SlicePort(text(port.getName()), port.getPort()))
                .toList();
        return new EndpointSliceView(
                meta(metadata),
                text(labels.get(SERVICE_LABEL)),
                text(object.getAddressType()),
                ports,
                nonNull(object.getEndpoints()).stream().map(Views::endpoint).toList());
    }

    /** A Secret. {@code stringData}, which only manifests have, wins over {@code data} as it does in an API server. */
    public static SecretView secret(Secret object) {
        Map<String, SecretBytes> data = new TreeMap<>();
        for (String key : SECRET_KEYS) {
            String plain = object.getStringData() == null
                    ? null
                    : object.getStringData().get(key);
            String encoded = object.getData() == null ? null : object.getData().get(key);
            if (plain != null) {
                data.put(key, SecretBytes.ofText(plain));
            } else if (encoded != null) {
                data.put(key, decode(encoded));
            }
        }
        return new SecretView(meta(object.getMetadata()), object.getType() == null ? "Opaque" : object.getType(), data);
    }

    static Meta meta(
            String namespace,
            String name,
            String uid,
            String created,
            long generation,
            Map<String, String> annotations) {
        Map<String, String> kept = new HashMap<>();
        annotations.forEach((key, value) -> {
            if (key != null && value != null && ANNOTATION_PREFIXES.stream().anyMatch(key::startsWith)) {
                kept.put(key, value);
            }
        });
        return new Meta(namespace.isEmpty() ? "default" : namespace, name, uid, instant(created), generation, kept);
    }

    private static Meta meta(@Nullable ObjectMeta metadata) {
        if (metadata == null) {
            return meta("", "", "", "", 0, Map.of());
        }
        return meta(
                text(metadata.getNamespace()),
                text(metadata.getName()),
                text(metadata.getUid()),
                text(metadata.getCreationTimestamp()),
                metadata.getGeneration() == null ? 0 : metadata.getGeneration(),
                annotations(metadata));
    }

    private static SliceEndpoint endpoint(Endpoint endpoint) {
        EndpointConditions conditions =
                endpoint.getConditions() == null ? new EndpointConditions() : endpoint.getConditions();
        boolean ready = conditions.getReady() == null || conditions.getReady();
        boolean serving = conditions.getServing() == null ? ready : conditions.getServing();
        List<String> forZones = endpoint.getHints() == null
                ? List.of()
                : nonNull(endpoint.getHints().getForZones()).stream()
                        .map(zone -> text(zone.getName()))
                        .toList();
        return new SliceEndpoint(
                nonNull(endpoint.getAddresses()),
                ready,
                serving,
                Boolean.TRUE.equals(conditions.getTerminating()),
                endpoint.getZone(),
                forZones);
    }

    private static SecretBytes decode(String encoded) {
        try {
            return SecretBytes.of(Base64.getDecoder().decode(encoded.replaceAll("\\s", "")));
        } catch (IllegalArgumentException e) {
            return SecretBytes.of(new byte[0]);
        }
    }

    private static Instant instant(String text) {
        try {
            return text.isEmpty() ? Instant.EPOCH : OffsetDateTime.parse(text).toInstant();
        } catch (DateTimeParseException e) {
            return Instant.EPOCH;
        }
    }

    private static Map<String, String> annotations(@Nullable ObjectMeta metadata) {
        return metadata == null || metadata.getAnnotations() == null ? Map.of() : metadata.getAnnotations();
    }

    private static boolean isTcp(@Nullable String protocol) {
        return protocol == null || protocol.equals("TCP");
    }

    private static String text(@Nullable String text) {
        return text == null ? "" : text;
    }

    private static <T> List<T> nonNull(@Nullable List<T> list) {
        return list == null ? List.of() : list.stream().filter(Objects::nonNull).toList();
    }
}
