package dev.holdfast.cli.manifest;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.holdfast.cli.manifest.ManifestFile.Document;
import dev.holdfast.cli.manifest.ManifestObject.Content;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.snapshot.Views;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.fabric8.kubernetes.api.model.networking.v1.Ingress;
import io.fabric8.kubernetes.api.model.networking.v1.IngressClass;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/** Reads documents into objects. What cannot be read becomes a problem with a line; nothing is thrown for user input. */
final class DocumentReader {
    private static final Map<String, String> API_VERSIONS = Map.of(
            "IngressClass", "networking.k8s.io/v1",
            "Ingress", "networking.k8s.io/v1",
            "WebSocketRoute", "holdfast.dev/v1alpha1",
            "Service", "v1",
            "Secret", "v1",
            "ConfigMap", "v1",
            "EndpointSlice", "discovery.k8s.io/v1");

    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    private final YamlTree yaml = new YamlTree();

    /** A document that is wrong in a place that its parser does not know. */
    private static final class Unusable extends Exception {
        private static final long serialVersionUID = 1;

        Unusable(String message) {
            super(message);
        }
    }

    /** Reads YAML; usually one document, several when the file could not be cut. */
    Document yaml(String text) {
        List<ManifestObject> objects = new ArrayList<>();
        int line = 1;
        try {
            for (YamlTree.Tree tree : yaml.read(text)) {
                line = tree.line();
                read(tree.json(), line, objects);
            }
            return new Document(List.copyOf(objects), null);
        } catch (MarkedYamlEngineException e) {
            int at = e.getProblemMark().map(mark -> mark.getLine() + 1).orElse(line);
            String context = e.getContext() == null ? "" : e.getContext() + ": ";
            return broken(at, oneLine(context + e.getProblem()));
        } catch (YamlEngineException e) {
            return broken(line, oneLine(String.valueOf(e.getMessage())));
        } catch (JsonProcessingException e) {
            return broken(yaml.lineOf(text, path(e)), mismatch(e));
        } catch (Unusable e) {
            return broken(line, oneLine(String.valueOf(e.getMessage())));
        }
    }

    /** Reads JSON: one document. */
    Document json(String text) {
        List<ManifestObject> objects = new ArrayList<>();
        JsonNode tree;
        try {
            tree = JSON.readTree(text);
        } catch (JsonProcessingException e) {
            int line = e.getLocation() == null ? 1 : e.getLocation().getLineNr();
            return broken(line, oneLine(e.getOriginalMessage()));
        }
        try {
            read(tree, 1, objects);
            return new Document(List.copyOf(objects), null);
        } catch (JsonProcessingException e) {
            return broken(yaml.lineOf(text, path(e)), mismatch(e));
        } catch (Unusable e) {
            return broken(1, oneLine(String.valueOf(e.getMessage())));
        }
    }

    private static void read(JsonNode object, int line, List<ManifestObject> objects)
            throws JsonProcessingException, Unusable {
        if (object.isNull() || object.isMissingNode()) {
            return; // Comments between two markers.
        }
        if (!object.isObject()) {
            throw new Unusable("a " + object.getNodeType().toString().toLowerCase(java.util.Locale.ROOT)
                    + " (expected: an object with apiVersion, kind and metadata)");
        }
        String kind = object.path("kind").asText("");
        String apiVersion = object.path("apiVersion").asText("");
        if (kind.isEmpty() || apiVersion.isEmpty()) {
            throw new Unusable((kind.isEmpty() ? "kind" : "apiVersion")
                    + ": missing (expected: a Kubernetes object; keep other files out of the directory)");
        }
        if (kind.endsWith("List") && object.path("items").isArray()) {
            for (JsonNode item : object.path("items")) {
                read(named(item, kind, apiVersion), line, objects);
            }
            return;
        }
        String name = object.path("metadata").path("name").asText("");
        if (name.isEmpty() && API_VERSIONS.containsKey(kind)) {
            throw new Unusable("metadata.name: missing (expected: the name of the " + kind + ")");
        }
        boolean clusterScoped = kind.equals("IngressClass");
        String namespace =
                clusterScoped ? "" : object.path("metadata").path("namespace").asText("default");
        objects.add(
                new ManifestObject(new ResourceRef(kind, namespace, name), line, content(kind, apiVersion, object)));
    }

    /** The items of a typed list may leave out what the list says. */
    private static JsonNode named(JsonNode item, String listKind, String apiVersion) {
        if (listKind.equals("List") || item.has("kind") || !(item instanceof ObjectNode object)) {
            return item;
        }
        return object.deepCopy()
                .put("kind", listKind.substring(0, listKind.length() - "List".length()))
                .put("apiVersion", apiVersion);
    }

    private static Content content(String kind, String apiVersion, JsonNode object) throws JsonProcessingException {
        String served = API_VERSIONS.get(kind);
        if (served == null) {
            return new Content.Skipped("");
        }
        if (!served.equals(apiVersion)) {
            return new Content.Skipped("apiVersion " + apiVersion + " (expected: " + served + ")");
        }
        return switch (kind) {
            case "IngressClass" -> new Content.OfClass(Views.ingressClass(as(object, IngressClass.class)));
            case "Ingress" -> new Content.OfIngress(Views.ingress(as(object, Ingress.class)));
            case "WebSocketRoute" -> new Content.OfRoute(Views.webSocketRoute(object));
            case "Service" -> new Content.OfService(Views.service(as(object, Service.class)));
            case "EndpointSlice" -> new Content.OfSlice(Views.endpointSlice(as(object, EndpointSlice.class)));
            case "Secret" -> new Content.OfSecret(Views.secret(as(object, Secret.class)));
            default -> new Content.Unread();
        };
    }

    private static <T> T as(JsonNode object, Class<T> type) throws JsonProcessingException {
        return JSON.treeToValue(object, type);
    }

    private static Document broken(int line, String reason) {
        return new Document(List.of(), new ParseProblem(line, reason));
    }

    private static List<Object> path(JsonProcessingException e) {
        if (!(e instanceof JsonMappingException mapping)) {
            return List.of();
        }
        return mapping.getPath().stream()
                .<Object>map(
                        step -> step.getFieldName() == null ? Integer.valueOf(step.getIndex()) : step.getFieldName())
                .toList();
    }

    private static String mismatch(JsonProcessingException e) {
        String field = path(e).stream()
                .map(step -> step instanceof Integer index ? "[" + index + "]" : "." + step)
                .collect(Collectors.joining());
        String reason = oneLine(e.getOriginalMessage()).replaceAll("`[a-z0-9.$]+\\.([A-Za-z]+)`", "$1");
        return (field.isEmpty() ? "" : field.substring(field.startsWith(".") ? 1 : 0) + ": ") + reason;
    }

    private static String oneLine(String text) {
        String line = text.strip().replaceAll("\\s+", " ");
        return line.length() > 300 ? line.substring(0, 300) + "..." : line;
    }
}
