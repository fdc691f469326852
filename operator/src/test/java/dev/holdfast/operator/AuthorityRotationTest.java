package dev.holdfast.operator;

import static dev.holdfast.operator.ClusterFixture.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.channel.ChannelConfig;
import dev.holdfast.operator.channel.ChannelConfig.Authority;
import dev.holdfast.operator.channel.ChannelConfig.Lifetimes;
import dev.holdfast.operator.channel.ChannelConfig.Peers;
import dev.holdfast.operator.channel.SecureChannel;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Two replicas keep one CA, through its rotation and through mishaps. */
@Timeout(120)
class AuthorityRotationTest {
    private static final Duration DAY = Duration.ofDays(1);

    private final MockApi api = new MockApi();
    private final KubernetesClient one = api.operatorClient();
    private final KubernetesClient two = api.operatorClient();
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private volatile Instant now = Instant.now();

    @AfterEach
    void stop() {
        one.close();
        two.close();
        api.close();
    }

    @Test
    void aCertificateAuthorityIsPublishedBeforeItSignsAndStaysAWhileAfter() {
        try (SecureChannel first = start(one);
                SecureChannel second = start(two)) {
            // Given
            await("both are ready", () -> first.isReady() && second.isReady() && certificates() == 1);
            String old = secret("ca.crt");

            // When
            now = now.plus(DAY.multipliedBy(245));

            // Then
            await("the next is published", () -> certificates() == 2);
            assertThat(secret("ca.crt")).isEqualTo(old);
            String next = secret("next.crt");
            now = now.plus(DAY.plusHours(1));
            await("the next signs", () -> Objects.equals(secret("ca.crt"), next));
            assertThat(certificates()).isEqualTo(2);
            now = now.plus(DAY.multipliedBy(4));
            await("the old one is gone", () -> certificates() == 1);
            assertThat(api.writes("/secrets").stream().filter(write -> write.startsWith("PUT")))
                    .as("steps")
                    .hasSizeBetween(3, 6);
        }
    }

    @Test
    void aSecretThatIsDeletedComesBackWithTheSameKeys() {
        try (SecureChannel channel = start(one)) {
            // Given
            await("it is ready", () -> channel.isReady() && certificates() == 1);
            String key = secret("ca.key");

            // When
            api.user().secrets().inNamespace("default").withName("stream-ca").delete();
            api.user().configMaps().inNamespace("default").withName("stream-ca").delete();

            // Then
            await("both are back", () -> certificates() == 1 && secret("ca.key") != null);
            assertThat(secret("ca.key")).isEqualTo(key);
        }
    }

    @Test
    void objectsThatOthersBroughtEmptyAreFilledAndKeepTheirMarks() {
        // Given what a Helm release holds
        release("Secret");
        release("ConfigMap");

        // When
        try (SecureChannel channel = start(one)) {
            await("it is ready", () -> channel.isReady() && certificates() == 1);
            now = now.plus(DAY.multipliedBy(245));
            await("the next is published", () -> certificates() == 2);
        }

        // Then
        assertThat(List.<HasMetadata>of(
                        api.user()
                                .secrets()
                                .inNamespace("default")
                                .withName("stream-ca")
                                .get(),
                        api.user()
                                .configMaps()
                                .inNamespace("default")
                                .withName("stream-ca")
                                .get()))
                .allSatisfy(object -> {
                    assertThat(object.getMetadata().getLabels())
                            .containsExactly(Map.entry("app.kubernetes.io/managed-by", "Helm"));
                    assertThat(object.getMetadata().getAnnotations())
                            .containsEntry("meta.helm.sh/release-name", "edge");
                });
        assertThat(api.writes()).noneMatch(write -> write.startsWith("POST"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"Secret", "ConfigMap"})
    void whatIsDeletedAndOnlyOthersMayCreateIsToldOnceAndFilledWhenItIsBack(String kind) throws Exception {
        // Given what a Helm release holds, and grants
        release("Secret");
        release("ConfigMap");
        api.forbidCreate();
        try (ErrorLog log = new ErrorLog(SecureChannel.class);
                SecureChannel channel = start(one)) {
            await("it is kept", () -> channel.isReady() && kept() == 1);
            String key = secret("ca.key");
            api.user()
                    .resource(api.user()
                            .genericKubernetesResources("v1", kind)
                            .inNamespace("default")
                            .withName("stream-ca")
                            .get())
                    .delete();
            await("it is missed", () -> kept() == 0);
            await("it was tried again", () -> api.writes("POST").size() >= 3);

            // When
            release(kind);

            // Then
            await("it is kept again", () -> kept() == 1);
            assertThat(secret("ca.key")).isEqualTo(key);
            assertThat(certificates()).isEqualTo(1);
            assertThat(log.lines())
                    .singleElement()
                    .asString()
                    .contains(
                            "missing kind=" + kind + " object=default/stream-ca", "no right to create", "helm upgrade");
        }
    }

    @Test
    void aSecretOfSomethingElseIsLeftAlone() throws Exception {
        // Given
        api.apply("""
                apiVersion: v1
                kind: Secret
                metadata: {name: stream-ca, namespace: default}
                data: {other: c2VjcmV0}
                """);

        // When
        try (SecureChannel channel = start(one)) {
            Thread.sleep(1_000);

            // Then
            assertThat(channel.isReady()).isFalse();
            assertThat(api.writes()).isEmpty();
        }
    }

    /** What the chart brings: an object without data. */
    private void release(String kind) {
        api.apply("""
                apiVersion: v1
                kind: %s
                metadata:
                  name: stream-ca
                  namespace: default
                  labels: {app.kubernetes.io/managed-by: Helm}
                  annotations: {meta.helm.sh/release-name: edge}
                """.formatted(kind));
    }

    private double kept() {
        return registry.get("holdfast.operator.ca.kept").gauge().value();
    }

    private SecureChannel start(KubernetesClient client) {
        SecureChannel channel = new SecureChannel(
                new ChannelConfig(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        List.of("localhost"),
                        Peers.parse("edge/proxy", Peers.AUDIENCE),
                        new Authority(
                                "default",
                                "stream-ca",
                                "stream-ca",
                                new Lifetimes(DAY.multipliedBy(365), DAY, DAY, Duration.ofMillis(50)))),
                client,
                registry,
                () -> now);
        channel.start();
        return channel;
    }

    private int certificates() {
        ConfigMap map = api.user()
                .configMaps()
                .inNamespace("default")
                .withName("stream-ca")
                .get();
        return map == null || map.getData() == null
                ? 0
                : map.getData().getOrDefault("ca.crt", "").split("BEGIN CERTIFICATE", -1).length - 1;
    }

    private @Nullable String secret(String key) {
        Secret secret = api.user()
                .secrets()
                .inNamespace("default")
                .withName("stream-ca")
                .get();
        Map<String, String> data = secret == null ? Map.of() : secret.getData();
        return data.get(key);
    }
}
