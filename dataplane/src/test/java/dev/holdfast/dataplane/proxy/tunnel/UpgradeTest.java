package dev.holdfast.dataplane.proxy.tunnel;

import static dev.holdfast.dataplane.proxy.tunnel.ScriptedBackend.switching;
import static dev.holdfast.dataplane.proxy.tunnel.TestFront.REQUEST;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.conformance.Conformance;
import dev.holdfast.routetable.Timeouts;
import io.netty.channel.Channel;
import io.netty.handler.codec.http.DefaultHttpRequest;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The upgrade, W01 to W10 of the conformance duties, over real sockets. */
@ParameterizedClass
@EnumSource(Relaying.class)
class UpgradeTest {
    private final Relaying relaying;
    private final TestFront front;
    private final ScriptedBackend backend = new ScriptedBackend();

    UpgradeTest(Relaying relaying) {
        this.relaying = relaying;
        this.front = new TestFront(relaying);
    }

    @BeforeEach
    void routeToBackend() {
        front.route(backend.port());
    }

    @AfterEach
    void stop() {
        front.close();
        backend.close();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(ISO_8859_1);
    }

    @Test
    void outOfMemoryForTheRequestIsA503AndLeavesNothingBehind() {
        // Given
        front.heads =
                head -> new DefaultHttpRequest(head.protocolVersion(), head.method(), head.uri(), head.headers()) {
                    @Override
                    public String uri() {
                        throw new OutOfMemoryError("on purpose");
                    }
                };
        Wire client = front.client();
        // When
        client.send(REQUEST);
        // Then
        assertThat(client.head()).startsWith("HTTP/1.1 503 ");
        assertThat(backend.accept().readToEnd()).isEmpty();
        client.close();
        await().untilAsserted(() -> assertThat(front.registry.upgrading()).isZero());
    }

    @Test
    void theBackendSeesExactlyOneUpgradeToWebsocket() {
        // Given
        Wire client = front.client();
        // When
        client.send(REQUEST);
        // Then
        String head = backend.accept().head();
        assertThat(head).startsWith("GET /chat?x=1 HTTP/1.1\r\n").contains("Sec-WebSocket-Key: " + TestFront.KEY);
        assertThat(head.toLowerCase(Locale.ROOT))
                .containsOnlyOnce("connection: upgrade\r\n")
                .containsOnlyOnce("upgrade: websocket\r\n")
                .doesNotContain("h2c")
                .doesNotContain("keep-alive");
        client.close();
    }

    @Test
    void aValid101OpensATunnelWithNothingElseInThePipelines() {
        // Given
        Wire client = front.client().send(REQUEST);
        Wire server = backend.accept();
        // When
        server.send(switching(server.head(), "Sec-WebSocket-Protocol: mqtt"));
        // Then
        assertThat(client.head()).startsWith("HTTP/1.1 101 ").contains("Sec-WebSocket-Protocol: mqtt");
        client.send(Frames.maskedText("up"));
        assertThat(server.read(8)).isEqualTo(Frames.maskedText("up"));
        server.send(Frames.text("down"));
        assertThat(client.read(6)).isEqualTo(Frames.text("down"));
        Channel channel = front.clients.element();
        if (relaying == Relaying.CHANNELS) {
            assertThat(channel.pipeline().toMap().values()).singleElement().isInstanceOf(RelayHandler.class);
        }
        assertThat(front.opened.element().subprotocol()).isEqualTo("mqtt");
        client.close();
        server.close();
    }

    @Test
    void earlyClientBytesAreHeldUntilThe101AndDeliveredFirst() {
        // Given
        byte[] early = Frames.maskedText("early");
        Wire client = front.client().send(bytes(REQUEST), early);
        Wire server = backend.accept();
        String head = server.head();
        // When
        server.send(switching(head));
        client.head();
        client.send(Frames.maskedText("late"));
        // Then
        assertThat(server.read(early.length + 10)).startsWith(early).endsWith(Frames.maskedText("late"));
        client.close();
        server.close();
    }

