package dev.holdfast.dataplane.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.conformance.rig.BackendConnection;
import dev.holdfast.dataplane.conformance.rig.Handshake;
import dev.holdfast.dataplane.conformance.rig.Head;
import dev.holdfast.dataplane.conformance.rig.ProxyRig;
import dev.holdfast.dataplane.conformance.rig.RawClient;
import dev.holdfast.dataplane.conformance.rig.RawResponse;
import dev.holdfast.dataplane.conformance.rig.ScriptedBackend;
import dev.holdfast.dataplane.conformance.rig.ScriptedBackend.Script;
import dev.holdfast.dataplane.conformance.rig.SplitAnswers;
import dev.holdfast.dataplane.conformance.rig.Splits;
import dev.holdfast.dataplane.conformance.rig.StreamEnd;
import java.io.IOException;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What of a backend's answer reaches a client, and what is refused. */
class ResponseTest {
    private static final ProxyRig RIG = ProxyRig.start();
    private static final String GET = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";
    private static final String EVIL = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";

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
    void anOldVersionHearsNoInterimAnswer() throws Exception {
        // Given
        try (SplitAnswers answers = SplitAnswers.of("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
                + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) {
            RIG.serve(answers.backend());

            // When
            String outcome =
                    answers.alike(RIG, "GET / HTTP/1.0\r\nHost: app.test\r\n\r\n", ResponseTest::interimAndText);

            // Then
            assertThat(outcome).isEqualTo("[] ok");
        }
    }

    @Test
    @Conformance(value = "C17", rfc = "9110 §15.2.2")
    void a101ThatNobodyAskedForIs502() throws Exception {
        // Given
        try (SplitAnswers answers = SplitAnswers.of(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")) {
            RIG.serve(answers.backend());

            // When
            String outcome =
                    answers.alike(RIG, GET, client -> "" + client.response().status());

            // Then
            assertThat(outcome).isEqualTo("502");
            assertThat(answers.behindTheAnswer()).isEmpty();
        }
    }

    @ParameterizedTest
    @Conformance(value = "C18", rfc = "9110 §8.6, 9112 §6.3")
    @ValueSource(
            strings = {
                "204 No Content\r\nContent-Length: 5\r\n",
                "204 No Content\r\nTransfer-Encoding: chunked\r\n",
                "304 Not Modified\r\nContent-Length: 5\r\nETag: \"x\"\r\n",
                "304 Not Modified\r\nTransfer-Encoding: chunked\r\n"
            })
    void anAnswerWithoutABodyHasNoneWhateverTheBackendSends(String head) throws Exception {
        // Given
        String status = head.substring(0, 3);
        List<String> bodies = List.of("", "hello", "5\r\nhello\r\n0\r\n\r\n", EVIL);
        for (String body : bodies) {
            try (SplitAnswers answers = SplitAnswers.of("HTTP/1.1 " + head + "Connection: close\r\n\r\n" + body)) {
                RIG.serve(answers.backend());

                // When
                String outcome = answers.alike(RIG, GET, client -> {
                    Head answer = client.response().head();
                    boolean framed = answer.has("Transfer-Encoding") || answer.has("Content-Length");
                    return answer.word(1) + (framed ? " framed, " : ", ") + nextAnswerAndTheEnd(client);
                });

                // Then
                String framing = head.contains("304") && head.contains("Content-Length") ? " framed, " : ", ";
                assertThat(outcome).isEqualTo(status + framing + "GET /next, FIN \"\"");
            }
        }
    }

    @ParameterizedTest
    @Conformance(value = "C18", rfc = "9110 §8.6, 9112 §6.3")
    @ValueSource(strings = {"204 No Content", "304 Not Modified"})
    void whatIsGluedToAnAnswerWithoutABodyAnswersNobody(String status) throws IOException {
        // Given
        try (ScriptedBackend backend =
                ScriptedBackend.answering(request -> request.target().equals("/")
                        ? "HTTP/1.1 " + status + "\r\n\r\n" + EVIL
                        : ScriptedBackend.echoOf(request))) {
            RIG.serve(backend);

            // When
            String outcome;
            try (RawClient client = RIG.client()) {
                outcome = client.send(GET).response().status() + ", " + nextAnswerAndTheEnd(client);
            }

            // Then
            assertThat(outcome).isEqualTo(status.substring(0, 3) + ", GET /next, FIN \"\"");
        }
    }

    /** Its body may still come, and would be taken for the next answer. */
    @ParameterizedTest
    @Conformance(value = "C18", rfc = "9110 §8.6, 9112 §6.3")
    @ValueSource(strings = {"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"})
    void aConnectionWhose204AnnouncesABodyServesNobodyElse(String framing) throws Exception {
        // Given
        try (SplitAnswers answers = SplitAnswers.of("HTTP/1.1 204 No Content\r\n" + framing + "\r\n")) {
            RIG.serve(answers.backend());

            // When
            String outcome =
                    answers.alike(RIG, GET, client -> client.response().status() + ", " + nextAnswerAndTheEnd(client));

            // Then
            assertThat(outcome).isEqualTo("204, GET /next, FIN \"\"");
            assertThat(answers.behindTheAnswer()).isEmpty();
        }
    }

    @ParameterizedTest
    @Conformance(value = "C18", rfc = "9110 §8.6, 9112 §6.1")
    @ValueSource(strings = {"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"})
    void anInterimAnswerHasNoFramingField(String framing) throws Exception {
        // Given
        try (SplitAnswers answers = SplitAnswers.of("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n" + framing
                + "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) {
            RIG.serve(answers.backend());

            // When
            String plain = answers.alike(RIG, GET, ResponseTest::interimAndText);
            String upgrade = answers.alike(RIG, Handshake.request("/"), ResponseTest::interimAndText);

            // Then
            assertThat(List.of(plain, upgrade)).containsOnly("[HTTP/1.1 103 Early Hints\nLink: </a.css>] ok");
        }
    }

    private static String interimAndText(RawClient client) throws IOException {
        RawResponse response = client.response();
        return response.interim() + " " + response.text();
    }

    /** What comes behind an answer that must be over: a request gets its own answer, and nothing follows it. */
    private static String nextAnswerAndTheEnd(RawClient client) throws IOException {
        client.send("GET /next HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n");
        String answer = client.response().text();
        StreamEnd end = client.end();
        return answer + ", " + end.how() + " " + Splits.show(end.text());
    }

    @Test
    @Conformance(value = "C18", rfc = "9110 §9.3.2")
    void theAnswerToHeadHasNoBodyBytes() throws Exception {
        // Given
        try (SplitAnswers answers =
                SplitAnswers.of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")) {
            RIG.serve(answers.backend());

            // When
            String outcome = answers.alike(RIG, GET.replace("GET", "HEAD"), client -> {
                RawResponse response = client.response("HEAD");
                return response.head().value("Content-Length") + ", " + nextAnswerAndTheEnd(client);
            });

            // Then
            assertThat(outcome).isEqualTo("5, GET /next, FIN \"\"");
        }
    }

    @Test
    @Conformance(value = "C19", rfc = "9110 §6.5.1")
    void answerTrailersAreNeverMerged() throws Exception {
        // Given
        List<String> names = List.of("Host", "Content-Length", "Authorization", "Set-Cookie", "Connection", "X-Sum");
        String trailers = "Host: evil.test\r\nContent-Length: 3\r\nTransfer-Encoding: gzip\r\nAuthorization: x\r\n"
                + "WWW-Authenticate: y\r\nProxy-Authorization: z\r\nSet-Cookie: a=b\r\nConnection: close\r\n"
                + "X-Sum: 7\r\n";
        try (SplitAnswers answers = SplitAnswers.of(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + "5\r\nhello\r\n0\r\n" + trailers + "\r\n")) {
            RIG.serve(answers.backend());

            // When
            String outcome = answers.alike(RIG, GET, client -> {
                RawResponse response = client.response();
                return response.text() + ", " + response.head().values("Transfer-Encoding") + ", merged "
                        + names.stream().filter(response.head()::has).toList() + ", behind "
                        + response.trailers();
            });

            // Then
            assertThat(outcome)
                    .isIn(
                            "hello, [chunked], merged [], behind []",
                            "hello, [chunked], merged [], behind " + List.of(new Head.Field("X-Sum", "7")));
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
    void aDefectiveAnswerIs502HoweverItIsCut(String answer) throws Exception {
        // Given
        try (SplitAnswers answers = SplitAnswers.of(answer, BackendConnection::finish)) {
            RIG.serve(answers.backend());

            // When
            String outcome = answers.alike(RIG, GET, client -> {
                RawResponse response = client.response();
                RawResponse canary = RIG.ask(GET.replace(" / ", " /canary "));
                return response.status() + " " + canary.text();
            });

            // Then
            assertThat(outcome).isEqualTo("502 GET /canary");
            assertThat(answers.behindTheAnswer())
                    .as("requests on a connection whose answer was defective")
                    .isEmpty();
        }
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
    void anAnswerThatBreaksOffIsNeverComplete(String framed) throws Exception {
        // Given
        Script afterwards = connection -> connection.pause(20).finish();
        try (SplitAnswers answers = SplitAnswers.of("HTTP/1.1 200 OK\r\n" + framed, afterwards)) {
            RIG.serve(answers.backend());

            // When
            String outcome = answers.alike(RIG, GET, client -> {
                try {
                    RawResponse response = client.response();
                    boolean whole = response.status() != 502 && response.complete();
                    return (whole ? "complete" : "broken") + (client.end().ended() ? " closed" : " open");
                } catch (SocketException reset) {
                    // A reset tells the client just as plainly.
                    return "broken closed";
                }
            });

            // Then
            assertThat(outcome).isEqualTo("broken closed");
            assertThat(answers.behindTheAnswer())
                    .as("requests on a connection whose answer was broken")
                    .isEmpty();
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
    void aBodyThatEndsWithItsConnectionIsWhole() throws Exception {
        // Given
        try (SplitAnswers answers = SplitAnswers.of("HTTP/1.1 200 OK\r\n\r\nhello", BackendConnection::finish)) {
            RIG.serve(answers.backend());

            // When
            String current = answers.alike(RIG, GET, ResponseTest::bodyAndItsEnd);
            String old = answers.alike(RIG, "GET / HTTP/1.0\r\nHost: app.test\r\n\r\n", ResponseTest::bodyAndItsEnd);

            // Then
            assertThat(current).isEqualTo("hello complete [chunked]");
            assertThat(old).isEqualTo("hello complete []");
        }
    }

    private static String bodyAndItsEnd(RawClient client) throws IOException {
        RawResponse response = client.response();
        return response.text()
                + (response.complete() ? " complete " : " cut ")
                + response.head().values("Transfer-Encoding");
    }

    @Test
    @Conformance(value = "C23", rfc = "9112 §6.3")
    void bytesBehindAnAnswerNeverAnswerAnyoneElse() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.answering(request -> ScriptedBackend.echoOf(request) + EVIL)) {
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
    void connectIsRefusedAndItsConnectionEnds() throws Exception {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            String request = "CONNECT app.test:80 HTTP/1.1\r\nHost: app.test\r\n\r\n" + GET;
            String outcome = Splits.alike(RIG, request, client -> {
                int status = client.response("CONNECT").status();
                StreamEnd end = client.end();
                return status + (end.ended() ? " closed" : " open") + Splits.show(end.text());
            });

            // Then
            assertThat(outcome).isEqualTo("405 closed\"\"");
            assertThat(backend.connections()).isEmpty();
        }
    }

    @Test
    @Conformance(value = "C25", rfc = "9110 §9.3.8")
    void traceIsRefused() throws Exception {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            String outcome = Splits.alike(
                    RIG,
                    "TRACE / HTTP/1.1\r\nHost: app.test\r\n\r\n",
                    client -> "" + client.response("TRACE").status());

            // Then
            assertThat(outcome).isEqualTo("405");
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
    void hopByHopFieldsOfAnAnswerStayBehind() throws Exception {
        // Given
        List<String> names = List.of("X-Secret", "Upgrade", "Keep-Alive", "Proxy-Connection", "Connection");
        try (SplitAnswers answers = SplitAnswers.of("HTTP/1.1 200 OK\r\nConnection: X-Secret, Upgrade\r\n"
                + "X-Secret: 1\r\nUpgrade: h2c\r\nKeep-Alive: timeout=1\r\nProxy-Connection: keep-alive\r\n"
                + "Content-Length: 2\r\n\r\nok")) {
            RIG.serve(answers.backend());

            // When
            String outcome = answers.alike(RIG, GET, client -> {
                RawResponse response = client.response();
                return response.text() + " "
                        + names.stream().filter(response.head()::has).toList();
            });

            // Then
            assertThat(outcome).isEqualTo("ok []");
        }
    }
}
