package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.routetable.BackendTls;
import dev.holdfast.routetable.BackendTls.Verification;
import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.VirtualHost;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** TLS towards backends: who is believed, and what a cut connection means. */
@Timeout(60)
class BackendTlsTest {
    private static final String GET = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    private static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    private static final String ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    private static final String UPGRADE =
            "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    private static final X509Bundle CERTIFICATE = certificate("a.test");

    private interface Script {
        void answer(Socket tcp, SSLSocket tls) throws IOException;
    }

    private Rig rig;
    private ServerSocket backend;
    private SSLContext context;
    private volatile Script script = (tcp, tls) -> write(tls, OK);

    @BeforeEach
    void start() throws Exception {
        rig = Rig.start();
        backend = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        context = SSLContext.getInstance("TLS");
        context.init(CERTIFICATE.toKeyManagerFactory().getKeyManagers(), null, null);
        Thread.ofVirtual().start(() -> accept(backend, context));
    }

    @AfterEach
    void stop() throws IOException {
        rig.close();
        backend.close();
    }

    private static X509Bundle certificate(String name) {
        try {
            return new CertificateBuilder()
                    .ecp256()
                    .subject("CN=" + name)
                    .addSanDnsName(name)
                    .setIsCertificateAuthority(true)
                    .buildSelfSigned();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private void accept(ServerSocket server, SSLContext context) {
        while (!server.isClosed()) {
            try {
                Socket tcp = server.accept();
                Thread.ofVirtual().start(() -> serve(context, tcp));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void serve(SSLContext context, Socket tcp) {
        try (tcp;
                SSLSocket tls = (SSLSocket) context.getSocketFactory().createSocket(tcp, null, true)) {
            InputStream in = tls.getInputStream();
            ByteArrayOutputStream head = new ByteArrayOutputStream();
            while (!head.toString(StandardCharsets.ISO_8859_1).endsWith("\r\n\r\n")) {
                int octet = in.read();
                if (octet < 0) {
                    return;
                }
                head.write(octet);
            }
            script.answer(tcp, tls);
            in.readAllBytes();
        } catch (IOException e) {
            // The proxy did not trust us, as some stories want.
            return;
        }
    }

    private static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
        socket.getOutputStream().flush();
    }

    private void trust(Verification verification, @Nullable String ca, @Nullable String serverName) {
        rig.serve(
                List.of(new VirtualHost(
                        new HostPattern("a.test"), null, List.of(Rig.route(RouteAction.Forward.to("u"))))),
                new Upstream("u", "g", new BackendTls(verification, ca, serverName), Balancing.DEFAULT),
                backend.getLocalPort());
    }

    private String ask(String request) throws IOException {
        try (RawClient client = rig.client()) {
            return client.send(request).head();
        }
    }

    @Test
    void aCertificateOfTheGivenAuthorityAndNameIsTrusted() throws IOException {
        // When
        trust(Verification.VERIFY, CERTIFICATE.getCertificatePEM(), null);
        // Then
        assertThat(ask(GET)).startsWith("HTTP/1.1 200");
    }

    @Test
    void theNameToCheckMayBeGiven() throws IOException {
        // When
        trust(Verification.VERIFY, CERTIFICATE.getCertificatePEM(), "other.test");
        String wrong = ask(GET);
        trust(Verification.VERIFY, CERTIFICATE.getCertificatePEM(), "a.test");
        // Then
        assertThat(wrong).startsWith("HTTP/1.1 502");
        assertThat(ask(GET)).startsWith("HTTP/1.1 200");
    }

    @Test
    void anUnknownAuthorityIs502ForRequestsAndUpgrades() throws IOException {
        // When
        trust(Verification.VERIFY, null, null);
        String platform = ask(GET);
        trust(Verification.VERIFY, certificate("a.test").getCertificatePEM(), null);
        // Then
        assertThat(platform).startsWith("HTTP/1.1 502");
        assertThat(ask(GET)).startsWith("HTTP/1.1 502");
        assertThat(ask(UPGRADE)).startsWith("HTTP/1.1 502");
    }

    @Test
    void unreadableAuthoritiesCostOnlyTheirOwnRoute() throws IOException {
        // Given
        String unreadable = "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n";
        RouteTable table = RouteTable.of(
                List.of(
                        new VirtualHost(
                                new HostPattern("a.test"), null, List.of(Rig.route(RouteAction.Forward.to("u")))),
                        new VirtualHost(
                                new HostPattern("b.test"), null, List.of(Rig.route(RouteAction.Forward.to("v"))))),
                List.of(
                        new Upstream("u", "g", new BackendTls(Verification.SKIP, null, null), Balancing.DEFAULT),
                        new Upstream(
                                "v", "g", new BackendTls(Verification.VERIFY, unreadable, null), Balancing.DEFAULT)),
                List.of(new EndpointGroup(
                        "g", List.of(EndpointGroup.Endpoint.ready("127.0.0.1", backend.getLocalPort())))),
                List.of());
        // When
        rig.routes.swap(new TableVersion(1, "0".repeat(64)), table);
        // Then
        assertThat(ask(GET)).startsWith("HTTP/1.1 200");
        assertThat(ask(GET.replace("a.test", "b.test"))).startsWith("HTTP/1.1 502");
        assertThat(ask(UPGRADE.replace("a.test", "b.test"))).startsWith("HTTP/1.1 502");
    }

    @Test
    void verificationCanBeSkipped() throws IOException {
        // When
        trust(Verification.SKIP, null, "other.test");
        // Then
        assertThat(ask(GET)).startsWith("HTTP/1.1 200");
    }

    @ParameterizedTest
    @ValueSource(strings = {GET, UPGRADE})
    void anEndpointThatEndsTheHandshakeIsPassedOverAtOnceAndAllOfThemAre502(String request) throws IOException {
        // Given
        try (ServerSocket first = endingHandshakes();
                ServerSocket second = endingHandshakes()) {
            serve(Verification.SKIP, null, first.getLocalPort(), second.getLocalPort());
            // When
            String head = ask(request);
            // Then
            assertThat(head).startsWith("HTTP/1.1 502");
            assertThat(failures("tls")).isEqualTo(2);
            assertThat(failures("timeout")).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"a_b.test", "a..b", "a-.b"})
    void aNameThatTlsCannotSendIsNotSent(String host) throws IOException {
        // Given
        serve(Verification.SKIP, null, backend.getLocalPort());
        // When
        String head = ask(GET.replace("a.test", host));
        // Then
        assertThat(head).startsWith("HTTP/1.1 200");
    }

    @Test
    void aTrailingDotIsNoPartOfTheName() throws IOException {
        // Given
        serve(Verification.VERIFY, CERTIFICATE.getCertificatePEM(), backend.getLocalPort());
        // When
        String head = ask(GET.replace("a.test", "a.test."));
        // Then
        assertThat(head).startsWith("HTTP/1.1 200");
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET / HTTP/1.1\r\nHost: a_b.test\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"})
    void aNameThatNoCertificateCanHoldIsNoEndpointsFault(String request) throws IOException {
        // Given
        try (ServerSocket other = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            serve(Verification.VERIFY, CERTIFICATE.getCertificatePEM(), backend.getLocalPort(), other.getLocalPort());
            // When
            String head = ask(request);
            // Then
            assertThat(head).startsWith("HTTP/1.1 502");
            assertThat(failures("tls")).as("endpoints tried").isEqualTo(1);
        }
    }

    @Test
    void aNameThatTheCertificateIsNotForLetsNobodyAvoidTheEndpoints() throws Exception {
        // Given: one endpoint more than a request tries
        List<ServerSocket> servers = new ArrayList<>();
        Set<Integer> asked = ConcurrentHashMap.newKeySet();
        script = (tcp, tls) -> {
            asked.add(tcp.getLocalPort());
            write(tls, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        };
        try {
            for (int i = 0; i < 4; i++) {
                servers.add(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()));
                ServerSocket server = servers.getLast();
                Thread.ofVirtual().start(() -> accept(server, context));
            }
            serve(
                    Verification.VERIFY,
                    CERTIFICATE.getCertificatePEM(),
                    servers.stream().mapToInt(ServerSocket::getLocalPort).toArray());
            // When
            String head = ask(GET.replace("a.test", "b.test"));
            // Then
            assertThat(head).startsWith("HTTP/1.1 502");
            assertThat(failures("tls")).as("endpoints tried").isEqualTo(3);
            for (int i = 0; i < servers.size(); i++) {
                assertThat(ask(GET)).startsWith("HTTP/1.1 200");
            }
            assertThat(asked).as("endpoints in use").hasSize(servers.size());
        } finally {
            for (ServerSocket server : servers) {
                server.close();
            }
        }
    }

    @Test
    void aConnectionServesEveryHostOfTheNameThatItWasVerifiedFor() throws IOException {
        // Given
        AtomicInteger connections = new AtomicInteger();
        script = (tcp, tls) -> {
            connections.incrementAndGet();
            write(tls, OK);
            StringBuilder next = new StringBuilder();
            for (int octet = tls.getInputStream().read();
                    octet >= 0;
                    octet = tls.getInputStream().read()) {
                next.append((char) octet);
                if (next.toString().endsWith("\r\n\r\n")) {
                    write(tls, OK);
                }
            }
        };
        serve(Verification.VERIFY, CERTIFICATE.getCertificatePEM(), backend.getLocalPort());
        // When
        List<String> answers = new ArrayList<>();
        for (String host : List.of("a.test", "A.Test", "a.test:80", "a.tesT:8443")) {
            answers.add(ask(GET.replace("a.test", host)));
        }
        // Then
        assertThat(answers).allSatisfy(answer -> assertThat(answer).startsWith("HTTP/1.1 200"));
        assertThat(connections).hasValue(1);
    }

    /** Any host, with the name that the client asks for. */
    private void serve(Verification verification, @Nullable String ca, int... ports) {
        rig.serve(
                List.of(new VirtualHost(HostPattern.ANY, null, List.of(Rig.route(RouteAction.Forward.to("u"))))),
                new Upstream("u", "g", new BackendTls(verification, ca, null), Balancing.DEFAULT),
                ports);
    }

    private double failures(String reason) {
        return rig.meters.find("holdfast.backend.connect.failures").tag("reason", reason).counters().stream()
                .mapToDouble(counter -> counter.count())
                .sum();
    }

    /** Reads each ClientHello and ends the stream without a word: a FIN, no alert and no reset. */
    private static ServerSocket endingHandshakes() throws IOException {
        ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread.ofVirtual().start(() -> {
            while (!server.isClosed()) {
                try (Socket tcp = server.accept()) {
                    InputStream in = tcp.getInputStream();
                    byte[] head = in.readNBytes(5);
                    in.readNBytes((head[3] & 0xff) << 8 | head[4] & 0xff);
                    tcp.shutdownOutput();
                    in.readAllBytes();
                } catch (IOException e) {
                    // The story is over, or the proxy was quicker.
                    continue;
                }
            }
        });
        return server;
    }

    @Test
    void aTunnelToAVerifiedBackendOpens() throws IOException {
        // Given
        script = (tcp, tls) -> write(
                tls,
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        + "Sec-WebSocket-Accept: " + ACCEPT + "\r\n\r\nearly");
        trust(Verification.VERIFY, CERTIFICATE.getCertificatePEM(), null);
        try (RawClient client = rig.client()) {
            // When
            String head = client.send(UPGRADE).head();
            // Then
            assertThat(head).startsWith("HTTP/1.1 101");
            assertThat(client.socket.getInputStream().readNBytes(5)).asString().isEqualTo("early");
        }
    }

    @Test
    void aBodyThatEndsWithoutCloseNotifyIsNeverComplete() throws IOException {
        // Given
        trust(Verification.SKIP, null, null);
        for (boolean orderly : new boolean[] {true, false}) {
            script = (tcp, tls) -> {
                write(tls, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil close");
                if (orderly) {
                    tls.close();
                } else {
                    tcp.close();
                }
            };
            try (RawClient client = rig.client()) {
                // When
                String answer;
                try {
                    answer = client.send(GET).answer();
                } catch (IOException reset) {
                    answer = "<cut>";
                }
                // Then
                if (orderly) {
                    assertThat(answer).contains("until close").endsWith("\r\n0\r\n\r\n");
                } else {
                    assertThat(answer).endsWith("<cut>");
                }
            }
        }
    }
}
