package dev.holdfast.dataplane.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.conformance.rig.Head;
import dev.holdfast.dataplane.conformance.rig.ProxyRig;
import dev.holdfast.dataplane.conformance.rig.RawClient;
import dev.holdfast.dataplane.conformance.rig.RawResponse;
import dev.holdfast.dataplane.conformance.rig.ScriptedBackend;
import dev.holdfast.dataplane.conformance.rig.ScriptedBackend.Script;
import dev.holdfast.dataplane.conformance.rig.SeenRequest;
import dev.holdfast.dataplane.conformance.rig.StreamEnd;
import java.io.IOException;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What of a backend's answer reaches a client, and what is refused. */
class ResponseTest {
    private static final ProxyRig RIG = ProxyRig.start();
    private static final String GET = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";

    @AfterAll
    static void stop() {
        RIG.close();
    }

    @Test
    @Conformance(value = "C17", rfc = "9110 §15.2")
    void interimAnswersPassAndTakeNoOnesPlace() throws IOException {
        // Given
        String early =
                "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\n";
        try (ScriptedBackend backend = ScriptedBackend.answering(request -> early + ScriptedBackend.echoOf(request))) {
            RIG.serve(backend);

            // When
            List<RawResponse> responses = new ArrayList<>();
            try (RawClient client = RIG.client()) {
                client.send(GET.replace(" / ", " /1 ") + GET.replace(" / ", " /2 "));
                responses.add(client.response());
                responses.add(client.response());
            }

            // Then
            assertThat(responses).extracting(RawResponse::text).containsExactly("GET /1", "GET /2");
            assertThat(responses)
                    .allSatisfy(response -> assertThat(response.interim())
                            .extracting(head -> head.value("Link"))
                            .containsExactly("</a.css>", "</b.css>"));
        }
    }

