package dev.holdfast.dataplane.proxy.tunnel;

import static dev.holdfast.dataplane.proxy.tunnel.ScriptedBackend.switching;
import static dev.holdfast.dataplane.proxy.tunnel.TestFront.REQUEST;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.proxy.upstream.BackendTlsHandlers;
import dev.holdfast.routetable.BackendTls;
import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.EndpointGroup.Endpoint;
import dev.holdfast.routetable.Upstream;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A tunnel with TLS on both sides, over real sockets. */
class TlsTunnelTest {
    private static final X509Bundle CERTIFICATE = certificate();

    private SSLContext jdk = jdkContext();
    private SslContext serverTls = nettyServer();
    private SslContext clientTls = nettyClient();
    private TestFront front = front();
    private ServerSocket backend = backend();

    private record Ends(Wire client, Wire server) {}

    @BeforeEach
    void routeToBackend() {
        route(backend.getLocalPort());
    }

    @AfterEach
    void stop() throws IOException {
        front.close();
        backend.close();
        io.netty.util.ReferenceCountUtil.release(serverTls);
        io.netty.util.ReferenceCountUtil.release(clientTls);
    }

    private void route(int port) {
        Upstream upstream = new Upstream(
                "up", "group", new BackendTls(BackendTls.Verification.SKIP, null, null), Balancing.DEFAULT);
        front.route(TestFront.TIMEOUTS, upstream, List.of(Endpoint.ready("127.0.0.1", port)));
    }

