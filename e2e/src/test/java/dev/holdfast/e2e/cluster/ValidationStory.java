package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.type.TypeReference;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the definition of WebSocketRoutes refuses, it refuses at a real API server, with the words that it has for it. */
@Order(10)
@Timeout(200)
class ValidationStory {
    private static final Path DEFINITION =
            Path.of(RealCluster.path("crds/src/main/resources/META-INF/fabric8/websocketroutes.holdfast.dev-v1.yml"));
    private static final Pattern REPEATED = Pattern.compile("(.)\\{(\\d+)}");
    private static final String VALID = """
            hostnames: ["*.example.com"]
            tls: {secretName: some}
            rules:
              - matches: [{path: {type: PathPrefix, value: /chat}}]
                filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}]
                backendRefs: [{name: echo, port: http, protocol: wss, tls: {verify: true, caSecretName: ca}}]
            """;

    private final RealCluster cluster = RealCluster.get();

    @Test
    void everyRuleOfTheDefinitionAnswersWithItsMessage() throws IOException {
        // Given
        Release.ready(cluster);
        Set<String> rules = new TreeSet<>();
        collect(Serialization.unmarshal(Files.readString(DEFINITION), Map.class), rules);
        Map<String, Object> cases = Serialization.unmarshal(
                Files.readString(Path.of(RealCluster.path("e2e/cluster/refused.yaml"))), new TypeReference<>() {});

        // When
        List<String> otherwise = new ArrayList<>();
        cases.forEach((message, spec) -> {
            String answer = answer(spec);
            if (!answer.contains(message)) {
                otherwise.add(message + "\n  was answered: " + answer);
            }
        });
        String accepted = answer(Serialization.unmarshal(VALID, Map.class));

        // Then
        System.out.println("figure: validation rules of the definition " + rules.size()
                + ", answered with their message by the API server " + (cases.size() - otherwise.size()));
        assertThat(cases.keySet()).as("cases in e2e/cluster/refused.yaml").isEqualTo(rules);
        assertThat(otherwise).isEmpty();
        assertThat(accepted).isEqualTo("created");
    }

    /** What the API server says when the object would be created. */
    private String answer(Object spec) {
        GenericKubernetesResource route = new GenericKubernetesResourceBuilder()
                .withApiVersion("holdfast.dev/v1alpha1")
                .withKind("WebSocketRoute")
                .withNewMetadata()
                .withName("tried")
                .withNamespace(Release.STORIES)
                .endMetadata()
                .addToAdditionalProperties("spec", spelledOut(spec))
                .build();
        try {
            cluster.client().resource(route).dryRun(true).create();
            return "created";
        } catch (KubernetesClientException e) {
            return e.getCode() + " " + e.getMessage();
        }
    }

    /** {@code x{3}} becomes {@code xxx}, so that a case need not be long to be about length. */
    private static Object spelledOut(Object spec) {
        Matcher repeated = REPEATED.matcher(Serialization.asJson(spec));
        String text = repeated.replaceAll(
                match -> Matcher.quoteReplacement(match.group(1).repeat(Integer.parseInt(match.group(2)))));
        return Serialization.unmarshal(text, Map.class);
    }

    private static void collect(Object node, Set<String> messages) {
        if (node instanceof Map<?, ?> map) {
            map.forEach((key, value) -> {
                if (key.equals("x-kubernetes-validations") && value instanceof List<?> rules) {
                    rules.forEach(rule -> messages.add(String.valueOf(((Map<?, ?>) rule).get("message"))));
                } else {
                    collect(value, messages);
                }
            });
        } else if (node instanceof List<?> list) {
            list.forEach(each -> collect(each, messages));
        }
    }
}
