package dev.holdfast.operator.compile;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.holdfast.operator.snapshot.ClusterSnapshot;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ClassView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.EndpointSliceView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.IngressView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.SecretView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.ServiceView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.WebSocketRouteView;
import dev.holdfast.operator.snapshot.Views;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.fabric8.kubernetes.api.model.networking.v1.Ingress;
import io.fabric8.kubernetes.api.model.networking.v1.IngressClass;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Manifests in YAML as a snapshot, the way a directory or a cluster would deliver them. */
final class Manifests {
    private static final KubernetesSerialization YAML = new KubernetesSerialization();
    private static final ObjectMapper JSON = new JsonMapper();

    private final List<ClassView> classes = new ArrayList<>();
    private final List<IngressView> ingresses = new ArrayList<>();
    private final List<WebSocketRouteView> routes = new ArrayList<>();
    private final List<ServiceView> services = new ArrayList<>();
    private final List<EndpointSliceView> slices = new ArrayList<>();
    private final List<SecretView> secrets = new ArrayList<>();

    /** The documents of a file. */
    static List<JsonNode> documents(String yaml) {
        return Stream.of(yaml.split("(?m)^---\\s*$"))
                .filter(document -> !document.isBlank())
                .<JsonNode>map(document -> JSON.valueToTree(YAML.unmarshal(document, Map.class)))
                .toList();
    }

    /** Adds every document of a file. */
    Manifests add(String yaml) {
        documents(yaml).forEach(this::add);
        return this;
    }

    /** Adds one object; throws IllegalArgumentException when it cannot be read at all. */
    void add(JsonNode object) {
        switch (object.path("kind").asText()) {
            case "IngressClass" -> classes.add(Views.ingressClass(YAML.convertValue(object, IngressClass.class)));
            case "Ingress" -> ingresses.add(Views.ingress(YAML.convertValue(object, Ingress.class)));
            case "WebSocketRoute" -> routes.add(Views.webSocketRoute(object));
            case "Service" -> services.add(Views.service(YAML.convertValue(object, Service.class)));
            case "EndpointSlice" -> slices.add(Views.endpointSlice(YAML.convertValue(object, EndpointSlice.class)));
            case "Secret" -> secrets.add(Views.secret(YAML.convertValue(object, Secret.class)));
            default -> throw new AssertionError("a document that nobody reads: kind " + object.path("kind"));
        }
    }

    ClusterSnapshot snapshot() {
        return new ClusterSnapshot(classes, ingresses, routes, services, slices, secrets);
    }
}
