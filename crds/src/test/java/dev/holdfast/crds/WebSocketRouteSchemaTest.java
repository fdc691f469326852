package dev.holdfast.crds;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.v1alpha1.WebSocketRoute;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;

/** The conventions that every field of the user's API keeps. */
class WebSocketRouteSchemaTest {
    private static final String FILE = "/META-INF/fabric8/websocketroutes.holdfast.dev-v1.yml";

    @Test
    void everyFieldHasADescriptionForKubectlExplain() throws IOException {
        // Given
        JsonNode schema = schema();

        // When
        List<String> undescribed = new ArrayList<>();
        walk("", schema, (path, node) -> {
            if (!path.equals(".metadata") && !path.endsWith("[]") && !node.hasNonNull("description")) {
                undescribed.add(path);
            }
        });

        // Then
        assertThat(undescribed).isEmpty();
    }

    @Test
    void everyListSaysItsTypeAndItsBound() throws IOException {
        // Given
        JsonNode schema = schema();

        // When
        List<String> unbounded = new ArrayList<>();
        walk("", schema, (path, node) -> {
            if (node.path("type").asText().equals("array")
                    && !(node.has("maxItems") && node.has("x-kubernetes-list-type"))) {
                unbounded.add(path);
            }
        });

        // Then
        assertThat(unbounded).isEmpty();
    }

    @Test
    void everyTextThatUsersWriteIsBoundedOrOneOfAFewWords() throws IOException {
        // Given
        JsonNode spec = schema().at("/properties/spec");

        // When
        List<String> unbounded = new ArrayList<>();
        walk(".spec", spec, (path, node) -> {
            if (node.path("type").asText().equals("string") && !node.has("maxLength") && !node.has("enum")) {
                unbounded.add(path);
            }
        });

        // Then
        assertThat(unbounded).isEmpty();
    }

    @Test
    void everyRuleSaysFieldAndRemedy() throws IOException {
        // Given
        JsonNode schema = schema();

        // When
        List<String> messages = new ArrayList<>();
        walk(
                "",
                schema,
                (path, node) -> node.path("x-kubernetes-validations")
                        .forEach(rule -> messages.add(rule.path("message").asText())));

        // Then
        assertThat(messages).hasSizeGreaterThanOrEqualTo(9).allMatch(message -> message.matches("[\\w.]+: .{30,}"));
    }

    @Test
    void aRouteWithoutAnOperatorSaysSo() throws IOException {
        // Given
        JsonNode defaults = schema().at("/properties/status/default/conditions");

        // When
        List<String> types = defaults.findValuesAsText("type");

        // Then
        assertThat(types).containsExactly("Accepted", "ResolvedRefs", "Programmed", "Ready");
        assertThat(defaults.findValuesAsText("status")).containsOnly("Unknown");
        assertThat(defaults.findValuesAsText("reason")).containsOnly("Pending");
    }

    @Test
    void kubectlFindsItByItsShortNamesAndShowsTheReason() throws IOException {
        // Given
        JsonNode crd = crd();

        // When
        JsonNode names = crd.at("/spec/names");
        List<String> columns =
                crd.at("/spec/versions/0/additionalPrinterColumns").findValuesAsText("name");

        // Then
        assertThat(names.path("shortNames").toString()).isEqualTo("[\"wsr\",\"wsroute\"]");
        assertThat(names.path("categories").toString()).isEqualTo("[\"holdfast\"]");
        assertThat(columns).containsExactly("Hosts", "Class", "Ready", "Reason", "Age", "Endpoints", "TLS", "Message");
        assertThat(crd.at("/spec/versions/0/subresources").has("status")).isTrue();
    }

    @Test
    void theGeneratedClassReadsAManifest() {
        // Given
        String manifest = """
                apiVersion: holdfast.dev/v1alpha1
                kind: WebSocketRoute
                metadata: {name: chat}
                spec:
                  hostnames: [chat.example.com]
                  rules:
                    - backendRefs: [{name: chat, port: 80}]
                """;

        // When
        WebSocketRoute route = Serialization.unmarshal(manifest, WebSocketRoute.class);

        // Then
        assertThat(route.getSpec().getHostnames()).containsExactly("chat.example.com");
        assertThat(route.getSpec()
                        .getRules()
                        .getFirst()
                        .getBackendRefs()
                        .getFirst()
                        .getWeight())
                .isEqualTo(1);
    }

    private static void walk(String path, JsonNode schema, BiConsumer<String, JsonNode> visit) {
        if (!path.isEmpty()) {
            visit.accept(path, schema);
        }
        schema.path("properties").properties().forEach(entry -> {
            String child = path + "." + entry.getKey();
            if (!child.equals(".metadata")) {
                walk(child, entry.getValue(), visit);
            }
        });
        if (schema.has("items")) {
            walk(path + "[]", schema.get("items"), visit);
        }
    }

    private static JsonNode schema() throws IOException {
        return crd().at("/spec/versions/0/schema/openAPIV3Schema");
    }

    private static JsonNode crd() throws IOException {
        try (InputStream in = WebSocketRouteSchemaTest.class.getResourceAsStream(FILE)) {
            return Serialization.yamlMapper().readTree(in);
        }
    }
}
