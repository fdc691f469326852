package dev.holdfast.e2e.cluster;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.authentication.TokenReview;
import io.fabric8.kubernetes.api.model.authentication.TokenReviewStatusBuilder;
import io.fabric8.kubernetes.client.NamespacedKubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.CustomResourceDefinitionContext;
import io.fabric8.kubernetes.client.server.mock.KubernetesCrudDispatcher;
import io.fabric8.kubernetes.client.server.mock.KubernetesMockServer;
import io.fabric8.kubernetes.client.utils.Serialization;
import io.fabric8.mockwebserver.Context;
import io.fabric8.mockwebserver.MockWebServer;
import io.fabric8.mockwebserver.http.MockResponse;
import io.fabric8.mockwebserver.http.RecordedRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** An API server on loopback that knows WebSocketRoutes and has the class {@code holdfast}. It checks nothing. */
public final class MockCluster implements AutoCloseable {
    /** The user that tokens of data planes are of. */
    public static final String DATA_PLANES = "system:serviceaccount:edge:proxy";

    private static final String AUDIENCE = "holdfast.dev/route-stream";

    private final Map<String, String> tokens = new ConcurrentHashMap<>();
    private final MockWebServer web = new MockWebServer();
    private final KubernetesMockServer api =
            new KubernetesMockServer(new Context(), web, new HashMap<>(), new LabelBlind(), false);
    private final NamespacedKubernetesClient client;

    /** Starts on a free port. */
    public MockCluster() {
        api.init();
        client = api.createClient();
        client.load(MockCluster.class.getResourceAsStream("/META-INF/fabric8/websocketroutes.holdfast.dev-v1.yml"))
                .create();
        api.expectCustomResource(new CustomResourceDefinitionContext.Builder()
                .withGroup("holdfast.dev")
                .withVersion("v1alpha1")
                .withPlural("websocketroutes")
                .withKind("WebSocketRoute")
                .withScope("Namespaced")
                .build());
        create("""
                apiVersion: networking.k8s.io/v1
                kind: IngressClass
                metadata: {name: holdfast}
                spec: {controller: holdfast.dev/ingress-controller}
                """);
    }

    /** A token for an hour that the API server takes for that of a pod of {@link #DATA_PLANES}. */
    public String token(String pod) {
        String claims = "{\"aud\":[\"%s\"],\"exp\":%d,\"pod\":\"%s\"}"
                .formatted(AUDIENCE, Instant.now().plus(Duration.ofHours(1)).getEpochSecond(), pod);
        Base64.Encoder base64 = Base64.getUrlEncoder().withoutPadding();
        String token = base64.encodeToString("{\"alg\":\"RS256\"}".getBytes(StandardCharsets.UTF_8)) + "."
                + base64.encodeToString(claims.getBytes(StandardCharsets.UTF_8)) + "."
                + base64.encodeToString(("signature of " + UUID.randomUUID()).getBytes(StandardCharsets.UTF_8));
        tokens.put(token, pod);
        return token;
    }

    /** What the API server holds, by a client that may do everything. */
    public NamespacedKubernetesClient client() {
        return client;
    }

    /** Creates an object. */
    public void create(String manifest) {
        client.resource(object(manifest)).create();
    }

    /** Replaces an object. */
    public void replace(String manifest) {
        client.resource(object(manifest)).update();
    }

    /** Replaces an object, or creates it. */
    public void apply(String manifest) {
        GenericKubernetesResource object = object(manifest);
        if (client.resource(object).get() == null) {
            client.resource(object).create();
        } else {
            client.resource(object).update();
        }
    }

    /** Deletes the object of this kind and name if it is there. */
    public void delete(String manifest) {
        client.resource(object(manifest)).delete();
    }

    /** Forgets the requests seen so far, which the mock keeps. */
    public void forgetRequests() throws InterruptedException {
        while (web.takeRequest(0, TimeUnit.MILLISECONDS) != null) {
            // Nobody asks for them.
        }
    }

