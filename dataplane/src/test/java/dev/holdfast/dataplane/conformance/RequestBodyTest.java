package dev.holdfast.dataplane.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.conformance.rig.Head;
import dev.holdfast.dataplane.conformance.rig.ProxyRig;
import dev.holdfast.dataplane.conformance.rig.RawClient;
import dev.holdfast.dataplane.conformance.rig.RawResponse;
import dev.holdfast.dataplane.conformance.rig.ScriptedBackend;
import dev.holdfast.dataplane.conformance.rig.SeenRequest;
import dev.holdfast.dataplane.conformance.rig.Splits;
import dev.holdfast.dataplane.conformance.rig.Tables;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.RouteAction;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where a request ends. */
class RequestBodyTest {
    private static final ProxyRig RIG = ProxyRig.start();
    private static final String POST = "POST / HTTP/1.1\r\nHost: app.test\r\n";
    private static final String CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n";
    private static final String SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n";

    @AfterAll
    static void stop() {
        RIG.close();
    }

    @ParameterizedTest
    @Conformance(value = "C20", rfc = "9112 §6.1–6.3")
    @ValueSource(
            strings = {
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
                "Content-Length: 5\r\nContent-Length: 6\r\n",
                "Content-Length: 5\r\nContent-Length: 5\r\n",
                "Content-Length: 5, 5\r\n",
                "Content-Length: 5, 6\r\n",
                "Content-Length: +5\r\n",
                "Content-Length: -5\r\n",
                "Content-Length: 0x5\r\n",
                "Content-Length: 5 5\r\n",
                "Content-Length: 5;\r\n",
                "Content-Length: 5.0\r\n",
                "Content-Length: \r\n",
                "Content-Length: five\r\n",
                "Content-Length: 99999999999999999999\r\n",
                "Content-Length: \u0665\r\n",
                "Transfer-Encoding: chunked, identity\r\n",
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
                "Transfer-Encoding: chunked, chunked\r\n",
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                "Transfer-Encoding: chunked;q=1\r\n",
                "Transfer-Encoding: \r\n",
                "Transfer-Encoding: ,\r\n"
            })
    void ambiguousFramingIsRefused(String framing) throws Exception {
        assertRefusedBeforeABackend("POST / HTTP/1.1\r\nHost: app.test\r\n" + framing + "\r\n", "400 closed");
    }

    @ParameterizedTest
    @Conformance(value = "C20", rfc = "9112 §6.1")
    @ValueSource(strings = {"gzip", "gzip, chunked", "xchunked", "identity", "deflate, chunked", "\"chunked\""})
    void anUnknownCodingIs501(String coding) throws Exception {
        assertRefusedBeforeABackend(POST + "Transfer-Encoding: " + coding + "\r\n\r\n0\r\n\r\n", "501 closed");
    }

    @Test
    @Conformance(value = "C20", rfc = "9112 §6.1")
    void aTransferCodingInAnOldVersionIsRefused() throws Exception {
        assertRefusedBeforeABackend(
                "POST / HTTP/1.0\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n", "400 closed");
    }

