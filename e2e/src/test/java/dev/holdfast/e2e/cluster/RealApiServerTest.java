package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.holdfast.e2e.process.JavaProcess;
import dev.holdfast.e2e.process.Ports;
import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.RawGet;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceList;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ManagedFieldsEntry;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.networking.v1.Ingress;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.dsl.MixedOperation;
import io.fabric8.kubernetes.client.dsl.Resource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What only a real API server shows: its schema, server-side apply, the status subresource, field managers. */
@Tag("installed")
@Timeout(120)
class RealApiServerTest {
    private static final Duration SOON = Duration.ofSeconds(30);

    private final String scope = "holdfast-e2e-" + ProcessHandle.current().pid();
    private final int streamPort = Ports.free();
    private final int httpPort = Ports.free();
    private KubernetesClient client;
    private EchoBackend backend;

    @BeforeEach
    void prepare() {
        Path kubeconfig = kubeconfig();
        assumeTrue(
                Files.isRegularFile(kubeconfig) && Files.isReadable(kubeconfig),
                "skipped: KUBECONFIG names no cluster to test on");
        client = new KubernetesClientBuilder()
                .withConfig(Config.fromKubeconfig(kubeconfig.toFile()))
                .build();
        backend = new EchoBackend("backend");
        client.load(getClass().getResourceAsStream("/META-INF/fabric8/websocketroutes.holdfast.dev-v1.yml"))
                .forceConflicts()
                .serverSideApply();
        client.resource(new NamespaceBuilder()
                        .withNewMetadata()
                        .withName(scope)
                        .endMetadata()
                        .build())
                .create();
        // A class and a controller of its own: another Holdfast in the cluster leaves these objects alone.
        create("""
                apiVersion: networking.k8s.io/v1
                kind: IngressClass
                metadata: {name: %1$s}
                spec: {controller: holdfast.dev/%1$s}
                """.formatted(scope));
        create("""
                apiVersion: v1
                kind: Service
                metadata: {name: echo}
                spec: {type: ExternalName, externalName: localhost, ports: [{port: %d}]}
                """.formatted(backend.port()));
    }

    @AfterEach
    void clean() {
        if (client != null) {
            client.namespaces().withName(scope).delete();
            client.network().v1().ingressClasses().withName(scope).delete();
            client.close();
            backend.close();
        }
    }

    @Test
    void objectsAreServedToldAndThenLeftAlone() throws Exception {
        try (JavaProcess operator = operator();
                JavaProcess dataPlane = dataPlane()) {
            // Given an operator and a data plane
            operator.await("watching namespaces", SOON);
            dataPlane.await("data plane started", SOON);

            // When routes are applied, one of them beyond repair for its operator but not for the schema
            create(ingress("good", "ingress.test", "echo"));
            create(ingress("broken", "broken.test", "missing"));
            create(route("good", "route.test", "{}"));
            create(route("regex", "regex.test", "{path: {type: RegularExpression, value: '/(a'}}"));

            // Then the good ones are served, and every owner is told
            await().atMost(SOON).ignoreExceptions().untilAsserted(() -> {
                assertThat(status("ingress.test")).isEqualTo(200);
                assertThat(status("route.test")).isEqualTo(200);
                assertThat(status("broken.test")).isEqualTo(503);
                assertThat(condition("good", "Ready")).startsWith("True Ready");
                assertThat(condition("regex", "Ready")).contains("False InvalidSpec", "matches[0].path.value");
                assertThat(addresses("good")).containsExactly("192.0.2.10");
                assertThat(addresses("broken")).containsExactly("192.0.2.10");
                assertThat(events()).extracting(Event::getReason).containsExactly("BackendNotFound");
            });
            assertThat(managers()).contains("holdfast-operator status");

            // And a settled cluster is not written to
            List<String> settled = versions();
            Thread.sleep(3_000);
            assertThat(versions()).isEqualTo(settled);

            // When a route goes
            routes().withName("good").delete();

            // Then it is not served, and its neighbour is
            await().atMost(SOON)
                    .untilAsserted(() -> assertThat(status("route.test")).isEqualTo(404));
            assertThat(status("ingress.test")).isEqualTo(200);
            assertThat(operator.terminate(SOON)).as(operator.output()).isIn(0, 143);
        }
    }

