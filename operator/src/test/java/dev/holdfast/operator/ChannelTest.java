package dev.holdfast.operator;

import static dev.holdfast.operator.ClusterFixture.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.channel.ChannelConfig;
import dev.holdfast.operator.channel.ChannelConfig.Authority;
import dev.holdfast.operator.channel.ChannelConfig.Lifetimes;
import dev.holdfast.operator.channel.ChannelConfig.Peers;
import dev.holdfast.operator.compile.CompileOptions;
import dev.holdfast.operator.publish.StreamServerConfig;
import dev.holdfast.operator.watch.WatchConfig;
import dev.holdfast.routetable.update.ApplyOutcome;
import io.fabric8.kubernetes.api.model.ConfigMap;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The table stream as it leaves the machine: by TLS, to data planes and nobody else. */
@Timeout(180)
class ChannelTest {
    private static final String HOST = "a.example.com";

    private final ClusterFixture cluster = new ClusterFixture();

    @BeforeEach
    void ingress() {
        cluster.api()
                .apply(ClusterFixture.CLASS + "---\n" + ClusterFixture.service("chat") + "---\n"
                        + ClusterFixture.slice("chat", "10.0.0.1") + "---\n"
                        + ClusterFixture.ingress("chat", HOST, "chat"));
    }

    @AfterEach
    void stop() throws Exception {
        cluster.close();
    }

    @Test
    void aDataPlaneIsServedByTlsAndKnownByItsToken() throws Exception {
        // Given
        ClusterOperator operator = operator();

        // When
        StreamReader dataPlane = cluster.dataPlane(operator, "dp-1", shown(admitted("dp-1")));

        // Then
        await("it is served", () -> dataPlane.serves(HOST));
        assertThat(dataPlane.report(new ApplyOutcome.Applied())).isEqualTo(204);
        assertThat(cluster.api().reviews()).as("one review serves a minute").isEqualTo(1);
        assertThat(operator.operator().reports().states())
                .singleElement()
                .satisfies(state -> assertThat(state.name()).isEqualTo("dp-1"));
    }

    @Test
    void withoutAValidIdentityEveryMethodAndPathAnswersNothing() throws Exception {
        // Given
        URI operator = operator().streamUri();
        SSLContext trust = trust();
        String foreignAccount = Tokens.token();
        cluster.api().admit(foreignAccount, "system:serviceaccount:tenant:default", "dp-1");
        String foreignAudience = Tokens.token("https://kubernetes.default.svc", Duration.ofHours(1));
        cluster.api().admit(foreignAudience, Tokens.USER, "dp-1");
        String expired = Tokens.token(Tokens.AUDIENCE, Duration.ofMinutes(-1));
        cluster.api().admit(expired, Tokens.USER, "dp-1");
        Map<String, @Nullable String> identities = new LinkedHashMap<>();
        identities.put("no", null);
        identities.put("basic", "Basic aG9sZGZhc3Q6aG9sZGZhc3Q=");
        identities.put("empty", "Bearer ");
        identities.put("wrong", "Bearer " + Tokens.token());
        identities.put("no JWT", "Bearer secret");
        identities.put("huge", "Bearer " + "x".repeat(20_000));
        identities.put("expired", "Bearer " + expired);
        identities.put("foreign audience", "Bearer " + foreignAudience);
        identities.put("foreign ServiceAccount", "Bearer " + foreignAccount);
        int requests = 0;

        // When
        List<String> served = new ArrayList<>();
        for (Map.Entry<String, @Nullable String> identity : identities.entrySet()) {
            for (String method : List.of("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE")) {
                for (String path :
                        List.of("/v1/tables", "/v1/reports", "/", "/metrics", "/v1/%74ables", "/v2/tables")) {
                    String answer = exchange(trust, operator, method + " " + path, identity.getValue());
                    requests++;
                    boolean denied = answer.startsWith("HTTP/1.1 401 ") || answer.startsWith("HTTP/1.1 403 ");
                    if (!denied || !answer.endsWith("\r\n\r\n")) {
                        served.add(identity.getKey() + ": " + method + " " + path + " -> " + answer);
                    }
                }
            }
        }

        // Then
        System.out.printf(
                "figure: R38 identities %d, requests %d, answered with anything but an empty 401 or 403: %d%n",
                identities.size(), requests, served.size());
        assertThat(served).isEmpty();
    }

    @Test
    void anIdentityIsThatOfItsPodOnly() throws Exception {
        // Given
        ClusterOperator operator = operator();
        Tokens.Shown shown = shown(admitted("dp-1"));

        // When
        StreamReader other = cluster.dataPlane(operator, "dp-2", shown);
        StreamReader own = cluster.dataPlane(operator, "dp-1", shown);

        // Then
        assertThat(other.status()).isEqualTo(403);
        await("its own stream is served", () -> own.serves(HOST));
        assertThat(operator.operator().reports().states()).extracting("name").containsExactly("dp-1");
    }