    private Ends open() throws Exception {
        Wire client = new Wire(jdk.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), front.port()));
        client.send(REQUEST);
        Wire server = new Wire(backend.accept());
        server.send(switching(server.head()));
        client.head();
        return new Ends(client, server);
    }

    @Test
    void bytesPassBothWaysAndOnlyTlsAndRelayRemain() throws Exception {
        // Given
        Ends ends = open();
        byte[] big = new byte[2_000_000];
        new Random(3).nextBytes(big);
        // When
        Thread sender = Thread.ofVirtual().start(() -> ends.server().send(big));
        // Then
        assertThat(ends.client().read(big.length)).isEqualTo(big);
        sender.join();
        ends.client().send(Frames.maskedText("up"));
        assertThat(ends.server().read(8)).isEqualTo(Frames.maskedText("up"));
        assertThat(front.clients.element().pipeline().toMap().values())
                .satisfiesExactly(
                        ssl -> assertThat(ssl).isInstanceOf(SslHandler.class),
                        relay -> assertThat(relay).isInstanceOf(RelayHandler.class));
        ends.client().close();
        ends.server().close();
        await().untilAsserted(() -> assertThat(front.closed).hasSize(1));
    }

    @Test
    void theEndOfTheBackendsStreamReachesTheClientBehindItsBytes() throws Exception {
        // Given
        Ends ends = open();
        byte[] big = new byte[3_000_000];
        // When
        Thread sender = Thread.ofVirtual().start(() -> ends.server().send(big).close());
        // Then
        assertThat(ends.client().readToEnd()).hasSize(big.length);
        sender.join();
        ends.client().close();
        await().untilAsserted(() -> assertThat(front.closed).hasSize(1));
    }

    @Test
    void theEndOfAStreamIsTheEndOfItsTcpToo() throws Exception {
        // Given a half-closed tunnel that no timeout cuts while this looks
        front.close();
        front = front(Duration.ofMinutes(10));
        routeToBackend();
        Socket tcp = new Socket(InetAddress.getLoopbackAddress(), front.port());
        tcp.setSoTimeout(Wire.WAIT_MILLIS);
        Wire client = new Wire(jdk.getSocketFactory().createSocket(tcp, "localhost", front.port(), true));
        client.send(REQUEST);
        Wire server = new Wire(backend.accept());
        server.send(switching(server.head()));
        client.head();
        // When
        server.close();
        // Then a client that waits for the server to close the TCP connection (RFC 6455 §7.1.1) need not wait for a
        // timeout
        assertThat(client.readToEnd()).isEmpty();
        assertThat(tcp.getInputStream().read()).isEqualTo(-1);
        client.close();
        await().untilAsserted(() -> assertThat(front.closed).hasSize(1));
    }

    @Test
    void theEndOfTheClientsStreamReachesTheBackendBehindItsBytes() throws Exception {
        // Given
        Ends ends = open();
        // When
        ends.client().send(Frames.maskedText("last")).close();
        // Then
        assertThat(ends.server().readToEnd()).isEqualTo(Frames.maskedText("last"));
        ends.server().close();
        await().untilAsserted(() -> assertThat(front.closed).hasSize(1));
    }

    @Test
    void aResetUnderTlsReachesTheBackendAsNoOrderlyEnd() throws Exception {
        // Given
        Socket tcp = new Socket(InetAddress.getLoopbackAddress(), front.port());
        Wire client = new Wire(jdk.getSocketFactory().createSocket(tcp, "localhost", front.port(), true));
        client.send(REQUEST);
        Wire server = new Wire(backend.accept());
        server.send(switching(server.head()));
        client.head();
        // When
        tcp.setSoLinger(true, 0);
        tcp.close();
        // Then
        assertThatThrownBy(server::readOne).isInstanceOf(IOException.class);
        await().untilAsserted(() -> assertThat(front.closed).hasSize(1));
        assertThat(front.closed.element().reason()).isEqualTo(TunnelEnd.Reason.RESET);
        server.close();
    }

    @Test
    void aDrainSaysCloseOverTls() throws Exception {
        // Given
        Ends ends = open();
        CloseFrame word = new CloseFrame(1001, "bye");
        // When
        Drain drain = front.registry.drain(Duration.ofSeconds(4), word, () -> 0);
        // Then
        assertThat(ends.client().read(7)).startsWith(0x88, 5, 1001 >>> 8, 1001 & 0xff);
        ends.client().send(Frames.maskedClose(1001));
        assertThat(ends.client().readToEnd()).isEmpty();
        assertThat(ends.server().read(8)).isEqualTo(Frames.maskedClose(1001));
        ends.client().close();
        ends.server().close();
        assertThat(drain.result().toCompletableFuture().get(10, TimeUnit.SECONDS))
                .isEqualTo(new DrainResult(1, 0));
    }

    @Test
    void aClientThatPausesInADrainStillHearsTheCloseOverTls() throws Exception {
        // Given
        Ends ends = open();
        byte[] flood = front.flood(ends.server());
        CloseFrame word = new CloseFrame(1001, "bye");
        Drain drain = front.registry.drain(Duration.ofSeconds(20), word, () -> 0);
        // When
        front.tell(word);
        Thread.sleep(2_500);
        // Then
        byte[] read = ends.client().readToEnd();
        int frames = read.length - 7;
        assertThat(frames).isBetween(1, flood.length);
        assertThat(Arrays.copyOf(read, frames)).isEqualTo(Arrays.copyOf(flood, frames));
        assertThat(Arrays.copyOfRange(read, frames, read.length)).startsWith(0x88, 5, 1001 >>> 8, 1001 & 0xff);
        ends.client().close();
        ends.server().close();
        assertThat(drain.result().toCompletableFuture().get(10, TimeUnit.SECONDS))
                .isEqualTo(new DrainResult(1, 0));
    }

    @Test
    void aBackendThatSpeaksNoTlsIsA502() throws Exception {
        // Given
        try (ScriptedBackend plain = new ScriptedBackend()) {
            route(plain.port());
            Wire client = new Wire(jdk.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), front.port()));
            // When
            client.send(REQUEST);
            // Then
            plain.accept().send("HTTP/1.1 400 Bad Request\r\n\r\n").close();
            assertThat(client.head()).startsWith("HTTP/1.1 502 ");
            assertThat(front.counter("holdfast.backend.connect.failures", "reason", "tls"))
                    .isEqualTo(1);
            client.close();
        }
    }

    @Test
    void aBackendThatStallsItsTlsHandshakeIsA504() throws Exception {
        // Given
        try (ScriptedBackend plain = new ScriptedBackend()) {
            route(plain.port());
            Wire client = new Wire(jdk.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), front.port()));
            // When
            client.send(REQUEST);
            // Then
            assertThat(client.head()).startsWith("HTTP/1.1 504 ");
            client.close();
        }
    }

    private TestFront front() {
        return front(Duration.ofSeconds(2));
    }

    private TestFront front(Duration halfClosedTimeout) {
        BackendTlsHandlers tls =
                (upstream, host, peer, alloc) -> clientTls.newHandler(alloc, "localhost", peer.getPort());
        return new TestFront(
                Relaying.DIRECT.of(new TunnelSettings(Duration.ofMillis(600), halfClosedTimeout, null)),
                tls,
                serverTls);
    }

    private ServerSocket backend() {
        try {
            ServerSocket socket =
                    jdk.getServerSocketFactory().createServerSocket(0, 16, InetAddress.getLoopbackAddress());
            socket.setSoTimeout(Wire.WAIT_MILLIS);
            return socket;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static X509Bundle certificate() {
        try {
            return new CertificateBuilder()
                    .ecp256()
                    .subject("CN=localhost")
                    .addSanDnsName("localhost")
                    .setIsCertificateAuthority(true)
                    .buildSelfSigned();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static SSLContext jdkContext() {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(
                    CERTIFICATE.toKeyManagerFactory().getKeyManagers(),
                    InsecureTrustManagerFactory.INSTANCE.getTrustManagers(),
                    null);
            return context;
        } catch (java.security.GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static SslContext nettyServer() {
        try {
            return SslContextBuilder.forServer(CERTIFICATE.getKeyPair().getPrivate(), CERTIFICATE.getCertificatePath())
                    .sslProvider(SslProvider.OPENSSL_REFCNT)
                    .build();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static SslContext nettyClient() {
        try {
            return SslContextBuilder.forClient()
                    .trustManager(InsecureTrustManagerFactory.INSTANCE)
                    .sslProvider(SslProvider.JDK)
                    .build();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