    @Test
    @Conformance(value = "W03", rfc = "6455 §4.1")
    void tooManyEarlyBytesAreRefusedAndNeverReachTheBackend() {
        // Given
        Wire client = front.client().send(REQUEST);
        Wire server = backend.accept();
        server.head();
        // When
        client.send(new byte[ClientTakeover.HELD_BYTES_MAX + 1]);
        // Then
        assertThat(new String(client.readToEnd(), ISO_8859_1)).startsWith("HTTP/1.1 400 ");
        assertThat(server.readToEnd()).isEmpty();
        client.close();
    }

    @Test
    void bytesGluedToThe101AreDeliveredInOrder() {
        // Given
        Wire client = front.client().send(REQUEST);
        Wire server = backend.accept();
        // When
        server.send(bytes(switching(server.head())), Frames.text("one"), Frames.text("two"));
        // Then
        client.head();
        assertThat(client.read(5)).isEqualTo(Frames.text("one"));
        assertThat(client.read(5)).isEqualTo(Frames.text("two"));
        client.close();
        server.close();
    }

    @Test
    @Conformance(value = "W03", rfc = "6455 §4.1")
    @Conformance(value = "W07", rfc = "6455 §4.2.2, 9110 §7.8")
    void headsMayBeSplitAnywhereWithFramesGluedToThem() throws Exception {
        byte[] request = concat(bytes(REQUEST), Frames.maskedText("early"));
        byte[] answer = concat(bytes(switching("Sec-WebSocket-Key: " + TestFront.KEY + "\r\n")), Frames.text("glued"));
        int splits = Math.max(request.length, answer.length);
        for (int at = 1; at < splits; at++) {
            // Given
            Wire client = front.client();
            sendSplit(client, request, Math.min(at, request.length - 1));
            Wire server = backend.accept();
            server.head();
            // When
            sendSplit(server, answer, Math.min(at, answer.length - 1));
            // Then
            assertThat(client.head()).as("split at %s", at).startsWith("HTTP/1.1 101 ");
            assertThat(client.read(7)).as("split at %s", at).isEqualTo(Frames.text("glued"));
            assertThat(server.read(11)).as("split at %s", at).isEqualTo(Frames.maskedText("early"));
            client.close();
            server.close();
        }
    }

    private static void sendSplit(Wire wire, byte[] bytes, int at) throws Exception {
        wire.send(java.util.Arrays.copyOf(bytes, at));
        Thread.sleep(1);
        wire.send(java.util.Arrays.copyOfRange(bytes, at, bytes.length));
    }

