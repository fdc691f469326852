package dev.holdfast.operator;

import dev.holdfast.operator.watch.TolerantClients;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.authentication.TokenReview;
import io.fabric8.kubernetes.api.model.authentication.TokenReviewStatus;
import io.fabric8.kubernetes.api.model.authentication.TokenReviewStatusBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.CustomResourceDefinitionContext;
import io.fabric8.kubernetes.client.server.mock.KubernetesCrudDispatcher;
import io.fabric8.kubernetes.client.server.mock.KubernetesMockServer;
import io.fabric8.kubernetes.client.server.mock.crud.KubernetesCrudDispatcherException;
import io.fabric8.kubernetes.client.server.mock.crud.PatchHandler;
import io.fabric8.kubernetes.client.utils.Serialization;
import io.fabric8.mockwebserver.Context;
import io.fabric8.mockwebserver.MockWebServer;
import io.fabric8.mockwebserver.crud.AttributeSet;
import io.fabric8.mockwebserver.http.MockResponse;
import io.fabric8.mockwebserver.http.RecordedRequest;
import java.net.HttpURLConnection;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An API server in memory. What the mock lacks and the operator needs is added here: server-side apply of a status,
 * answered as if no other manager had written. Remembers who wrote what.
 */
final class MockApi implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(MockApi.class);
    private static final CustomResourceDefinitionContext ROUTES = routes();

    private final List<String> writes = new CopyOnWriteArrayList<>();
    private final Map<String, Integer> refused = new ConcurrentHashMap<>();
    private final Map<String, TokenReviewStatus> tokens = new ConcurrentHashMap<>();
    private final AtomicInteger reviews = new AtomicInteger();
    private final KubernetesMockServer server;
    private final KubernetesClient user;
    private final Relay relay;
    private volatile @Nullable WatchWire wire;
    private volatile Duration reviewTime = Duration.ZERO;
    private volatile boolean createForbidden;

    MockApi() {
        KubernetesCrudDispatcher dispatcher = new Dispatcher();
        server = new KubernetesMockServer(new Context(), new MockWebServer(), new HashMap<>(), dispatcher, false);
        server.init();
        server.expectCustomResource(ROUTES);
        relay = new Relay(server.getPort());
        user = open();
    }

    /** Answers like the mock, but for server-side apply; notes writes that are not the user's. */
    private final class Dispatcher extends KubernetesCrudDispatcher {
        @Override
        public MockResponse handleGet(String path) {
            MockResponse refusal = refusal(path);
            WatchWire told = wire;
            if (told != null && told.covers(path) && !path.contains("watch=true")) {
                told.listed(path);
            }
            return refusal == null ? super.handleGet(withoutLabels(path)) : refusal;
        }

        @Override
        public MockResponse handleWatch(String path) {
            MockResponse refusal = refusal(path);
            if (refusal != null) {
                return refusal;
            }
            WatchWire told = wire;
            if (told != null && told.covers(path)) {
                return told.watch(path);
            }
            MockResponse answer = super.handleWatch(withoutLabels(path));
            return answer.withWebSocketUpgrade(new OffLoopListener(answer.getWebSocketListener()));
        }

        @Override
        public void processEvent(
                String path,
                AttributeSet pathAttributes,
                AttributeSet oldAttributes,
                GenericKubernetesResource resource,
                @Nullable String newState) {
            String before = map.get(oldAttributes);
            super.processEvent(path, pathAttributes, oldAttributes, resource, newState);
            WatchWire told = wire;
            if (told != null) {
                told.changed(path, before, newState, this::requestResourceVersion);
            }
        }

        private @Nullable MockResponse refusal(String path) {
            return refused.entrySet().stream()
                    .filter(refusal -> path.contains(refusal.getKey()))
                    .findFirst()
                    .map(refusal -> new MockResponse().setResponseCode(refusal.getValue()))
                    .orElse(null);
        }

        /** The mock fails on a label with a prefix; without the selector it answers with more than was asked for. */
        private static String withoutLabels(String path) {
            return path.replaceAll("labelSelector=[^&]*&?", "");
        }

        @Override
        public MockResponse handlePatch(RecordedRequest request) {
            note(request);
            String type = request.getHeader("Content-Type");
            if (type == null || !type.contains("apply-patch")) {
                return super.handlePatch(request);
            }
            String path = request.getPath().replaceAll("\\?.*", "");
            try {
                Map<?, ?> applied = Serialization.unmarshal(request.getUtf8Body(), Map.class);
                // Its merge patch appends to lists; "add" puts the whole status in the place of the one before.
                Map<String, Object> add = Map.of("op", "add", "path", "/status", "value", applied.get("status"));
                String json = Serialization.asJson(List.of(add));
                return new PatchHandler(this).handle(path, "application/json-patch+json", json);
            } catch (KubernetesCrudDispatcherException e) {
                return new MockResponse().setResponseCode(e.getCode());
            }
        }

        @Override
        public MockResponse handleCreate(RecordedRequest request) {
            if (request.getPath().endsWith("/tokenreviews")) {
                return review(request.getUtf8Body());
            }
            note(request);
            boolean forbidden = createForbidden && isOperators(request);
            return forbidden
                    ? new MockResponse().setResponseCode(HttpURLConnection.HTTP_FORBIDDEN)
                    : super.handleCreate(request);
        }

        private MockResponse review(String body) {
            reviews.incrementAndGet();
            MockResponse refusal = refusal("/tokenreviews");
            if (refusal != null) {
                return refusal;
            }
            TokenReview review = Serialization.unmarshal(body, TokenReview.class);
            TokenReviewStatus status = tokens.getOrDefault(
                    review.getSpec().getToken(),
                    new TokenReviewStatusBuilder().withAuthenticated(false).build());
            review.setStatus(status);
            MockResponse answer = new MockResponse().setResponseCode(201).setBody(Serialization.asJson(review));
            Duration delay = reviewTime;
            return delay.isZero() ? answer : answer.setBodyDelay(delay.toMillis(), TimeUnit.MILLISECONDS);
        }

        @Override
        public MockResponse handleUpdate(RecordedRequest request) {
            note(request);
            return super.handleUpdate(request);
        }

        private void note(RecordedRequest request) {
            if (isOperators(request)) {
                writes.add(request.getMethod() + " " + request.getPath());
            }
        }

        private static boolean isOperators(RecordedRequest request) {
            return !"user".equals(request.getHeader("User-Agent"));
        }
    }

    /** How an operator reaches the server. */
    Config config(String agent) {
        return config(agent, relay.port());
    }

    private static Config config(String agent, int port) {
        return new ConfigBuilder(Config.empty())
                .withMasterUrl("http://localhost:" + port)
                .withTrustCerts(true)
                .withWatchReconnectInterval(50)
                .withRequestRetryBackoffLimit(0)
                // The upgrade to HTTP/2 without TLS is a matter of the mock only; on busy cores it stands still now and
                // then.
                .withHttp2Disable(true)
                .withRequestTimeout(30_000)
                .withUserAgent(agent)
                .build();
    }

    String url() {
        return "http://localhost:" + relay.port();
    }

    private KubernetesClient open() {
        return TolerantClients.open(config("user", server.getPort()));
    }

    /** A client as the operator opens it. */
    KubernetesClient operatorClient() {
        return TolerantClients.open(config("holdfast-operator"));
    }

    /** A client as a person has it. */
    KubernetesClient user() {
        return user;
    }

    /** Creates or replaces every document. */
    void apply(String yaml) {
        for (String document : yaml.split("(?m)^---\\s*$")) {
            if (document.isBlank()) {
                continue;
            }
            GenericKubernetesResource object = Serialization.unmarshal(document, GenericKubernetesResource.class);
            apply(object);
        }
    }

    /** Like kubectl apply, again after somebody else wrote in between. */
    private void apply(GenericKubernetesResource object) {
        var resource = user.resource(object);
        while (true) {
            var existing = resource.get();
            if (existing == null) {
                resource.create();
                return;
            }
            // The mock wipes a status that a replacement does not repeat.
            Object status = existing.getAdditionalProperties().get("status");
            if (status != null) {
                object.setAdditionalProperty("status", status);
            }
            object.getMetadata().setResourceVersion(null);
            try {
                resource.update();
                return;
            } catch (KubernetesClientException e) {
                if (e.getCode() != HttpURLConnection.HTTP_CONFLICT) {
                    throw e;
                }
            }
        }
    }

    /** The writes of operators so far, {@code METHOD path}. */
    List<String> writes() {
        return List.copyOf(writes);
    }

    /** The writes whose path contains {@code part}. */
    List<String> writes(String part) {
        return writes.stream().filter(write -> write.contains(part)).toList();
    }

    /** Lets a token be the one of a pod of this user, {@code system:serviceaccount:NAMESPACE:NAME}. */
    void admit(String token, String user, String pod) {
        tokens.put(
                token,
                new TokenReviewStatusBuilder()
                        .withAuthenticated(true)
                        .withAudiences(Tokens.AUDIENCE)
                        .withNewUser()
                        .withUsername(user)
                        .addToExtra("authentication.kubernetes.io/pod-name", List.of(pod))
                        .addToExtra("authentication.kubernetes.io/pod-uid", List.of("uid-of-" + pod))
                        .endUser()
                        .build());
    }

    /** Takes a token for none from now on, as when its pod is gone. */
    void dismiss(String token) {
        tokens.remove(token);
    }

    /** How many tokens were reviewed. */
    int reviews() {
        return reviews.get();
    }

    /** Takes this long for every TokenReview from now on. */
    void slowReviews(Duration each) {
        reviewTime = each;
    }

    /** Grants operators no {@code create} from now on, as the chart does for what it brings itself. */
    void forbidCreate() {
        createForbidden = true;
    }

    /** Answers every GET, and every TokenReview, whose path contains {@code part} with {@code status} from now on. */
    void refuse(String part, int status) {
        refused.put(part, status);
    }

    /** Answers them again. */
    void allow(String part) {
        refused.remove(part);
    }

    /** Takes the watches of one kind over, before an operator begins one. */
    WatchWire wire(String plural) {
        WatchWire taken = new WatchWire(plural);
        wire = taken;
        return taken;
    }

    /** The wire between operators and the server; a test's own requests do not pass it. */
    Relay relay() {
        return relay;
    }

    @Override
    public void close() {
        user.close();
        relay.close();
        WatchWire told = wire;
        if (told != null) {
            told.close();
        }
        Thread closer = Thread.ofPlatform().daemon().name("mock-close").start(this::destroy);
        try {
            closer.join(Duration.ofSeconds(2));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Takes ten seconds and fails now and then, for its own threads; the test has made its point by then. */
    private void destroy() {
        try {
            server.destroy();
        } catch (IllegalStateException e) {
            LOG.info("the mock API server closes late: {}", e.toString());
        }
    }

    private static CustomResourceDefinitionContext routes() {
        return new CustomResourceDefinitionContext.Builder()
                .withName("websocketroutes.holdfast.dev")
                .withGroup("holdfast.dev")
                .withVersion("v1alpha1")
                .withKind("WebSocketRoute")
                .withPlural("websocketroutes")
                .withScope("Namespaced")
                .withStatusSubresource(true)
                .build();
    }
}