    /** Creates the WebSocketRoute {@code shop/<name>} that sends the host {@code <name>.test} to the Service echo. */
    public void createRoute(String name) {
        create("""
                apiVersion: holdfast.dev/v1alpha1
                kind: WebSocketRoute
                metadata: {name: %s, namespace: shop}
                spec:
                  ingressClassName: holdfast
                  hostnames: [%s.test]
                  rules: [{backendRefs: [{name: echo, port: 80}]}]
                """.formatted(name, name));
    }

    /** Creates a Service with one port, 80, and its only endpoint on a port of loopback. */
    public void createService(String name, int port) {
        create("""
                apiVersion: v1
                kind: Service
                metadata: {name: %s, namespace: shop}
                spec: {clusterIP: 10.0.0.1, ports: [{name: web, port: 80}]}
                """.formatted(name));
        create("""
                apiVersion: discovery.k8s.io/v1
                kind: EndpointSlice
                metadata: {name: %s-1, namespace: shop, labels: {kubernetes.io/service-name: %s}}
                addressType: IPv4
                ports: [{name: web, port: %d}]
                endpoints: [{addresses: [127.0.0.1], conditions: {ready: true}}]
                """.formatted(name, name, port));
    }

    /** Arguments of an operator that watches this cluster, serves loopback endpoints and writes no status. */
    public List<String> operatorArguments(Path directory, int streamPort) throws IOException {
        return List.of(
                "operator",
                "--kubeconfig=" + kubeconfig(directory),
                "--loopback-endpoints",
                "--no-status",
                "--stream-port=" + streamPort,
                "--admin-address=127.0.0.1",
                "--admin-port=0");
    }

    /** A kubeconfig of this cluster, written to {@code directory}. */
    public Path kubeconfig(Path directory) throws IOException {
        return Files.writeString(directory.resolve("kubeconfig"), """
                apiVersion: v1
                kind: Config
                clusters: [{name: test, cluster: {server: "%s"}}]
                contexts: [{name: test, context: {cluster: test, user: test, namespace: shop}}]
                current-context: test
                users: [{name: test, user: {token: none}}]
                """.formatted(client.getMasterUrl()));
    }

    @Override
    public void close() {
        client.close();
        api.destroy();
    }

    private static GenericKubernetesResource object(String manifest) {
        return Serialization.unmarshal(manifest, GenericKubernetesResource.class);
    }

    private MockResponse review(String body) {
        TokenReview review = Serialization.unmarshal(body, TokenReview.class);
        String pod = tokens.get(review.getSpec().getToken());
        TokenReviewStatusBuilder status = new TokenReviewStatusBuilder().withAuthenticated(pod != null);
        if (pod != null) {
            status.withAudiences(AUDIENCE)
                    .withNewUser()
                    .withUsername(DATA_PLANES)
                    .addToExtra("authentication.kubernetes.io/pod-name", List.of(pod))
                    .addToExtra("authentication.kubernetes.io/pod-uid", List.of("uid-of-" + pod))
                    .endUser();
        }
        review.setStatus(status.build());
        return new MockResponse().setResponseCode(201).setBody(Serialization.asJson(review));
    }

    /** The mock fails on a label with a prefix; without the selector it answers with more than was asked for. */
    private final class LabelBlind extends KubernetesCrudDispatcher {
        @Override
        public MockResponse handleCreate(RecordedRequest request) {
            return request.getPath().endsWith("/tokenreviews")
                    ? review(request.getUtf8Body())
                    : super.handleCreate(request);
        }

        @Override
        public MockResponse handleGet(String path) {
            return super.handleGet(withoutLabels(path));
        }

        @Override
        public MockResponse handleWatch(String path) {
            return super.handleWatch(withoutLabels(path));
        }

        private static String withoutLabels(String path) {
            return path.replaceAll("labelSelector=[^&]*&?", "");
        }
    }
}
