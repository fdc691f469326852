package dev.holdfast.dataplane.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.conformance.rig.BackendConnection;
import dev.holdfast.dataplane.conformance.rig.Front;
import dev.holdfast.dataplane.conformance.rig.ProxyRig;
import dev.holdfast.dataplane.conformance.rig.RawClient;
import dev.holdfast.dataplane.conformance.rig.ScriptedBackend;
import dev.holdfast.dataplane.conformance.rig.ScriptedBackend.Script;
import dev.holdfast.dataplane.conformance.rig.SplitAnswers;
import dev.holdfast.dataplane.conformance.rig.Tables;
import dev.holdfast.routetable.PathMatch;
import java.io.IOException;
import java.net.SocketException;
import java.util.List;
import javax.net.ssl.SSLException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What breaks off at the backend, told to clients for whom an orderly end could be the end of the body: those of HTTP/1.0,
 * and those who take close_notify for it. Only a reset says otherwise.
 */
class BrokenAnswerTest {
    private static final ProxyRig RIG = ProxyRig.start();
    private static final Front TLS = () -> RawClient.tls(RIG.httpsPort(), "app.test");
    private static final String CURRENT = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";
    private static final String OLD = "GET / HTTP/1.0\r\nHost: app.test\r\n\r\n";
    private static final String OLD_AND_STAYING = "GET / HTTP/1.0\r\nHost: app.test\r\nConnection: keep-alive\r\n\r\n";

    @AfterAll
    static void stop() {
        RIG.close();
    }

    @ParameterizedTest
    @Conformance(value = "C23", rfc = "9112 §7.1, §8")
    @Conformance(value = "C27", rfc = "9112 §8")
    @ValueSource(
            strings = {
                "Content-Length: 100\r\n\r\nhello",
                "Content-Length: 6\r\n\r\nhello",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n"
            })
    void anOldVersionHearsOfABrokenAnswerByAReset(String framed) throws Exception {
        // Given
        try (SplitAnswers answers = SplitAnswers.of("HTTP/1.1 200 OK\r\n" + framed, BrokenAnswerTest::end)) {
            RIG.serve(answers.backend());

            // When
            List<String> outcomes = List.of(
                    answers.alike(RIG, OLD, BrokenAnswerTest::outcome),
                    answers.alike(RIG, OLD_AND_STAYING, BrokenAnswerTest::outcome));

            // Then
            assertThat(outcomes).containsOnly("broken RESET");
            assertThat(answers.behindTheAnswer())
                    .as("requests on a connection whose answer was broken")
                    .isEmpty();
        }
    }

    @ParameterizedTest
    @Conformance(value = "C27", rfc = "9112 §9.8")
    @ValueSource(
            strings = {
                "Content-Length: 100\r\n\r\nhello",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n"
            })
    void underTlsABrokenAnswerEndsWithoutCloseNotify(String framed) throws Exception {
        // Given
        try (SplitAnswers answers = SplitAnswers.of("HTTP/1.1 200 OK\r\n" + framed, BrokenAnswerTest::end)) {
            serveUnderTls(answers.backend());

            // When
            List<String> outcomes = List.of(
                    answers.alike(TLS, CURRENT, BrokenAnswerTest::outcome),
                    answers.alike(TLS, OLD, BrokenAnswerTest::outcome));

            // Then
            assertThat(outcomes).containsOnly("broken RESET");
        }
    }

    @Test
    @Conformance(value = "C27", rfc = "9112 §8")
    void aResetOfTheBackendIsNoEndForAnOldVersionEither() throws Exception {
        // Given
        Script script = connection -> {
            connection.require();
            connection.send("HTTP/1.1 200 OK\r\n\r\nhello").pause(50).reset();
        };
        try (ScriptedBackend backend = ScriptedBackend.playing(script)) {
            serveUnderTls(backend);

            // When
            List<String> outcomes = List.of(ask(RIG, OLD), ask(TLS, OLD), ask(TLS, CURRENT));

            // Then
            assertThat(outcomes).containsOnly("broken RESET");
        }
    }

    /** What the tests above tell from a broken answer. */
    @Test
    @Conformance(value = "C27", rfc = "9112 §9.8")
    void aWholeAnswerToAnOldVersionEndsInOrder() throws Exception {
        // Given
        try (SplitAnswers answers = SplitAnswers.of(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                BrokenAnswerTest::end)) {
            serveUnderTls(answers.backend());

            // When
            List<String> outcomes = List.of(
                    answers.alike(RIG, OLD, BrokenAnswerTest::outcome),
                    answers.alike(TLS, OLD, BrokenAnswerTest::outcome));

            // Then
            assertThat(outcomes).containsOnly("complete");
        }
    }

    private static void end(BackendConnection connection) throws IOException {
        connection.pause(20).finish();
    }

    private static void serveUnderTls(ScriptedBackend backend) throws Exception {
        RIG.serve(new Tables()
                .forward("app.test", PathMatch.ALL, backend.port())
                .certificate("app.test", RoutingTest.certificate("app.test"))
                .build());
    }

    private static String ask(Front front, String request) throws IOException {
        try (RawClient client = front.client()) {
            return outcome(client.send(request));
        }
    }

    private static String outcome(RawClient client) throws IOException {
        try {
            if (client.response().complete()) {
                return "complete";
            }
        } catch (SocketException | SSLException reset) {
            // It overtook the head.
            return "broken RESET";
        }
        return "broken " + client.end().how();
    }
}
