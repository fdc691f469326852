package dev.holdfast.dataplane.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.conformance.rig.BackendConnection;
import dev.holdfast.dataplane.conformance.rig.Handshake;
import dev.holdfast.dataplane.conformance.rig.ProxyRig;
import dev.holdfast.dataplane.conformance.rig.RawClient;
import dev.holdfast.dataplane.conformance.rig.RawResponse;
import dev.holdfast.dataplane.conformance.rig.ScriptedBackend;
import dev.holdfast.dataplane.conformance.rig.SeenRequest;
import dev.holdfast.dataplane.conformance.rig.SplitAnswers;
import dev.holdfast.dataplane.conformance.rig.Splits;
import dev.holdfast.dataplane.conformance.rig.StreamEnd;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which requests and which answers open a tunnel. */
class UpgradeTest {
    private static final ProxyRig RIG = ProxyRig.start();
    private static final String KEY_FIELD = "Sec-WebSocket-Key: " + Handshake.KEY + "\r\n";

    @AfterAll
    static void stop() {
        RIG.close();
    }

    @Test
    @Conformance(value = "W01", rfc = "6455 §4.2.1")
    void aValidRequestOpensATunnelHoweverItIsCut() throws Exception {
        // Given
        String request = Handshake.request("/chat?x=y")
                .replace("Connection: Upgrade", "connection: keep-alive, UPGRADE")
                .replace("Upgrade: websocket", "upgrade: WebSocket");
        try (ScriptedBackend backend = ScriptedBackend.answering(Handshake::accept)) {
            RIG.serve(backend);

            // When
            String outcome = Splits.alike(RIG, request, client -> {
                RawResponse response = client.response();
                return response.status() + " " + response.head().value("Sec-WebSocket-Accept");
            });

            // Then
            assertThat(outcome).isEqualTo("101 " + Handshake.acceptOf(Handshake.KEY));
            assertThat(backend.malformed()).isEmpty();
            assertThat(backend.requests()).hasSize(request.length() + 1).allSatisfy(seen -> {
                assertThat(seen.target()).isEqualTo("/chat?x=y");
                assertThat(seen.head().value("Sec-WebSocket-Key")).isEqualTo(Handshake.KEY);
                assertThat(seen.head().value("Sec-WebSocket-Version")).isEqualTo("13");
            });
        }
    }