    private JavaProcess operator() {
        return JavaProcess.start(
                "dev.holdfast.cli.HoldfastMain",
                List.of(),
                List.of(
                        "operator",
                        "--kubeconfig=" + kubeconfig(),
                        "--namespaces=" + scope,
                        "--class=" + scope,
                        "--controller-value=holdfast.dev/" + scope,
                        "--leader-election-namespace=" + scope,
                        "--allow-external-name",
                        "--loopback-endpoints",
                        "--publish-status-address=192.0.2.10",
                        "--stream-port=" + streamPort,
                        "--admin-address=127.0.0.1",
                        "--admin-port=0"));
    }

    private JavaProcess dataPlane() {
        return JavaProcess.start(
                "dev.holdfast.cli.HoldfastMain",
                List.of(),
                List.of(
                        "dataplane",
                        "--operator=http://127.0.0.1:" + streamPort,
                        "--http=127.0.0.1:" + httpPort,
                        "--https=127.0.0.1:0",
                        "--admin=127.0.0.1:0"));
    }

    private static Path kubeconfig() {
        return Path.of(Objects.requireNonNullElse(System.getenv("KUBECONFIG"), ""));
    }

    private String ingress(String name, String host, String service) {
        return """
                apiVersion: networking.k8s.io/v1
                kind: Ingress
                metadata: {name: %s}
                spec:
                  ingressClassName: %s
                  rules:
                  - host: %s
                    http:
                      paths:
                      - {path: /, pathType: Prefix, backend: {service: {name: %s, port: {number: %d}}}}
                """.formatted(name, scope, host, service, backend.port());
    }

    private String route(String name, String host, String match) {
        return """
                apiVersion: holdfast.dev/v1alpha1
                kind: WebSocketRoute
                metadata: {name: %s}
                spec:
                  ingressClassName: %s
                  hostnames: [%s]
                  rules:
                  - matches: [%s]
                    backendRefs: [{name: echo, port: %d}]
                """.formatted(name, scope, host, match, backend.port());
    }

    private void create(String manifest) {
        GenericKubernetesResource object =
                client.getKubernetesSerialization().unmarshal(manifest, GenericKubernetesResource.class);
        if (!"IngressClass".equals(object.getKind())) {
            object.getMetadata().setNamespace(scope);
        }
        client.resource(object).create();
    }

    private int status(String host) {
        try (RawGet get = new RawGet(httpPort, host, "/")) {
            return get.get().status();
        } catch (IOException e) {
            return 0;
        }
    }

    private io.fabric8.kubernetes.client.dsl.NonNamespaceOperation<
                    GenericKubernetesResource, GenericKubernetesResourceList, Resource<GenericKubernetesResource>>
            routes() {
        MixedOperation<GenericKubernetesResource, GenericKubernetesResourceList, Resource<GenericKubernetesResource>>
                all = client.genericKubernetesResources("holdfast.dev/v1alpha1", "WebSocketRoute");
        return all.inNamespace(scope);
    }

    private String condition(String route, String type) {
        Map<String, List<Map<String, Object>>> status =
                Objects.requireNonNull(routes().withName(route).get().get("status"));
        return status.get("conditions").stream()
                .filter(condition -> type.equals(condition.get("type")))
                .map(condition -> condition.get("status") + " " + condition.get("reason") + " " + condition.get("message"))
                .findFirst()
                .orElse("");
    }

    private List<Ingress> ingresses() {
        return client.network().v1().ingresses().inNamespace(scope).list().getItems();
    }

    private List<String> addresses(String ingress) {
        return ingresses().stream()
                .filter(object -> object.getMetadata().getName().equals(ingress))
                .flatMap(object -> object.getStatus().getLoadBalancer().getIngress().stream())
                .map(address -> address.getIp())
                .toList();
    }

    private List<Event> events() {
        return client.v1().events().inNamespace(scope).list().getItems();
    }

    private Stream<HasMetadata> watched() {
        return Stream.concat(ingresses().stream(), routes().list().getItems().stream());
    }

    private List<String> versions() {
        return watched()
                .map(object -> object.getMetadata().getName() + "="
                        + object.getMetadata().getResourceVersion())
                .toList();
    }

    private List<String> managers() {
        return watched()
                .flatMap(object -> object.getMetadata().getManagedFields().stream())
                .map((ManagedFieldsEntry entry) -> entry.getManager() + " " + entry.getSubresource())
                .distinct()
                .toList();
    }
}
