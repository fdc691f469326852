package dev.holdfast.operator.compile;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Set;

/**
 * Kubernetes objects as JSON, one after another, read the way a watch delivers them and compiled beside a healthy
 * neighbour. Whatever they hold, {@link HealthyNeighbour} is as without them.
 */
public final class ObjectsFuzz {
    private static final Set<String> KINDS =
            Set.of("IngressClass", "Ingress", "WebSocketRoute", "Service", "EndpointSlice", "Secret");
    private static final ObjectMapper JSON = new JsonMapper();

    private ObjectsFuzz() {}

    /** One run. */
    public static void fuzzerTestOneInput(byte[] input) throws IOException {
        Manifests manifests = new Manifests();
        // As text: an API server speaks UTF-8, and Jackson would take some bytes for UTF-32.
        String text = new String(input, StandardCharsets.UTF_8);
        try (var objects = JSON.readerFor(JsonNode.class).<JsonNode>readValues(text)) {
            while (objects.hasNextValue()) {
                add(objects.nextValue(), manifests);
            }
        } catch (JsonProcessingException e) {
            // What no API server would deliver ends the input.
        }
        HealthyNeighbour.requireUnharmed(manifests);
    }

    private static void add(JsonNode object, Manifests manifests) {
        if (!KINDS.contains(object.path("kind").asText()) || HealthyNeighbour.isPartOf(object)) {
            return;
        }
        try {
            manifests.add(object);
        } catch (IllegalArgumentException e) {
            // Not the shape of its kind: an informer's parser refuses it before it reaches a snapshot.
        }
    }
}