    @ParameterizedTest
    @Conformance(value = "W01", rfc = "6455 §4.2.1")
    @ValueSource(
            strings = {
                "",
                "Sec-WebSocket-Key: \r\n",
                "Sec-WebSocket-Key: c2hvcnQ=\r\n",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE=\r\n",
                "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==\r\n",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==\r\n"
            })
    void withoutOneKeyOf16BytesThereIsNoTunnel(String keys) throws Exception {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.answering(Handshake::accept)) {
            RIG.serve(backend);

            // When
            String outcome = Splits.alike(RIG, Handshake.request("/").replace(KEY_FIELD, keys), Splits::verdict);

            // Then
            assertThat(outcome).isEqualTo("400 closed");
            assertThat(backend.connections()).isEmpty();
        }
    }

    @Test
    @Conformance(value = "W01", rfc = "6455 §4.2.1")
    void anotherMethodOrABodyIsNoCandidate() throws Exception {
        // Given
        String valid = Handshake.request("/");
        List<String> requests = List.of(
                valid.replace("GET", "POST"),
                valid.replace("GET", "HEAD"),
                valid.replace("GET", "OPTIONS"),
                Handshake.request("/", "Content-Length: 5\r\n") + "hello",
                Handshake.request("/", "Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n");
        for (String request : requests) {
            try (ScriptedBackend backend = ScriptedBackend.answering(Handshake::accept)) {
                RIG.serve(backend);

                // When
                String method = request.substring(0, request.indexOf(' '));
                String outcome = Splits.alike(
                        RIG, request, client -> "" + client.response(method).status());

                // Then
                assertThat(outcome).isIn("400", "405", "502");
                assertThat(backend.requests())
                        .allSatisfy(
                                seen -> assertThat(seen.head().has("Upgrade")).isFalse());
            }
        }
    }

    @Test
    @Conformance(value = "W02", rfc = "6455 §4.2.1, 9110 §7.8")
    void onlyWebsocketGoesOn() throws Exception {
        // Given
        String h2c = "HTTP2-Settings: AAMAAABkAAQAAP__\r\n";
        List<String> upgrades = List.of(
                "Upgrade: h2c, websocket\r\n", "Upgrade: websocket, h2c\r\n", "Upgrade: h2c\r\nUpgrade: websocket\r\n");
        for (String upgrade : upgrades) {
            try (ScriptedBackend backend = ScriptedBackend.answering(Handshake::accept)) {
                RIG.serve(backend);

                // When
                String request = Handshake.request("/", h2c)
                        .replace("Upgrade: websocket\r\n", upgrade)
                        .replace("Connection: Upgrade", "Connection: Upgrade, HTTP2-Settings");
                String outcome = Splits.alike(
                        RIG, request, client -> "" + client.response().status());

                // Then
                assertThat(outcome).isEqualTo("101");
                assertThat(backend.requests()).hasSize(request.length() + 1).allSatisfy(seen -> {
                    assertThat(seen.head().values("Upgrade")).containsExactly("websocket");
                    assertThat(seen.head().toString().toLowerCase(Locale.ROOT)).doesNotContain("h2c", "http2-settings");
                });
            }
        }
    }

    @Test
    @Conformance(value = "W02", rfc = "9113 §3.1")
    void h2cAloneIsAPlainRequest() throws Exception {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            String request = "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                    + "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
            String outcome =
                    Splits.alike(RIG, request, client -> client.response().text());

            // Then
            assertThat(outcome).isEqualTo("GET /");
            assertThat(backend.requests()).hasSize(request.length() + 1).allSatisfy(seen -> {
                assertThat(seen.head().has("Upgrade")).isFalse();
                assertThat(seen.head().has("HTTP2-Settings")).isFalse();
            });
        }
    }

    @Test
    @Conformance(value = "W03", rfc = "6455 §4.1")
    void earlyBytesWaitForThe101AndComeFirst() throws IOException {
        // Given
        List<Integer> leaked = new ArrayList<>();
        try (ScriptedBackend backend = ScriptedBackend.playing(connection -> {
            SeenRequest request = connection.require();
            StreamEnd before = connection.end(Duration.ofMillis(100));
            leaked.add(before.bytes().length);
            connection.send(Handshake.accept(request));
            connection.send(connection.bytes(11 + 5));
        })) {
            RIG.serve(backend);

            // When
            String echoed;
            try (RawClient client = RIG.client()) {
                client.send(Handshake.request("/") + Handshake.MASKED_HELLO);
                client.response();
                client.send("later");
                echoed = new String(client.bytes(16), StandardCharsets.ISO_8859_1);
            }

            // Then
            assertThat(leaked).containsExactly(0);
            assertThat(echoed).isEqualTo(Handshake.MASKED_HELLO + "later");
        }
    }

    @Test
    @Conformance(value = "W03", rfc = "6455 §4.1")
    void afterARefusalEarlyBytesAreDiscardedAndTheConnectionEnds() throws Exception {
        // Given
        try (ScriptedBackend backend =
                ScriptedBackend.answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")) {
            RIG.serve(backend);

            // When
            String request = Handshake.request("/") + "GET /admin HTTP/1.1\r\nHost: app.test\r\n\r\n";
            String outcome = Splits.alike(RIG, request, client -> {
                RawResponse response = client.response();
                StreamEnd end = client.end();
                return response.text() + (end.ended() ? ", the end" : ", open") + Splits.show(end.text());
            });

            // Then
            assertThat(outcome).isEqualTo("no, the end\"\"");
            assertThat(backend.received()).doesNotContain("/admin");
        }
    }

    @Test
    @Conformance(value = "W03", rfc = "6455 §4.1")
    void earlyBytesAreBounded() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.playing(connection -> {
            connection.require();
            connection.end(Duration.ofSeconds(2));
        })) {
            RIG.serve(backend);

            // When
            long taken = 0;
            try (RawClient client = RIG.client()) {
                client.send(Handshake.request("/"));
                taken = taken(client, 64 << 20);
            }

            // Then
            assertThat(taken).as("bytes taken before the 101").isLessThan(32 << 20);
        }
    }

    /** How many of so many bytes a peer takes within a second. */
    private static long taken(RawClient client, long bytes) throws IOException {
        AtomicLong sent = new AtomicLong();
        Thread writer = Thread.ofVirtual().start(() -> {
            byte[] block = new byte[64 << 10];
            try {
                while (sent.get() < bytes) {
                    client.send(block);
                    sent.addAndGet(block.length);
                }
            } catch (IOException closed) {
                // The peer had enough.
            }
        });
        try {
            writer.join(Duration.ofSeconds(1));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return sent.get();
    }

    @ParameterizedTest
    @Conformance(value = "W04", rfc = "6455 §4.2.2, 9110 §15.5.22")
    @ValueSource(
            strings = {
                "200 OK\r\nConnection: Upgrade\r\nUpgrade: websocket",
                "403 Forbidden\r\nX-Reason: quota",
                "426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade",
                "302 Found\r\nLocation: https://elsewhere.test/",
                "401 Unauthorized\r\nWWW-Authenticate: Basic",
                "500 Oops",
                "503 Busy\r\nRetry-After: 3"
            })
    void anotherStatusIsRelayedWithItsBody(String head) throws Exception {
        // Given
        List<String> bodies = List.of(
                "\r\nContent-Length: 5\r\n\r\nhello",
                "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                "\r\nConnection: close\r\n\r\nhello");
        for (String body : bodies) {
            try (SplitAnswers answers = SplitAnswers.of("HTTP/1.1 " + head + body, BackendConnection::finish)) {
                RIG.serve(answers.backend());

                // When
                String outcome = answers.alike(RIG, Handshake.request("/"), client -> {
                    RawResponse response = client.response();
                    return response.status() + " " + response.text() + (response.complete() ? "" : " cut");
                });

                // Then
                assertThat(outcome).isEqualTo(head.substring(0, 3) + " hello");
            }
        }
    }

    @Test
    @Conformance(value = "W04", rfc = "9110 §15.5.22")
    void a426ToAPlainRequestSaysWhatToUpgradeTo() throws Exception {
        // Given
        try (SplitAnswers answers = SplitAnswers.of("HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n"
                + "Connection: Upgrade\r\nContent-Length: 5\r\n\r\nhello")) {
            RIG.serve(answers.backend());

            // When
            String outcome = answers.alike(RIG, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n", client -> {
                RawResponse response = client.response();
                return response.status() + " " + response.head().value("Upgrade") + " "
                        + response.head().tokens("Connection") + " " + response.text();
            });

            // Then
            assertThat(outcome).isEqualTo("426 websocket [upgrade] hello");
        }
    }

    @ParameterizedTest
    @Conformance(value = "W05", rfc = "6455 §4.1")
    @ValueSource(
            strings = {
                "Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n",
                "Upgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n",
                "Connection: Upgrade\r\nUpgrade: websocket\r\n",
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n",
                "Connection: Upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Accept: {accept}\r\n",
                "Connection: close\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n",
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n"
                        + "Sec-WebSocket-Protocol: never-offered\r\n",
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n"
                        + "Sec-WebSocket-Protocol: chat, superchat\r\n",
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n"
                        + "Sec-WebSocket-Extensions: x-never-offered\r\n",
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n"
                        + "Sec-WebSocket-Extensions: permessage-deflate, x-never-offered\r\n",
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n"
                        + "Sec-WebSocket-Accept: {accept}\r\n"
            })
    void a101WithoutItsProofIs502(String fields) throws Exception {
        // Given
        String offer = "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n";
        try (SplitAnswers answers = SplitAnswers.of("HTTP/1.1 101 Switching Protocols\r\n"
                + fields.replace("{accept}", Handshake.acceptOf(Handshake.KEY)) + "\r\n")) {
            RIG.serve(answers.backend());

            // When
            String outcome =
                    answers.alike(RIG, Handshake.request("/", offer) + Handshake.MASKED_HELLO, Splits::verdict);

            // Then
            assertThat(outcome).isEqualTo("502 closed");
            assertThat(answers.backend().received()).doesNotContain(Handshake.MASKED_HELLO);
        }
    }

    @Test
    @Conformance(value = "W05", rfc = "6455 §4.1")
    void what101ChoosesOfTheOfferReachesTheClient() throws Exception {
        // Given
        String offer = "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: superchat\r\n"
                + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-other\r\n";
        String choice = "Sec-WebSocket-Protocol: superchat\r\n"
                + "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n";
        try (ScriptedBackend backend = ScriptedBackend.answering(request -> Handshake.accept(request, choice));
                SplitAnswers answers = SplitAnswers.of(Handshake.acceptFor(Handshake.KEY, choice))) {
            // When
            RIG.serve(backend);
            String offered = Splits.alike(RIG, Handshake.request("/", offer), UpgradeTest::choice);
            RIG.serve(answers.backend());
            String chosen = answers.alike(RIG, Handshake.request("/", offer), UpgradeTest::choice);

            // Then
            assertThat(List.of(offered, chosen))
                    .containsOnly("101 superchat permessage-deflate; server_no_context_takeover");
        }
    }

    private static String choice(RawClient client) throws IOException {
        RawResponse response = client.response();
        return response.status() + " " + response.head().value("Sec-WebSocket-Protocol") + " "
                + response.head().value("Sec-WebSocket-Extensions");
    }

    @ParameterizedTest
    @Conformance(value = "W06", rfc = "6455 §4.4")
    @Conformance(value = "W06", rfc = "9110 §7.8")
    @ValueSource(strings = {"8", "12", "14", "130", "x", "13, 8"})
    void anotherVersionIs426(String version) throws Exception {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.answering(Handshake::accept)) {
            RIG.serve(backend);

            // When
            String request =
                    Handshake.request("/").replace("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: " + version);
            String outcome = Splits.alike(RIG, request, client -> {
                RawResponse response = client.response();
                return response.status() + " " + response.head().value("Sec-WebSocket-Version") + " "
                        + response.head().value("Upgrade") + " "
                        + response.head().tokens("Connection");
            });

            // Then
            assertThat(outcome).isEqualTo("426 13 websocket [close, upgrade]");
            assertThat(backend.connections()).isEmpty();
        }
    }

    @Test
    @Conformance(value = "C16", rfc = "9110 §7.8")
    void anUpgradeThatExpects100GetsItBeforeThe101() throws Exception {
        // Given
        for (String backends100 : List.of("", "HTTP/1.1 100 Continue\r\n\r\n")) {
            try (ScriptedBackend backend =
                    ScriptedBackend.answering(request -> backends100 + Handshake.accept(request))) {
                RIG.serve(backend);

                // When
                String request = Handshake.request("/", "Expect: 100-continue\r\n");
                String outcome = Splits.alike(RIG, request, client -> {
                    RawResponse response = client.response();
                    boolean continued = response.interim().stream()
                            .anyMatch(head -> head.word(1).equals("100"));
                    return (continued ? "100 " : "") + response.status();
                });

                // Then
                assertThat(outcome).isEqualTo("100 101");
            }
        }
    }

    @Test
    @Conformance(value = "W10", rfc = "6455 §4.1")
    void aConnectionThatCarriedAnUpgradeIsNeverReused() throws IOException {
        // Given
        try (ScriptedBackend backend =
                ScriptedBackend.answering(request -> request.head().has("Upgrade")
                        ? "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
                        : ScriptedBackend.echoOf(request))) {
            RIG.serve(backend);

            // When
            for (int i = 0; i < 5; i++) {
                RIG.ask(Handshake.request("/upgrade"));
                RIG.ask("GET /plain HTTP/1.1\r\nHost: app.test\r\n\r\n");
            }

            // Then
            List<Integer> upgrades = connectionsOf(backend, "/upgrade");
            assertThat(upgrades).hasSize(5).doesNotHaveDuplicates();
            assertThat(connectionsOf(backend, "/plain")).hasSize(5).doesNotContainAnyElementsOf(upgrades);
        }
    }

    private static List<Integer> connectionsOf(ScriptedBackend backend, String target) {
        return backend.requests().stream()
                .filter(request -> request.target().equals(target))
                .map(SeenRequest::connection)
                .toList();
    }
}
