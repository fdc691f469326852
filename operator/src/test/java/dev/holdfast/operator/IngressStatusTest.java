package dev.holdfast.operator;

import static dev.holdfast.operator.ClusterFixture.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.STRING;

import dev.holdfast.operator.watch.StatusConfig;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.networking.v1.IngressLoadBalancerIngress;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Addresses and Events of Ingresses as their owners read them. */
@Timeout(120)
class IngressStatusTest {
    private static final String ADDRESSES = "dev.holdfast.operator.watch.AddressSource";

    private final ClusterFixture cluster = new ClusterFixture();

    @AfterEach
    void stop() throws Exception {
        cluster.close();
    }

    @Test
    void anIngressShowsTheAddressesOfThePublishedService() throws Exception {
        // Given an operator that publishes a Service without an address, in an API server without server-side apply
        cluster.api().apply(ClusterFixture.CLASS + "---\n" + ClusterFixture.ingress("chat", "a.example.com", "chat"));
        cluster.operator(
                new StatusConfig(
                        "default/edge",
                        List.of(),
                        StatusConfig.Patch.JSON_PATCH,
                        Duration.ofMillis(20),
                        Duration.ofMillis(500)),
                null);

        // When the Service gets one
        cluster.api()
                .apply(ClusterFixture.service("edge").replace("spec:", "spec:\n  type: LoadBalancer")
                        + "status: {loadBalancer: {ingress: [{ip: 203.0.113.9}, {hostname: edge.example.com}]}}\n");

        // Then the Ingress shows it
        await("the addresses are there", () -> addresses("chat").equals(List.of("203.0.113.9", "edge.example.com")));
    }

    @Test
    void aProblemIsToldOnceAndItsEndToo() throws Exception {
        // Given an Ingress whose Service is missing, told by an operator
        cluster.api().apply(ClusterFixture.CLASS + "---\n" + ClusterFixture.ingress("chat", "a.example.com", "chat"));
        cluster.operator();
        await("the owner is told", () -> events().size() == 1);
        Event told = events().getFirst();

        // When a second operator starts as leader, and the Service appears
        cluster.operator();
        Thread.sleep(500);
        List<Event> afterRestart = events();
        cluster.api().apply(ClusterFixture.service("chat") + "---\n" + ClusterFixture.slice("chat", "10.0.0.1"));

        // Then the second one told nothing twice, and the end is told
        assertThat(told.getReason()).isEqualTo("BackendNotFound");
        assertThat(told.getType()).isEqualTo("Warning");
        assertThat(told.getMessage()).contains("spec.rules[0]").hasSizeLessThanOrEqualTo(1_024);
        assertThat(told.getInvolvedObject().getName()).isEqualTo("chat");
        assertThat(afterRestart).hasSize(1);
        await("the end is told", () -> events().stream().anyMatch(event -> "Resolved".equals(event.getReason())));
    }

    @Test
    void anErrorIsToldBeforeTheWarningsBesideIt() throws Exception {
        // Given an Ingress with more warnings than are told at a time, and an annotation that makes it answer 503
        StringBuilder annotations = new StringBuilder("metadata:\n  annotations:\n");
        for (String ignored : List.of(
                "app-root",
                "custom-http-errors",
                "enable-rewrite-log",
                "limit-rate",
                "limit-rps",
                "mirror-host",
                "permanent-redirect",
                "proxy-body-size",
                "server-alias",
                "temporal-redirect")) {
            annotations
                    .append("    nginx.ingress.kubernetes.io/")
                    .append(ignored)
                    .append(": \"1\"\n");
        }
        annotations.append("    nginx.ingress.kubernetes.io/auth-url: \"https://auth.example.com\"\n");
        annotations.append("  name: chat\n  namespace: default");
        cluster.api()
                .apply(ClusterFixture.CLASS + "---\n" + ClusterFixture.service("chat") + "---\n"
                        + ClusterFixture.slice("chat", "10.0.0.1") + "---\n"
                        + ClusterFixture.ingress("chat", "a.example.com", "chat")
                                .replace("metadata: {name: chat, namespace: default}", annotations));

        // When an operator starts
        cluster.operator();

        // Then
        await("eight are told", () -> events().size() == 8);
        assertThat(events()).extracting(Event::getReason).contains("AnnotationRefused");
    }

    @Test
    void aPublishedServiceThatIsNotThereIsToldAndShowsNoAddress() throws Exception {
        // Given an Ingress that shows the address of a Service which went while no operator ran
        cluster.api()
                .apply(ClusterFixture.CLASS + "---\n" + ClusterFixture.ingress("chat", "a.example.com", "chat")
                        + "status: {loadBalancer: {ingress: [{ip: 203.0.113.9}]}}\n");
        assertThat(addresses("chat")).containsExactly("203.0.113.9");

        // When an operator starts that publishes it
        try (HeardLog log = new HeardLog(ADDRESSES)) {
            cluster.operator(publishing("default/edge"), null);

            // Then the address goes, and the log says what to do
            await("no address is shown", () -> addresses("chat").isEmpty());
            assertThat(log.lines())
                    .singleElement(STRING)
                    .contains("WARN", "--publish-service", "default/edge", "create");
        }
    }

    @Test
    void aPublishedServiceThatMayNotBeReadIsToldOnceAndChangesNothing() throws Exception {
        // Given an Ingress that shows an address, and a Service that the operator may not read
        cluster.api()
                .apply(ClusterFixture.CLASS + "---\n" + ClusterFixture.ingress("chat", "a.example.com", "chat")
                        + "status: {loadBalancer: {ingress: [{ip: 203.0.113.9}]}}\n");
        cluster.api().refuse("/namespaces/default/services", 403);

        // When an operator starts that publishes it, and tries again and again
        try (HeardLog log = new HeardLog(ADDRESSES)) {
            cluster.operator(publishing("default/edge"), null);
            await("it is told", () -> !log.lines().isEmpty());
            Thread.sleep(2_000);

            // Then it is told once, and the address stays
            assertThat(log.lines()).singleElement(STRING).contains("--publish-service", "default/edge", "403", "grant");
            assertThat(addresses("chat")).containsExactly("203.0.113.9");
        }
    }

    private static StatusConfig publishing(String service) {
        return new StatusConfig(
                service,
                List.of(),
                StatusConfig.Patch.SERVER_SIDE_APPLY,
                Duration.ofMillis(20),
                Duration.ofMillis(500));
    }

    private List<Event> events() {
        return cluster.api().user().v1().events().inNamespace("default").list().getItems();
    }

    private List<String> addresses(String ingress) {
        var found = cluster.api()
                .user()
                .network()
                .v1()
                .ingresses()
                .inNamespace("default")
                .withName(ingress)
                .get();
        return found.getStatus() == null || found.getStatus().getLoadBalancer() == null
                ? List.of()
                : found.getStatus().getLoadBalancer().getIngress().stream()
                        .map(IngressStatusTest::text)
                        .toList();
    }

    private static String text(IngressLoadBalancerIngress address) {
        return address.getIp() == null ? address.getHostname() : address.getIp();
    }
}