    @Test
    void whoWasKnownStaysKnownWhileTheApiServerIsAway() throws Exception {
        // Given
        ClusterOperator operator = operator();
        Tokens.Shown known = shown(admitted("dp-1"));
        Tokens.Shown unknown = shown(admitted("dp-2"));
        StreamReader dataPlane = cluster.dataPlane(operator, "dp-1", known);
        await("it is served", () -> dataPlane.serves(HOST));

        // When
        cluster.api().relay().cut();

        // Then
        StreamReader again = cluster.dataPlane(operator, "dp-1", known);
        await("it is served again", () -> again.serves(HOST));
        assertThat(cluster.dataPlane(operator, "dp-2", unknown).status()).isEqualTo(503);
        assertThat(dataPlane.hasEnded()).isFalse();
    }

    @Test
    void aStreamEndsWithItsTokenUnlessReportsBringAnother() throws Exception {
        // Given
        ClusterOperator operator = operator();
        String brief = Tokens.token(Tokens.AUDIENCE, Duration.ofSeconds(5));
        cluster.api().admit(brief, Tokens.USER, "dp-1");
        String other = Tokens.token(Tokens.AUDIENCE, Duration.ofSeconds(5));
        cluster.api().admit(other, Tokens.USER, "dp-2");
        StreamReader silent = cluster.dataPlane(operator, "dp-1", shown(brief));
        StreamReader renewing = cluster.dataPlane(operator, "dp-2", shown(other));
        await("both are served", () -> silent.serves(HOST) && renewing.serves(HOST));

        // When
        renewing.show(admitted("dp-2"));
        assertThat(renewing.report(new ApplyOutcome.Applied())).isEqualTo(204);

        // Then
        await("the silent one is ended", silent::hasEnded);
        assertThat(renewing.hasEnded()).isFalse();
    }

    @Test
    void replicasThatStartTogetherShareOneAuthority() throws Exception {
        // Given
        List<ClusterOperator> replicas = new ArrayList<>();
        List<Thread> starts = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            starts.add(Thread.startVirtualThread(() -> {
                try {
                    ClusterOperator replica = cluster.prepare(config());
                    synchronized (replicas) {
                        replicas.add(replica);
                    }
                    replica.start();
                } catch (IOException | InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }));
        }
        for (Thread start : starts) {
            start.join();
        }
        await("all are ready", () -> replicas.stream().allMatch(ClusterOperator::isReady));

        // When
        SSLContext trust = trust();
        String token = admitted("dp-1");

        // Then
        assertThat(replicas).hasSize(3);
        for (ClusterOperator replica : replicas) {
            StreamReader reader = cluster.dataPlane(replica, "dp-1", new Tokens.Shown(token, trust));
            await("it is served", () -> reader.serves(HOST));
        }
        assertThat(cluster.api().writes("/secrets"))
                .filteredOn(write -> write.startsWith("PUT"))
                .isEmpty();
    }

    /** Behind the end of the head there must be nothing: the answer is returned whole. */
    private static String exchange(SSLContext trust, URI operator, String request, @Nullable String authorization)
            throws IOException {
        try (SSLSocket socket = (SSLSocket) trust.getSocketFactory().createSocket("localhost", operator.getPort())) {
            socket.setSoTimeout(20_000);
            String head = request + " HTTP/1.1\r\nHost: operator\r\nHoldfast-Data-Plane: dp-1\r\n"
                    + (authorization == null ? "" : "Authorization: " + authorization + "\r\n") + "\r\n";
            socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        }
    }

    private ClusterOperator operator() throws IOException, InterruptedException {
        ClusterOperator operator = cluster.operator(config());
        await("it is ready", operator::isReady);
        return operator;
    }

    private static ClusterOperator.Config config() {
        InetSocketAddress listen = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        OperatorConfig defaults = OperatorConfig.of(CompileOptions.DEFAULT, 0);
        return new ClusterOperator.Config(
                new OperatorConfig(
                        defaults.compile(),
                        new StreamServerConfig(listen, Duration.ofMillis(300), Duration.ofSeconds(30), 100),
                        defaults.pace()),
                WatchConfig.of(List.of()),
                null,
                null,
                new ChannelConfig(
                        listen,
                        List.of("localhost"),
                        Peers.parse("edge/proxy", Peers.AUDIENCE),
                        new Authority("default", "stream-ca", "stream-ca", Lifetimes.DEFAULT)));
    }

    private String admitted(String pod) {
        String token = Tokens.token();
        cluster.api().admit(token, Tokens.USER, pod);
        return token;
    }

    private Tokens.Shown shown(String token) throws GeneralSecurityException, IOException {
        return new Tokens.Shown(token, trust());
    }

    private SSLContext trust() throws GeneralSecurityException, IOException {
        await("the bundle is published", () -> bundle() != null);
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        String pem = Objects.requireNonNull(bundle());
        int count = 0;
        for (Certificate certificate : CertificateFactory.getInstance("X.509")
                .generateCertificates(new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)))) {
            store.setCertificateEntry("ca-" + count++, certificate);
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(store);
        SSLContext context = SSLContext.getInstance("TLSv1.3");
        context.init(null, factory.getTrustManagers(), null);
        return context;
    }

    private @Nullable String bundle() {
        ConfigMap map = cluster.api()
                .user()
                .configMaps()
                .inNamespace("default")
                .withName("stream-ca")
                .get();
        return map == null ? null : map.getData().get("ca.crt");
    }
}
