package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.VirtualHost;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class StrictnessTest {
    private static Rig rig;
    private static RawBackend backend;

    @BeforeAll
    static void start() throws IOException {
        rig = Rig.start();
        backend = RawBackend.answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        rig.serve(backend);
    }

    @AfterAll
    static void stop() {
        rig.close();
        backend.close();
    }

    @Test
    void aRefusalAfterAHeadRequestHasItsBody() throws IOException {
        // Given
        try (RawClient client = rig.client()) {
            client.send("HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n");
            assertThat(client.head()).startsWith("HTTP/1.1 200 ");

            // When
            client.send("nonsense\r\n\r\n");

            // Then
            String head = client.head();
            String body = client.rest();
            assertThat(head)
                    .startsWith("HTTP/1.1 400 ")
                    .containsIgnoringCase("\r\ncontent-length: " + body.length() + "\r\n");
        }
    }

    @Test
    void aBodyThatTurnsOutMalformedWhenItsBackendIsGoneHasOneAnswer() throws IOException {
        // Given
        int nobody;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            nobody = socket.getLocalPort();
        }
        try (Rig own = Rig.start();
                RawClient client = own.client()) {
            own.serve(Rig.route(RouteAction.Forward.to("u")), nobody);

            // When
            client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n");

            // Then
            assertThat(client.rest()).containsOnlyOnce("HTTP/1.1 ");
            assertThat(own.meters.find("holdfast.http.requests").counters().stream()
                            .mapToDouble(counter -> counter.count())
                            .sum())
                    .isEqualTo(1);
        }
    }

    static Stream<Arguments> refused() {
        String host = "Host: a.test\r\n";
        String ws = host + "Connection: Upgrade\r\nUpgrade: websocket\r\n";
        String key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        return Stream.of(
                Arguments.of(400, "GET / HTTP/1.1\r\n\r\n"),
                Arguments.of(400, "GET / HTTP/1.1\r\n" + host + host + "\r\n"),
                Arguments.of(400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
                Arguments.of(400, "GET / HTTP/1.1\r\nHost: u@a.test\r\n\r\n"),
                Arguments.of(400, "GET / HTTP/1.1\n" + host + "\r\n"),
                Arguments.of(400, "GET / HTTP/1.1\r\n" + host + "A : b\r\n\r\n"),
                Arguments.of(400, "GET / HTTP/1.1\r\n" + host + "A: b\r\n c\r\n\r\n"),
                Arguments.of(400, "GET / HTTP/1.1\r\n" + host + "A: b\rc\r\n\r\n"),
                Arguments.of(400, "GET / HTTP/1.1\r\n" + host + "A: b\0c\r\n\r\n"),
                Arguments.of(400, "\1GET / HTTP/1.1\r\n" + host + "\r\n"),
                Arguments.of(400, "G@T / HTTP/1.1\r\n" + host + "\r\n"),
                Arguments.of(400, "GET  / HTTP/1.1\r\n" + host + "\r\n"),
                Arguments.of(400, "GET /a#b HTTP/1.1\r\n" + host + "\r\n"),
                Arguments.of(400, "GET /a/../b HTTP/1.1\r\n" + host + "\r\n"),
                Arguments.of(400, "GET /a//b HTTP/1.1\r\n" + host + "\r\n"),
                Arguments.of(400, "GET /%2e%2e/b HTTP/1.1\r\n" + host + "\r\n"),
                Arguments.of(400, "GET /%00 HTTP/1.1\r\n" + host + "\r\n"),
                Arguments.of(400, "GET * HTTP/1.1\r\n" + host + "\r\n"),
                Arguments.of(400, "POST / HTTP/1.1\r\n" + host + "Content-Length: +5\r\n\r\nabcde"),
                Arguments.of(400, "POST / HTTP/1.1\r\n" + host + "Content-Length: 0x5\r\n\r\nabcde"),
                Arguments.of(400, "POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde"),
                Arguments.of(
                        400, "POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
                Arguments.of(400, "POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n"),
                Arguments.of(400, "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, gzip\r\n\r\n"),
                Arguments.of(501, "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n"),
                Arguments.of(400, "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5\nabcde"),
                Arguments.of(400, "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc"),
                Arguments.of(405, "CONNECT a.test:80 HTTP/1.1\r\n" + host + "\r\n"),
                Arguments.of(405, "TRACE / HTTP/1.1\r\n" + host + "\r\n"),
                Arguments.of(505, "GET / HTTP/2.0\r\n" + host + "\r\n"),
                Arguments.of(414, "GET /" + "a".repeat(17 << 10)),
                Arguments.of(431, "GET / HTTP/1.1\r\n" + host + "A: " + "a".repeat(65 << 10)),
                Arguments.of(413, "POST / HTTP/1.1\r\n" + host + "Content-Length: 99999999999\r\n\r\n"),
                Arguments.of(400, "GET / HTTP/1.1\r\n" + ws + "Sec-WebSocket-Version: 13\r\n\r\n"),
                Arguments.of(400, "GET / HTTP/1.1\r\n" + ws + key + key + "Sec-WebSocket-Version: 13\r\n\r\n"),
                Arguments.of(400, "POST / HTTP/1.1\r\n" + ws + key + "Sec-WebSocket-Version: 13\r\n\r\n"),
                Arguments.of(426, "GET / HTTP/1.1\r\n" + ws + key + "Sec-WebSocket-Version: 8\r\n\r\n"));
    }

    @ParameterizedTest
    @MethodSource("refused")
    void whatCouldBeReadInTwoWaysIsRefusedAndTheConnectionEnds(int status, String request) throws IOException {
        // Given
        try (RawClient client = rig.client()) {
            // When
            String all = client.send(request).rest();
            // Then
            assertThat(all).startsWith("HTTP/1.1 " + status + " ");
            assertThat(all.split("HTTP/1.1 ", -1)).hasSize(2);
        }
    }

    @Test
    void longLinesAndHeadsWithinTheLimitsWork() throws IOException {
        // Given
        String target = "/" + "a".repeat(8_000);
        try (RawClient client = rig.client()) {
            // When
            String answer = client.send(
                            "GET " + target + " HTTP/1.1\r\nHost: a.test\r\nA: " + "b".repeat(33_000) + "\r\n\r\n")
                    .answer();
            // Then
            assertThat(answer).startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void anAbsoluteTargetReplacesHost() throws IOException {
        // Given
        try (RawClient client = rig.client()) {
            // When
            client.send("GET http://A.test/abs?x HTTP/1.1\r\nHost: other.test\r\n\r\n")
                    .answer();
            // Then
            assertThat(backend.requests.getLast())
                    .startsWith("GET /abs?x HTTP/1.1")
                    .containsIgnoringCase("\r\nhost: a.test\r\n")
                    .doesNotContain("other.test");
        }
    }

    @Test
    void forgedAndHopByHopFieldsNeverReachABackend() throws IOException {
        // Given
        try (RawClient client = rig.client()) {
            // When
            client.send("GET /f HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\n"
                            + "Forwarded: for=6.6.6.6\r\nX-SSL-Cert: x\r\nX-Real-IP: 6.6.6.6\r\nUpgrade: h2c\r\n"
                            + "HTTP2-Settings: x\r\nTE: trailers\r\nSecret: y\r\n"
                            + "Connection: Upgrade, HTTP2-Settings, Secret, X-Forwarded-For\r\n\r\n")
                    .answer();
            // Then
            assertThat(backend.requests.getLast())
                    .contains("\r\nX-Forwarded-For: 127.0.0.1\r\n")
                    .contains("\r\nForwarded: for=127.0.0.1;host=a.test;proto=http\r\n")
                    .doesNotContain("6.6.6.6")
                    .doesNotContainIgnoringCase("upgrade")
                    .doesNotContainIgnoringCase("x-ssl")
                    .doesNotContainIgnoringCase("secret")
                    .doesNotContainIgnoringCase("\r\nTE:");
        }
    }

    @Test
    void aPlainRequestOnARedirectingRouteIsSentToHttps() throws IOException {
        // Given
        try (Rig own = new Rig(Rig.config().withRedirectPort(443))) {
            own.serve(Rig.route(RouteAction.Forward.to("u"), Route.Plaintext.REDIRECT), backend);
            try (RawClient client = own.client()) {
                // When
                String redirect =
                        client.send("GET /p?q HTTP/1.1\r\nHost: a.test\r\n\r\n").answer();
                String challenge = client.send("GET /.well-known/acme-challenge/t HTTP/1.1\r\nHost: a.test\r\n\r\n")
                        .answer();
                // Then
                assertThat(redirect)
                        .startsWith("HTTP/1.1 308")
                        .containsIgnoringCase("location: https://a.test/p?q\r\n");
                assertThat(challenge).startsWith("HTTP/1.1 200");
            }
        }
    }

    @Test
    void aRedirectIsToAUrlOrThereIsNone() throws IOException {
        // Given
        Route redirecting = Rig.route(RouteAction.Forward.to("u"), Route.Plaintext.REDIRECT);
        try (Rig own = new Rig(Rig.config().withRedirectPort(443));
                RawClient client = own.client()) {
            own.serve(List.of(new VirtualHost(HostPattern.ANY, null, List.of(redirecting))), List.of(), backend);
            // When
            String asterisk =
                    client.send("OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n").answer();
            String nameless = client.send("GET /p HTTP/1.0\r\n\r\n").answer();
            // Then
            assertThat(asterisk).startsWith("HTTP/1.1 308").containsIgnoringCase("location: https://a.test/\r\n");
            assertThat(nameless).startsWith("HTTP/1.1 400").doesNotContainIgnoringCase("location:");
        }
    }

    @Test
    void unknownHostsAre404AndARouteWithoutEndpointsIs503() throws IOException {
        // Given
        try (Rig own = Rig.start();
                RawClient client = own.client()) {
            // When
            String before =
                    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").answer();
            own.serve();
            String unknown =
                    client.send("GET / HTTP/1.1\r\nHost: b.test\r\n\r\n").answer();
            String empty = client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").answer();
            // Then
            assertThat(before).startsWith("HTTP/1.1 503");
            assertThat(unknown).startsWith("HTTP/1.1 404");
            assertThat(empty).startsWith("HTTP/1.1 503");
        }
    }
}
