package dev.holdfast.e2e.cluster;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.client.NamespacedKubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.CustomResourceDefinitionContext;
import io.fabric8.kubernetes.client.server.mock.KubernetesCrudDispatcher;
import io.fabric8.kubernetes.client.server.mock.KubernetesMockServer;
import io.fabric8.kubernetes.client.utils.Serialization;
import io.fabric8.mockwebserver.Context;
import io.fabric8.mockwebserver.MockWebServer;
import io.fabric8.mockwebserver.http.MockResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.concurrent.TimeUnit;

/** fabric8's mock of an API server, with the product's resource and an IngressClass in it. */
public final class MockCluster implements AutoCloseable {
    private final MockWebServer web = new MockWebServer();
    private final KubernetesMockServer api =
            new KubernetesMockServer(new Context(), web, new HashMap<>(), new LabelBlind(), false);
    private final NamespacedKubernetesClient client;

    /** Starts it on a free port. */
    public MockCluster() {
        api.init();
        client = api.createClient();
        client.load(getClass().getResourceAsStream("/META-INF/fabric8/websocketroutes.holdfast.dev-v1.yml"))
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

    /** Creates the object of one manifest. */
    public void create(String manifest) {
        client.resource(object(manifest)).create();
    }

    /** Replaces the object of this kind and name, or creates it. */
    public void apply(String manifest) {
        HasMetadata object = object(manifest);
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

    /** Writes a kubeconfig that leads here. */
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

    private static HasMetadata object(String manifest) {
        return Serialization.unmarshal(manifest, GenericKubernetesResource.class);
    }

    /** The mock fails on a label with a prefix; without the selector it answers with more than was asked for. */
    private static final class LabelBlind extends KubernetesCrudDispatcher {
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