    @Test
    @Conformance(value = "C17", rfc = "9110 §15.2")
    void anOldVersionHearsNoInterimAnswer() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.answering(request ->
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + ScriptedBackend.echoOf(request))) {
            RIG.serve(backend);

            // When
            RawResponse response = RIG.ask("GET / HTTP/1.0\r\nHost: app.test\r\n\r\n");

            // Then
            assertThat(response.status()).isEqualTo(200);
            assertThat(response.interim()).isEmpty();
        }
    }

    @Test
    @Conformance(value = "C17", rfc = "9110 §15.2.2")
    void a101ThatNobodyAskedForIs502() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.answering(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")) {
            RIG.serve(backend);

            // When
            RawResponse response = RIG.ask(GET);

            // Then
            assertThat(response.status()).isEqualTo(502);
            assertThat(backend.connections()).hasSize(1);
        }
    }

    @Test
    @Conformance(value = "C18", rfc = "9110 §8.6, 9112 §6.3")
    void anAnswerWithoutABodyHasNoneWhateverTheBackendSends() throws IOException {
        // Given
        List<String> heads = List.of(
                "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
                "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
                "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\n",
                "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (String head : heads) {
            String body = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
            try (ScriptedBackend backend = ScriptedBackend.answering(
                    request -> request.target().equals("/") ? head + body : ScriptedBackend.echoOf(request))) {
                RIG.serve(backend);

                // When
                RawResponse first = RIG.ask(GET);
                RawResponse second = RIG.ask(GET.replace(" / ", " /second "));

                // Then
                assertThat(first.status()).isIn(204, 304, 502);
                if (first.status() == 204) {
                    assertThat(first.head().has("Content-Length")).isFalse();
                    assertThat(first.head().has("Transfer-Encoding")).isFalse();
                }
                assertThat(second.text()).isEqualTo("GET /second");
            }
        }
    }

    @Test
    @Conformance(value = "C18", rfc = "9110 §9.3.2")
    void theAnswerToHeadHasNoBodyBytes() throws IOException {
        // Given
        try (ScriptedBackend backend =
                ScriptedBackend.answering(request -> request.method().equals("HEAD")
                        ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + "hello"
                        : ScriptedBackend.echoOf(request))) {
            RIG.serve(backend);

            // When
            RawResponse head;
            StreamEnd rest;
            try (RawClient client = RIG.client()) {
                client.send("HEAD / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n");
                head = client.response("HEAD");
                rest = client.end();
            }
            RawResponse canary = RIG.ask(GET);

            // Then
            assertThat(head.head().value("Content-Length")).isEqualTo("5");
            assertThat(rest.bytes()).isEmpty();
            assertThat(canary.text()).isEqualTo("GET /");
        }
    }

    @Test
    @Conformance(value = "C19", rfc = "9110 §6.5.1")
    void answerTrailersAreNeverMerged() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "5\r\nhello\r\n0\r\nContent-Length: 3\r\nSet-Cookie: a=b\r\nConnection: close\r\nX-Sum: 7\r\n\r\n")) {
            RIG.serve(backend);

            // When
            RawResponse response = RIG.ask(GET);

            // Then
            assertThat(response.text()).isEqualTo("hello");
            assertThat(response.head().has("X-Sum")).isFalse();
            assertThat(response.head().has("Set-Cookie")).isFalse();
            assertThat(response.trailers())
                    .extracting(field -> field.name().toLowerCase(Locale.ROOT))
                    .isSubsetOf("x-sum", "set-cookie");
        }
    }

    @ParameterizedTest
    @Conformance(value = "C23", rfc = "9112 §2.2, §6.3, §8")
    @ValueSource(
            strings = {
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nContent-Length: 5 5\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
                "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello",
                "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 5\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 5\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 5\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 5\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nX\r\nContent-Length: 5\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 5\r\n\r\nhello",
                "\0HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                "HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                "HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\nhello",
                "HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\nhello",
                "HTTP/1.1 abc OK\r\nContent-Length: 5\r\n\r\nhello",
                "HTTP/1.1 099 OK\r\nContent-Length: 5\r\n\r\nhello",
                "ICY 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                "hello\r\n\r\n",
                "\r\n"
            })
    void aDefectiveAnswerIs502HoweverItIsCut(String answer) throws IOException {
        // Given
        List<String> verdicts = new ArrayList<>();
        for (int cut = 0; cut <= answer.length(); cut++) {
            int at = cut;
            try (ScriptedBackend backend = ScriptedBackend.playing(connection -> {
                SeenRequest request = connection.require();
                if (request.target().equals("/")) {
                    connection.sendSplit(answer, at);
                } else {
                    connection.send(ScriptedBackend.echoOf(request));
                }
                connection.finish();
            })) {
                RIG.serve(backend);

                // When
                RawResponse response = RIG.ask(GET);
                RawResponse canary = RIG.ask(GET.replace(" / ", " /canary "));
                verdicts.add(response.status() + " " + canary.text() + " "
                        + backend.connections().size());
            }
        }

        // Then
        assertThat(verdicts).containsOnly("502 GET /canary 2");
    }

    @ParameterizedTest
    @Conformance(value = "C23", rfc = "9112 §7.1, §8")
    @Conformance(value = "C27", rfc = "9112 §8")
    @ValueSource(
            strings = {
                "Content-Length: 100\r\n\r\nhello",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n0\r\n\r\n",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\n\r\n",
                "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n00000000000000000\r\n\r\n"
            })
    void anAnswerThatBreaksOffIsNeverComplete(String framed) throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.playing(connection -> {
            connection.require();
            connection.send("HTTP/1.1 200 OK\r\n" + framed);
            connection.pause(20).finish();
        })) {
            RIG.serve(backend);

            // When
            String verdict;
            try (RawClient client = RIG.client()) {
                RawResponse response = client.send(GET).response();
                boolean whole = response.status() != 502 && response.complete();
                verdict = (whole ? "complete" : "broken") + (client.end().ended() ? " closed" : " open");
            } catch (SocketException reset) {
                // A reset tells the client just as plainly.
                verdict = "broken closed";
            }

            // Then
            assertThat(verdict).isEqualTo("broken closed");
        }
    }

    @Test
    @Conformance(value = "C27", rfc = "9112 §8")
    void aResetInABodyThatEndsWithItsConnectionIsNoEnd() throws IOException {
        // Given
        Script script = connection -> {
            connection.require();
            connection.send("HTTP/1.1 200 OK\r\n\r\nhello").pause(50).reset();
        };
        try (ScriptedBackend backend = ScriptedBackend.playing(script)) {
            RIG.serve(backend);

            // When
            RawResponse response = RIG.ask(GET);

            // Then
            assertThat(response.complete()).isFalse();
        }
    }

    @Test
    @Conformance(value = "C27", rfc = "9112 §6.3")
    void aBodyThatEndsWithItsConnectionIsWhole() throws IOException {
        // Given
        Script script = connection -> {
            connection.require();
            connection.send("HTTP/1.1 200 OK\r\n\r\nhel").pause(20).send("lo").finish();
        };
        try (ScriptedBackend backend = ScriptedBackend.playing(script)) {
            RIG.serve(backend);

            // When
            RawResponse current = RIG.ask(GET);
            RawResponse old = RIG.ask("GET / HTTP/1.0\r\nHost: app.test\r\n\r\n");

            // Then
            assertThat(List.of(current, old)).allSatisfy(response -> {
                assertThat(response.text()).isEqualTo("hello");
                assertThat(response.complete()).isTrue();
            });
            assertThat(old.head().has("Transfer-Encoding")).isFalse();
        }
    }

    @Test
    @Conformance(value = "C23", rfc = "9112 §6.3")
    void bytesBehindAnAnswerNeverAnswerAnyoneElse() throws IOException {
        // Given
        String evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
        try (ScriptedBackend backend = ScriptedBackend.answering(request -> ScriptedBackend.echoOf(request) + evil)) {
            RIG.serve(backend);

            // When
            List<String> answers = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                answers.add(RIG.ask(GET.replace(" / ", " /" + i + " ")).text());
            }

            // Then
            assertThat(answers).doesNotContain("evil").first().isEqualTo("GET /0");
            assertThat(answers).last().isEqualTo("GET /19");
        }
    }

    @Test
    @Conformance(value = "C25", rfc = "9110 §9.3.6, 9931")
    void connectIsRefusedAndItsConnectionEnds() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            RawResponse response;
            StreamEnd end;
            try (RawClient client = RIG.client()) {
                client.send("CONNECT app.test:80 HTTP/1.1\r\nHost: app.test\r\n\r\n" + GET);
                response = client.response("CONNECT");
                end = client.end();
            }

            // Then
            assertThat(response.status()).isEqualTo(405);
            assertThat(end.ended()).isTrue();
            assertThat(end.text()).doesNotContain("HTTP/1.1");
            assertThat(backend.connections()).isEmpty();
        }
    }

    @Test
    @Conformance(value = "C25", rfc = "9110 §9.3.8")
    void traceIsRefused() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            RawResponse response = RIG.ask("TRACE / HTTP/1.1\r\nHost: app.test\r\n\r\n");

            // Then
            assertThat(response.status()).isEqualTo(405);
            assertThat(backend.connections()).isEmpty();
        }
    }

    @Test
    @Conformance(value = "C26", rfc = "8470 §5.2")
    void a425IsRelayed() throws IOException {
        // Given
        try (ScriptedBackend backend =
                ScriptedBackend.answering("HTTP/1.1 425 Too Early\r\nContent-Length: 0\r\n\r\n")) {
            RIG.serve(backend);

            // When
            RawResponse response = RIG.ask("GET / HTTP/1.1\r\nHost: app.test\r\nEarly-Data: 1\r\n\r\n");

            // Then
            assertThat(response.status()).isEqualTo(425);
            assertThat(backend.onlyRequest().head().value("Early-Data")).isEqualTo("1");
        }
    }

    @Test
    @Conformance(value = "C01", rfc = "9110 §7.6.1")
    void hopByHopFieldsOfAnAnswerStayBehind() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.answering("HTTP/1.1 200 OK\r\nConnection: X-Secret, Upgrade\r\n"
                + "X-Secret: 1\r\nUpgrade: h2c\r\nKeep-Alive: timeout=1\r\nProxy-Connection: keep-alive\r\n"
                + "Content-Length: 2\r\n\r\nok")) {
            RIG.serve(backend);

            // When
            RawResponse response = RIG.ask(GET);

            // Then
            Head head = response.head();
            assertThat(response.text()).isEqualTo("ok");
            assertThat(List.of("X-Secret", "Upgrade", "Keep-Alive", "Proxy-Connection"))
                    .noneMatch(head::has);
            assertThat(head.tokens("Connection")).doesNotContain("x-secret", "upgrade");
        }
    }
}
