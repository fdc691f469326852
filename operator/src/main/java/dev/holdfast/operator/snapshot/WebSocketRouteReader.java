package dev.holdfast.operator.snapshot;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.holdfast.operator.snapshot.ClusterSnapshot.Meta;
import dev.holdfast.operator.snapshot.ClusterSnapshot.Problem;
import dev.holdfast.operator.snapshot.ClusterSnapshot.WebSocketRouteView;
import dev.holdfast.v1alpha1.WebSocketRouteSpec;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads a WebSocketRoute from raw JSON. The generated classes are filled only from a spec that the schema accepts: they
 * would throw on an enum value of a newer version, and silently keep a default for a wrong one.
 */
final class WebSocketRouteReader {
    private static final ObjectMapper JSON = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();
    private static final Set<String> TOP_LEVEL = Set.of("apiVersion", "kind", "metadata", "spec", "status");

    private WebSocketRouteReader() {}

    static WebSocketRouteView read(JsonNode object) {
        Meta meta = meta(object.path("metadata"));
        JsonNode spec = object.path("spec");
        JsonNode className = spec.path("ingressClassName");
        SchemaCheck check = new SchemaCheck();
        object.properties().forEach(field -> {
            if (!TOP_LEVEL.contains(field.getKey())) {
                check.unknown(field.getKey(), field.getKey(), TOP_LEVEL);
            }
        });
        if (spec.isMissingNode() || spec.isNull()) {
            check.problem("spec", "missing (expected: an object with rules)");
        } else {
            check.value("spec", spec, RouteSchema.SPEC);
        }
        String classText = className.isTextual() && !className.textValue().isEmpty() ? className.textValue() : null;
        if (!check.problems().isEmpty()) {
            return new WebSocketRouteView(meta, classText, null, check.problems(), check.unknownFields());
        }
        try {
            return new WebSocketRouteView(
                    meta,
                    classText,
                    JSON.treeToValue(spec, WebSocketRouteSpec.class),
                    List.of(),
                    check.unknownFields());
        } catch (JsonProcessingException e) {
            Problem problem = new Problem("spec", "cannot be read: " + e.getOriginalMessage());
            return new WebSocketRouteView(meta, classText, null, List.of(problem), check.unknownFields());
        }
    }

    private static Meta meta(JsonNode metadata) {
        Map<String, String> annotations = new HashMap<>();
        metadata.path("annotations")
                .properties()
                .forEach(entry ->
                        annotations.put(entry.getKey(), entry.getValue().asText()));
        return Views.meta(
                metadata.path("namespace").asText(""),
                metadata.path("name").asText(""),
                metadata.path("uid").asText(""),
                metadata.path("creationTimestamp").asText(""),
                metadata.path("generation").asLong(0),
                annotations);
    }
}
