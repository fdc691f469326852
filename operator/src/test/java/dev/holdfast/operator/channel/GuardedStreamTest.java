package dev.holdfast.operator.channel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.operator.publish.ApplyReports;
import dev.holdfast.operator.publish.DataPlaneState;
import dev.holdfast.operator.publish.PeerVerdict;
import dev.holdfast.operator.publish.RouteStreamServer;
import dev.holdfast.operator.publish.StreamGuard;
import dev.holdfast.operator.publish.StreamServerConfig;
import dev.holdfast.operator.publish.TablePublisher;
import dev.holdfast.operator.publish.Tables;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What TLS must not change: a reader that does not read, or never says hello, holds up nobody. */
@Timeout(120)
class GuardedStreamTest {
    private static final Duration KEEP_ALIVE = Duration.ofMillis(100);

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final TablePublisher publisher = new TablePublisher(registry);
    private final ApplyReports reports = new ApplyReports();
    private final KeyedCertificate authority = KeyedCertificate.authority(Instant.now(), Duration.ofDays(1));
    private final LeafKeys leaf = new LeafKeys(List.of("localhost"), Duration.ofHours(1));
    private final Map<String, PeerVerdict> judgements = new ConcurrentHashMap<>();
    private final AtomicInteger refusalsLeft = new AtomicInteger();
    private RouteStreamServer server;

    @BeforeEach
    void start() throws IOException {
        InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        StreamGuard guard = new StreamGuard(leaf.context(), this::judge, InstantSource.system());
        server = new RouteStreamServer(
                new StreamServerConfig(anyPort, KEEP_ALIVE, Duration.ofMillis(500), 100).guarded(anyPort, guard),
                publisher,
                reports,
                registry);
        server.start();
    }

    /** The token is the name of the pod. */
    private PeerVerdict judge(String token) {
        if (refusalsLeft.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
            return new PeerVerdict.Unknown("the API server does not accept its token");
        }
        return judgements.getOrDefault(
                token, new PeerVerdict.Known(token, Instant.now().plus(Duration.ofHours(1))));
    }

    @AfterEach
    void stop() {
        server.close();
    }

    @Test
    void aReaderThatDoesNotReadHoldsUpNobodyAndIsCut() throws Exception {
        // Given
        leaf.renew(authority, Instant.now());
        try (SSLSocket stuck = open("stuck");
                SSLSocket other = open("other");
                Socket silent = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            await().until(() -> reports.states().size() == 2);

            // When
            Thread reading = Thread.startVirtualThread(() -> readAll(other));
            for (int port = 1; port <= 3; port++) {
                publisher.publish(Tables.large(60_000, port));
            }

            // Then
            await().atMost(Duration.ofSeconds(60))
                    .untilAsserted(() -> assertThat(following()).containsExactly("other"));
            assertThat(reading.isAlive()).isTrue();
            assertThat(silent.isConnected() && stuck.isConnected()).isTrue();
        }
    }

    @Test
    void beforeThereIsACertificateNobodyIsAnsweredAndAfterwardsEverybody() throws Exception {
        // Given
        SSLContext trust = trust();
        boolean early;
        try (SSLSocket socket = (SSLSocket) trust.getSocketFactory().createSocket("localhost", server.port())) {
            socket.setSoTimeout(20_000);
            socket.startHandshake();
            early = true;
        } catch (IOException e) {
            early = false;
        }

        // When
        leaf.renew(authority, Instant.now());

        // Then
        assertThat(early).isFalse();
        try (SSLSocket socket = open("dp-1")) {
            assertThat(socket.getSession().getProtocol()).isEqualTo("TLSv1.3");
            await().until(() -> reports.states().size() == 1);
        }
    }

    @Test
    void anOpenStreamEndsSoonAfterItsPodIsGoneAndNoOther() throws Exception {
        // Given
        leaf.renew(authority, Instant.now());
        try (SSLSocket stolen = open("dp-gone");
                SSLSocket other = open("dp-1")) {
            await().until(() -> following().size() == 2);

            // When
            judgements.put("dp-gone", new PeerVerdict.Unknown("the API server does not accept its token"));

            // Then
            await().atMost(Duration.ofSeconds(20)).until(() -> following().equals(List.of("dp-1")));
            await().during(KEEP_ALIVE.multipliedBy(5))
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> following().equals(List.of("dp-1")));
            assertThat(stolen.isConnected() && other.isConnected()).isTrue();
        }
    }

    @Test
    void anOpenStreamOutlivesOneRefusalThatIsTakenBack() throws Exception {
        // Given
        leaf.renew(authority, Instant.now());
        try (SSLSocket socket = open("dp-1")) {
            await().until(() -> following().size() == 1);

            // When
            refusalsLeft.set(1);

            // Then
            await().until(() -> refusalsLeft.get() == 0);
            await().during(KEEP_ALIVE.multipliedBy(10))
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> following().equals(List.of("dp-1")));
            assertThat(socket.isConnected()).isTrue();
        }
    }

    @Test
    void anOpenStreamGoesOnWhileNobodyCanJudgeItsToken() throws Exception {
        // Given
        leaf.renew(authority, Instant.now());
        try (SSLSocket socket = open("dp-1")) {
            await().until(() -> following().size() == 1);

            // When
            judgements.put("dp-1", new PeerVerdict.Undecided("the API server answers no TokenReview"));

            // Then
            await().during(KEEP_ALIVE.multipliedBy(10))
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> following().equals(List.of("dp-1")));
            assertThat(socket.isConnected()).isTrue();
        }
    }

    private List<String> following() {
        return reports.states().stream()
                .filter(state -> state.streams() > 0)
                .map(DataPlaneState::name)
                .toList();
    }

    private SSLSocket open(String pod) throws Exception {
        SSLSocket socket = (SSLSocket) trust().getSocketFactory().createSocket();
        socket.setReceiveBufferSize(4 << 10);
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port()));
        socket.getOutputStream()
                .write(("GET /v1/tables HTTP/1.1\r\nHost: localhost\r\nHoldfast-Data-Plane: " + pod
                                + "\r\nAuthorization: Bearer " + pod + "\r\n\r\n")
                        .getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    private static void readAll(Socket socket) {
        try {
            socket.getInputStream().transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            // The test is over.
        }
    }

    private SSLContext trust() throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setCertificateEntry("ca", authority.certificate());
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(store);
        SSLContext context = SSLContext.getInstance("TLSv1.3");
        context.init(null, factory.getTrustManagers(), null);
        return context;
    }
}