    private static byte[] concat(byte[] first, byte[] second) {
        byte[] all = java.util.Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, all, first.length, second.length);
        return all;
    }

    @Test
    void otherInterimAnswersGoOnBeforeThe101() {
        // Given
        Wire client = front.client().send(REQUEST);
        Wire server = backend.accept();
        String head = server.head();
        // When
        server.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + switching(head));
        // Then
        assertThat(client.head()).startsWith("HTTP/1.1 103 ").contains("Link: </a>");
        assertThat(client.head()).startsWith("HTTP/1.1 101 ");
        client.close();
        server.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"200 OK", "401 Unauthorized", "403 Forbidden", "500 Oops"})
    void aRefusalIsRelayedWithItsBodyAndTheConnectionEnds(String status) {
        // Given
        Wire client = front.client().send(bytes(REQUEST), Frames.maskedText("never"));
        Wire server = backend.accept();
        server.head();
        // When
        server.send("HTTP/1.1 " + status + "\r\nUpgrade: websocket\r\nX-Why: because\r\nContent-Length: 4\r\n\r\nbody");
        // Then
        String answer = new String(client.readToEnd(), ISO_8859_1);
        assertThat(answer)
                .startsWith("HTTP/1.1 " + status.substring(0, 3))
                .contains("X-Why: because")
                .endsWith("\r\n\r\nbody");
        assertThat(answer.toLowerCase(Locale.ROOT))
                .contains("connection: close")
                .doesNotContain("upgrade:");
        assertThat(server.readToEnd()).isEmpty();
        assertThat(front.opened).isEmpty();
        client.close();
    }

    @Test
    void a426StaysA426() {
        // Given
        Wire client = front.client().send(REQUEST);
        Wire server = backend.accept();
        server.head();
        // When
        server.send("HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n"
                + "Connection: Upgrade\r\nContent-Length: 0\r\n\r\n");
        // Then
        assertThat(new String(client.readToEnd(), ISO_8859_1))
                .startsWith("HTTP/1.1 426 ")
                .containsIgnoringCase("sec-websocket-version: 8")
                .containsIgnoringCase("upgrade: websocket");
        client.close();
    }

    @Test
    void aRefusalThatEndsWithTheConnectionIsToldFromACutOne() {
        // Given
        Wire client = front.client().send(REQUEST);
        Wire server = backend.accept();
        server.head();
        // When
        server.send("HTTP/1.1 403 Forbidden\r\n\r\nwhole").close();
        // Then
        assertThat(new String(client.readToEnd(), ISO_8859_1))
                .containsIgnoringCase("transfer-encoding: chunked")
                .endsWith("5\r\nwhole\r\n0\r\n\r\n");
        client.close();
    }

    @Test
    void aTruncatedRefusalIsNeverCompleted() {
        // Given
        Wire client = front.client().send(REQUEST);
        Wire server = backend.accept();
        server.head();
        // When
        server.send("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n")
                .close();
        // Then
        assertThat(new String(client.readToEnd(), ISO_8859_1)).endsWith("5\r\nwhole\r\n");
        client.close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: OK\r\n\r\n",
                "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: OK\r\n\r\n",
                "HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: OK\r\n\r\n",
                "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
                "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
                "HTTP/1.0 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: OK\r\n\r\n",
                "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: OK\r\n"
                        + "Sec-WebSocket-Protocol: other\r\n\r\n",
                "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: OK\r\n"
                        + "Sec-WebSocket-Extensions: permessage-deflate; y=\",\", other\r\n\r\n",
                "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: OK\r\n"
                        + "Content-Length: 5\r\n\r\nabcde",
                "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: OK\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\n",
                "HTTP/1.1 1O1 X\r\n\r\n",
                "nonsense\r\n\r\n",
                "HTTP/1.1 200 Fine\nX: y\r\n\r\n"
            })
    void anAnswerThatIsNotValidIsA502(String answer) {
        // Given
        Wire client = front.client().send(bytes(REQUEST), Frames.maskedText("never"));
        Wire server = backend.accept();
        server.head();
        // When
        server.send(answer.replace("OK\r\n", SwitchingAnswer.acceptFor(TestFront.KEY) + "\r\n"));
        // Then
        assertThat(new String(client.readToEnd(), ISO_8859_1)).startsWith("HTTP/1.1 502 ");
        assertThat(front.opened).isEmpty();
        assertThat(server.readToEnd()).isEmpty();
        client.close();
    }

    @Test
    void aHeadBeyondItsBoundIsA502() {
        // Given
        Wire client = front.client().send(REQUEST);
        Wire server = backend.accept();
        server.head();
        // When
        server.send("HTTP/1.1 200 OK\r\nX: " + "x".repeat(40_000) + "\r\n\r\n");
        // Then
        assertThat(client.head()).startsWith("HTTP/1.1 502 ");
        client.close();
    }

    @Test
    void aBackendThatClosesInsteadOfAnsweringIsA502() {
        // Given
        Wire client = front.client().send(REQUEST);
        Wire server = backend.accept();
        server.head();
        // When
        server.close();
        // Then
        assertThat(client.head()).startsWith("HTTP/1.1 502 ");
        client.close();
    }

    @Test
    void aBackendThatDoesNotAnswerInTimeIsA504() {
        // Given
        front.route(new Timeouts(Duration.ofSeconds(1), Duration.ofMillis(300), Duration.ofMinutes(1)), backend.port());
        Wire client = front.client();
        // When
        client.send(REQUEST);
        // Then
        assertThat(client.head()).startsWith("HTTP/1.1 504 ");
        assertThat(front.counter("holdfast.handshakes", "reason", "handshake_timeout"))
                .isEqualTo(1);
        client.close();
    }

    @Test
    void anotherEndpointIsTriedWhenOneRefuses() throws IOException {
        // Given
        int dead = deadPort();
        front.route(dead, backend.port());
        for (int i = 0; i < 4; i++) {
            Wire client = front.client();
            // When
            client.send(REQUEST);
            // Then
            Wire server = backend.accept();
            server.send(switching(server.head()));
            assertThat(client.head()).startsWith("HTTP/1.1 101 ");
            client.close();
            server.close();
        }
        assertThat(front.counter("holdfast.backend.connect.failures", "reason", "refused"))
                .as("a dead endpoint is avoided after it failed")
                .isBetween(1.0, 2.0);
    }

    @Test
    void refusedEverywhereIsA502AndNoEndpointIsA503() throws IOException {
        // Given
        front.route(deadPort());
        Wire refused = front.client();
        // When
        refused.send(REQUEST);
        // Then
        assertThat(refused.head()).startsWith("HTTP/1.1 502 ");
        front.route();
        Wire none = front.client().send(REQUEST);
        assertThat(none.head()).startsWith("HTTP/1.1 503 ");
        refused.close();
        none.close();
    }

    @Test
    void aClientThatGoesAwayCancelsTheUpgrade() {
        // Given
        Wire client = front.client().send(REQUEST);
        Wire server = backend.accept();
        server.head();
        // When
        client.close();
        // Then
        assertThat(server.readToEnd()).isEmpty();
        await().untilAsserted(() -> assertThat(front.counter("holdfast.handshakes", "result", "cancelled"))
                .isEqualTo(1));
        await().untilAsserted(() -> assertThat(front.registry.upgrading()).isZero());
        server.close();
    }

    @Test
    void aBigRefusalIsHeldBackByASlowClient() throws Exception {
        // Given
        Wire client = front.client();
        client.send(REQUEST);
        int size = 64 * 1024 * 1024;
        Thread sender = refuseWithBody(size);
        // When
        boolean finished = sender.join(Duration.ofMillis(1_500));
        // Then
        assertThat(finished).isFalse();
        client.head();
        assertThat(client.readToEnd()).hasSize(size);
        sender.join();
        client.close();
    }

    @Test
    void aRefusalWithoutContentHasNoLengthEither() throws IOException {
        // Given
        Wire client = front.client();
        client.send(REQUEST);
        Wire server = backend.accept();
        server.head();

        // When
        server.send("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n");

        // Then
        assertThat(client.head()).startsWith("HTTP/1.1 204 ").doesNotContainIgnoringCase("content-length");
        client.close();
    }

    @Test
    void whatIsHeldOfARefusalIsLetGoWhenTheClientLeaves() throws Exception {
        // Given
        Wire client = front.client();
        client.send(REQUEST);
        Thread sender = refuseWithBody(64 * 1024 * 1024);
        sender.join(Duration.ofMillis(1_500));
        // When
        client.reset();
        // Then nothing is left over, which the class's leak detection looks for
        sender.join();
    }

    /** Answers an upgrade as fast as it is taken, until all is sent or the proxy ends the connection. */
    private Thread refuseWithBody(int size) throws IOException {
        Wire server = backend.accept();
        server.head();
        server.send("HTTP/1.1 403 Forbidden\r\nContent-Length: " + size + "\r\n\r\n");
        return Thread.ofVirtual().start(() -> {
            byte[] block = new byte[65_536];
            try {
                for (int sent = 0; sent < size; sent += block.length) {
                    server.send(block);
                }
            } catch (IllegalStateException | java.io.UncheckedIOException e) {
                // Whoever reads sees that it is not whole.
            }
        });
    }

    private static int deadPort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