    private static void assertRefusedBeforeABackend(String head, String verdict) throws Exception {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            String outcome = Splits.alike(RIG, head, Splits::verdict);

            // Then
            assertThat(outcome).isEqualTo(verdict);
            assertThat(backend.connections()).isEmpty();
        }
    }

    /** Chunk lines whose extensions, from the semicolon on, have so many octets (9112 §7.1.1: {@code chunk-ext}). */
    private static String extended(int octets) {
        return "5;a=" + "b".repeat(octets - 3) + "\r\nhello\r\n0\r\n\r\n";
    }

    @ParameterizedTest
    @Conformance(value = "C22", rfc = "9112 §7.1.1")
    @ValueSource(ints = {257, 272, 300})
    void aChunkExtensionBeyondItsBoundEndsTheConnection(int octets) throws Exception {
        assertNeverComplete(extended(octets));
    }

    @Test
    @Conformance(value = "C22", rfc = "9112 §7.1.1")
    void aChunkExtensionOfExactlyItsBoundIsTaken() throws Exception {
        assertOneBody(extended(256));
    }

    @ParameterizedTest
    @Conformance(value = "C22", rfc = "9112 §7.1")
    @ValueSource(
            strings = {
                "5\r\nhello\r\n0\r\n\r\n",
                "5;a=b\r\nhello\r\n0;c\r\n\r\n",
                "5;a=\"b;c \\\" d\"\r\nhello\r\n0\r\n\r\n",
                "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
                "0000000000000005\r\nhello\r\n0000\r\n\r\n",
                "5\r\nhello\r\n0\r\nX-Trailer: x\r\n\r\n"
            })
    void validChunksAreOneBodyHoweverTheyAreCut(String body) throws Exception {
        assertOneBody(body);
    }

    private static void assertOneBody(String body) throws Exception {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.answering(ScriptedBackend::echoOf)) {
            RIG.serve(backend);

            // When
            String outcome = Splits.alike(
                    RIG, CHUNKED + body, client -> client.response("POST").text());

            // Then
            assertThat(outcome).isEqualTo("POST /");
            assertThat(backend.malformed()).isEmpty();
            assertThat(backend.requests())
                    .hasSize(CHUNKED.length() + body.length() + 1)
                    .allSatisfy(seen -> assertThat(seen.text()).isEqualTo("hello"));
        }
    }

    @ParameterizedTest
    @Conformance(value = "C22", rfc = "9112 §7.1.1")
    @ValueSource(
            strings = {
                "5\nhello\r\n0\r\n\r\n",
                "5\r\nhello\n0\r\n\r\n",
                "5\r\nhello0\r\n\r\n",
                "5\r\nhelloXX0\r\n\r\n",
                "5\r\nhello\r\n0\n\r\n",
                "5\r\nhello\r\n0\r\n\n",
                "5\rhello\r\n0\r\n\r\n",
                "5 \r\nhello\r\n0\r\n\r\n",
                " 5\r\nhello\r\n0\r\n\r\n",
                "+5\r\nhello\r\n0\r\n\r\n",
                "-5\r\nhello\r\n0\r\n\r\n",
                "0x5\r\nhello\r\n0\r\n\r\n",
                "5_\r\nhello\r\n0\r\n\r\n",
                "g\r\nhello\r\n0\r\n\r\n",
                "\r\nhello\r\n0\r\n\r\n",
                ";a\r\nhello\r\n0\r\n\r\n",
                "00000000000000005\r\nhello\r\n0\r\n\r\n",
                "ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
                "10000000000000005\r\nhello\r\n0\r\n\r\n",
                "5;a\nhello\r\n0\r\n\r\n",
                "5;a=\"b\r\nc\"\r\nhello\r\n0\r\n\r\n",
                "5;a=\"b\nc\"\r\nhello\r\n0\r\n\r\n",
                "5;a=\"b\r\nhello\r\n0\r\n\r\n",
                "5;a\0\r\nhello\r\n0\r\n\r\n",
                "5\r\nhello\r\n0\r\nX\n\r\n\r\n",
                "5\r\nhello\r\n0\r\nX : y\r\n\r\n",
                "5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n",
                "5\r\nhello\r\n0\r\nX: a\0b\r\n\r\n"
            })
    void aChunkLineOutOfGrammarEndsTheConnection(String body) throws Exception {
        assertNeverComplete(body);
    }

    private static void assertNeverComplete(String body) throws Exception {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            String outcome = Splits.alike(RIG, CHUNKED + body + SMUGGLED, Splits::verdict);

            // Then
            assertThat(outcome).isEqualTo("400 closed");
            assertThat(backend.requests()).noneMatch(SeenRequest::complete);
            assertThat(backend.received()).doesNotContain("/smuggled");
        }
    }

    @Test
    @Conformance(value = "C19", rfc = "9110 §6.5.1")
    void requestTrailersAreNeverMerged() throws Exception {
        // Given
        String trailers = "Host: evil.test\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\nAuthorization: x\r\n"
                + "Connection: close\r\nX-Forwarded-For: 1.2.3.4\r\nX-Sum: 7\r\n";
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            String request = CHUNKED + "5\r\nhello\r\n0\r\n" + trailers + "\r\n";
            String outcome =
                    Splits.alike(RIG, request, client -> client.response("POST").text());

            // Then
            assertThat(outcome).isEqualTo("POST /");
            assertThat(backend.requests()).hasSize(request.length() + 1).allSatisfy(seen -> {
                assertThat(seen.text()).isEqualTo("hello");
                assertThat(seen.head().value("Host")).isEqualTo("app.test");
                assertThat(seen.head().has("X-Sum")).isFalse();
                assertThat(seen.head().has("Authorization")).isFalse();
                assertThat(seen.head().value("X-Forwarded-For")).isEqualTo("127.0.0.1");
                assertThat(seen.trailers())
                        .extracting(field -> field.name().toLowerCase(Locale.ROOT))
                        .isSubsetOf("x-sum");
            });
        }
    }

    @Test
    @Conformance(value = "C24", rfc = "9112 §9.3")
    void anAnswerBeforeTheEndOfTheBodyLeavesNoByteForTheNextRequest() throws IOException {
        // Given
        String body = SMUGGLED.repeat(20);
        try (ScriptedBackend backend = ScriptedBackend.playing(connection -> {
            var head = connection.nextHead();
            while (head != null) {
                boolean early = head.word(0).equals("POST");
                connection.send("HTTP/1.1 " + (early ? "403 No" : "200 OK") + "\r\nContent-Length: 0\r\n\r\n");
                connection.body(head);
                head = connection.nextHead();
            }
        })) {
            RIG.serve(backend);

            // When
            List<Integer> statuses = new ArrayList<>();
            try (RawClient client = RIG.client()) {
                client.send(POST + "Content-Length: " + body.length() + "\r\n\r\n" + body.substring(0, 10));
                statuses.add(client.response("POST").status());
                client.sendIfOpen(body.substring(10)).sendIfOpen("GET /next HTTP/1.1\r\nHost: app.test\r\n\r\n");
                statuses.add(next(client));
            }

            // Then
            assertThat(statuses).first().isEqualTo(403);
            assertThat(statuses.get(1)).isIn(200, -1);
            assertThat(backend.malformed()).isEmpty();
            assertThat(backend.requests()).noneMatch(request -> request.target().equals("/smuggled"));
        }
    }

    @Test
    @Conformance(value = "C24", rfc = "9112 §9.3, §9.6")
    void anEarlyAnswerToChunksIsWholeAndAnnouncesTheEnd() throws IOException {
        // Given
        String answer = "a".repeat(100_000);
        String chunk = "1000\r\n" + "b".repeat(0x1000) + "\r\n";
        try (ScriptedBackend backend = ScriptedBackend.playing(connection -> {
            connection.nextHead();
            connection.send("HTTP/1.1 403 No\r\nContent-Length: " + answer.length() + "\r\n\r\n" + answer);
        })) {
            RIG.serve(backend);
            try (RawClient client = RIG.client()) {
                // When
                client.send(CHUNKED + chunk);
                RawClient sending = client;
                Thread sender = Thread.ofVirtual().start(() -> {
                    for (int i = 0; i < 64; i++) {
                        sending.sendIfOpen(chunk);
                    }
                });
                RawResponse response = client.response("POST");
                join(sender);

                // Then
                assertThat(response.status()).isEqualTo(403);
                assertThat(response.text()).isEqualTo(answer);
                assertThat(response.closes()).isTrue();
                assertThat(client.end().ended()).isTrue();
            }
        }
    }

    /** The rest is read and dropped for a while, so that the answer arrives, and not for longer. */
    @ParameterizedTest
    @Conformance(value = "C24", rfc = "9112 §9.3, §9.6")
    @ValueSource(strings = {"/early", "/closed"})
    void whoSendsOnWithoutEndBehindAnEarlyAnswerIsCutOff(String target) throws Exception {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.playing(connection -> {
            connection.nextHead();
            connection.send("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
        })) {
            RIG.serve(new Tables()
                    .route("app.test", PathMatch.exact("/closed"), new RouteAction.Reject(403, "closed"))
                    .forward("app.test", PathMatch.ALL, backend.port())
                    .build());
            try (RawClient client = RIG.client()) {
                RawResponse response =
                        client.send(CHUNKED.replace(" / ", " " + target + " ")).response("POST");

                // When
                boolean cutOff = isCutOffWhileSending(client, "5\r\nhello\r\n".repeat(100));

                // Then
                assertThat(response.status()).isEqualTo(403);
                assertThat(response.closes()).isTrue();
                assertThat(cutOff).isTrue();
                assertThat(backend.received()).doesNotContain("hello");
            }
        }
    }

    /** For up to 20 s at least. */
    private static boolean isCutOffWhileSending(RawClient client, String chunks) throws InterruptedException {
        for (int i = 0; i < 10_000; i++) {
            try {
                client.send(chunks);
            } catch (IOException closed) {
                return true;
            }
            Thread.sleep(2);
        }
        return false;
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    @Conformance(value = "C24", rfc = "9112 §9.3")
    void ourOwnRefusalDrainsTheBodyOrCloses() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(new Tables()
                    .route("app.test", PathMatch.exact("/closed"), new RouteAction.Reject(403, "closed"))
                    .forward("app.test", PathMatch.ALL, backend.port())
                    .build());
            String refused = "POST /closed HTTP/1.1\r\nHost: app.test\r\nContent-Length: " + SMUGGLED.length()
                    + "\r\n\r\n" + SMUGGLED;

            // When
            List<Integer> statuses = new ArrayList<>();
            try (RawClient client = RIG.client()) {
                client.send(refused + "GET /next HTTP/1.1\r\nHost: app.test\r\n\r\n");
                statuses.add(client.response("POST").status());
                statuses.add(next(client));
            }

            // Then
            assertThat(statuses).first().isEqualTo(403);
            assertThat(statuses.get(1)).isIn(200, -1);
            assertThat(backend.requests()).extracting(SeenRequest::target).isSubsetOf("/next");
        }
    }

    /** The status of one more answer, or -1 when the connection ended instead. */
    private static int next(RawClient client) {
        try {
            return client.response().status();
        } catch (IOException ended) {
            return -1;
        }
    }

    @Test
    @Conformance(value = "C24", rfc = "9112 §9.3.2")
    void pipelinedRequestsAreAnsweredInTheirOrder() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.playing(connection -> {
            SeenRequest request;
            while ((request = connection.next()) != null) {
                connection.pause(request.target().equals("/1") ? 50 : 0).send(ScriptedBackend.echoOf(request));
            }
        })) {
            RIG.serve(backend);
            StringBuilder pipeline = new StringBuilder();
            for (int i = 1; i <= 8; i++) {
                pipeline.append(i % 2 == 0 ? "POST" : "GET")
                        .append(" /")
                        .append(i)
                        .append(" HTTP/1.1\r\nHost: app.test\r\n");
                pipeline.append(i % 2 == 0 ? "Content-Length: 5\r\n\r\nhello" : "\r\n");
            }

            // When
            List<String> answers = new ArrayList<>();
            try (RawClient client = RIG.client()) {
                client.send(pipeline.toString());
                for (int i = 1; i <= 8; i++) {
                    answers.add(client.response().text());
                }
            }

            // Then
            assertThat(answers)
                    .containsExactly(
                            "GET /1", "POST /2", "GET /3", "POST /4", "GET /5", "POST /6", "GET /7", "POST /8");
        }
    }

    @Test
    @Conformance(value = "C16", rfc = "9110 §10.1.1")
    void aBodyThatWaitsForA100GetsOne() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.playing(connection -> {
            var head = connection.nextHead();
            if (head != null) {
                connection.send("HTTP/1.1 100 Continue\r\n\r\n");
                connection.send(ScriptedBackend.echoOf(connection.body(head)));
            }
        })) {
            RIG.serve(backend);

            // When
            try (RawClient client = RIG.client()) {
                client.send(POST + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
                Head interim = client.nextHead();
                RawResponse response = client.send("hello").response("POST");

                // Then
                assertThat(interim.word(1)).isEqualTo("100");
                assertThat(response.text()).isEqualTo("POST /");
                assertThat(backend.onlyRequest().text()).isEqualTo("hello");
            }
        }
    }

    @Test
    @Conformance(value = "C16", rfc = "9110 §10.1.1")
    void anOldVersionIsNeverToldToContinue() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            RawResponse response = RIG.ask(
                    "POST / HTTP/1.0\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");

            // Then
            assertThat(response.interim()).isEmpty();
            assertThat(response.text()).isEqualTo("POST /");
            assertThat(backend.onlyRequest().text()).isEqualTo("hello");
        }
    }
}
