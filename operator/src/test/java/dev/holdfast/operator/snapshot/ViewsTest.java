package dev.holdfast.operator.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.holdfast.operator.snapshot.ClusterSnapshot.Meta;
import dev.holdfast.operator.snapshot.ClusterSnapshot.Problem;
import dev.holdfast.operator.snapshot.ClusterSnapshot.SecretView;
import dev.holdfast.operator.snapshot.ClusterSnapshot.SliceEndpoint;
import dev.holdfast.operator.snapshot.ClusterSnapshot.WebSocketRouteView;
import dev.holdfast.routetable.SecretBytes;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSliceBuilder;
import io.fabric8.kubernetes.api.model.networking.v1.Ingress;
import io.fabric8.kubernetes.api.model.networking.v1.IngressBuilder;
import io.fabric8.kubernetes.api.model.networking.v1.IngressClass;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ViewsTest {
    @Test
    void anObjectWithoutAnythingIsStillAView() {
        assertThat(Views.ingress(new Ingress()).meta().namespace()).isEqualTo("default");
        assertThat(Views.service(new Service()).ports()).isEmpty();
        assertThat(Views.endpointSlice(new EndpointSlice()).service()).isEmpty();
        assertThat(Views.secret(new Secret()).data()).isEmpty();
        assertThat(Views.ingressClass(new IngressClass()).isDefault()).isFalse();
    }

    @Test
    void onlyAnnotationsThatSomebodyReadsAreKept() {
        // Given
        Ingress ingress = new IngressBuilder()
                .withNewMetadata()
                .withName("chat")
                .withNamespace("team")
                .withUid("7c6a8f0e")
                .withCreationTimestamp("2026-01-02T03:04:05Z")
                .withGeneration(7L)
                .addToAnnotations("kubectl.kubernetes.io/last-applied-configuration", "{}")
                .addToAnnotations("holdfast.dev/idle-timeout", "30s")
                .addToAnnotations("nginx.ingress.kubernetes.io/affinity", "cookie")
                .addToAnnotations("kubernetes.io/ingress.class", "holdfast")
                .endMetadata()
                .build();
        // When
        Meta meta = Views.ingress(ingress).meta();
        // Then
        assertThat(meta.annotations())
                .containsOnlyKeys(
                        "holdfast.dev/idle-timeout",
                        "nginx.ingress.kubernetes.io/affinity",
                        "kubernetes.io/ingress.class");
        assertThat(meta.created()).isEqualTo(Instant.parse("2026-01-02T03:04:05Z"));
        assertThat(meta.generation()).isEqualTo(7);
        assertThat(meta.uid()).isEqualTo("7c6a8f0e");
    }

    @Test
    void aSecretKeepsOnlyItsCertificatesAndSurvivesBadBase64() {
        // Given
        Secret secret = new SecretBuilder()
                .withNewMetadata()
                .withName("tls")
                .endMetadata()
                .addToData(Map.of("tls.crt", "aGVsbG8=", "tls.key", "%%%", "password", "aGVsbG8="))
                .build();
        // When
        SecretView view = Views.secret(secret);
        // Then
        assertThat(view.data())
                .isEqualTo(Map.of("tls.crt", SecretBytes.ofText("hello"), "tls.key", SecretBytes.of(new byte[0])));
        assertThat(view.type()).isEqualTo("Opaque");
    }

    @Test
    void conditionsThatAreAbsentAreResolvedAsTheApiDocuments() {
        // Given
        EndpointSlice slice = new EndpointSliceBuilder()
                .withNewMetadata()
                .withName("chat-a")
                .addToLabels(Views.SERVICE_LABEL, "chat")
                .endMetadata()
                .withAddressType("IPv4")
                .addNewEndpoint()
                .withAddresses("10.0.0.1")
                .endEndpoint()
                .addNewEndpoint()
                .withAddresses("10.0.0.2")
                .withNewConditions()
                .withReady(false)
                .withTerminating(true)
                .endConditions()
                .endEndpoint()
                .build();
        // When
        List<SliceEndpoint> endpoints = Views.endpointSlice(slice).endpoints();
        // Then
        assertThat(endpoints)
                .containsExactly(
                        new SliceEndpoint(List.of("10.0.0.1"), true, true, false, null, List.of()),
                        new SliceEndpoint(List.of("10.0.0.2"), false, false, true, null, List.of()));
    }

    @Test
    void aRouteReadsTheSameFromAnInformerAndFromAFile() throws JsonProcessingException {
        // Given
        String json = """
                {"apiVersion":"holdfast.dev/v1alpha1","kind":"WebSocketRoute","metadata":{"name":"a","namespace":"b"},
                 "spec":{"ingressClassName":"holdfast","rules":[{"backendRefs":[{"name":"chat","port":80}]}]}}""";
        // When
        WebSocketRouteView file = Views.webSocketRoute(new JsonMapper().readTree(json));
        WebSocketRouteView informer =
                Views.webSocketRoute(new KubernetesSerialization().unmarshal(json, GenericKubernetesResource.class));
        // Then
        assertThat(informer.meta()).isEqualTo(file.meta());
        assertThat(informer.className()).isEqualTo("holdfast");
        assertThat(informer.problems()).isEmpty();
        assertThat(informer.spec()).isNotNull();
        assertThat(informer.unknownFields()).isEmpty();
    }

    @Test
    void everyProblemOfARouteIsToldAtOnce() throws JsonProcessingException {
        // When
        WebSocketRouteView view = route("""
                {"ingressClassName":"holdfast","hostnames":"a","tls":{},"rules":[
                  {"backendRefs":[{"port":1.5,"weight":-1}],"balancing":{"policy":"roundrobin"},
                   "matches":[{"headers":[{"name":"a b","value":"x"},{"name":"a b","value":"x"}]}],
                   "timeouts":{"idle":"1 hour"}}]}""");
        // Then
        assertThat(view.spec()).isNull();
        assertThat(view.className()).isEqualTo("holdfast");
        assertThat(view.problems())
                .extracting(Problem::fieldPath)
                .containsExactly(
                        "spec.hostnames",
                        "spec.rules[0].backendRefs[0].name",
                        "spec.rules[0].backendRefs[0].port",
                        "spec.rules[0].backendRefs[0].weight",
                        "spec.rules[0].balancing.policy",
                        "spec.rules[0].matches[0].headers[0].name",
                        "spec.rules[0].matches[0].headers[1].name",
                        "spec.rules[0].matches[0].headers[1].name",
                        "spec.rules[0].timeouts.idle",
                        "spec.tls.secretName");
        assertThat(view.problems())
                .contains(
                        new Problem(
                                "spec.rules[0].balancing.policy",
                                "\"roundrobin\" (expected: one of LeastTunnels, RoundRobin, ClientAddressHash; did you mean"
                                        + " \"RoundRobin\"?)"),
                        new Problem(
                                "spec.rules[0].timeouts.idle",
                                "\"1 hour\" (expected: a duration such as 500ms, 30s, 10m or 1h30m)"));
    }

    @Test
    void aTypedFieldNamesTheNearOne() throws JsonProcessingException {
        // When
        WebSocketRouteView view =
                route("{\"hostname\":[],\"rules\":[{\"backendRefs\":[{\"name\":\"a\",\"port\":1}]}]}");
        // Then
        assertThat(view.problems()).isEmpty();
        assertThat(view.unknownFields())
                .containsExactly(new Problem(
                        "spec.hostname",
                        "not known to this version of Holdfast and ignored (did you mean \"hostnames\"?)"));
    }

    @Test
    void anExplicitNullCountsAsUnset() throws JsonProcessingException {
        // When
        WebSocketRouteView view = route(
                "{\"hostnames\":null,\"rules\":[{\"backendRefs\":[{\"name\":\"a\",\"port\":1,\"weight\":null}]}]}");
        // Then
        assertThat(view.problems()).isEmpty();
        assertThat(view.spec()).isNotNull();
        assertThat(view.spec().getRules().getFirst().getBackendRefs().getFirst().getWeight())
                .isEqualTo(1);
    }

    private static WebSocketRouteView route(String spec) throws JsonProcessingException {
        return Views.webSocketRoute(new JsonMapper().readTree("{\"metadata\":{\"name\":\"a\"},\"spec\":" + spec + "}"));
    }
}
