package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.proxy.forwarded.Cidr;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A load balancer passes TCP on and says who the client is: the backend hears of the client. */
class ProxyProtocolTest {
    private static final List<Cidr> LOOPBACK = List.of(Cidr.parse("127.0.0.0/8"));
    private static final String GET = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    private static final String SIGNATURE = "0d0a0d0a000d0a515549540a";
    private static final String V1 = "PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n";

    private Rig rig;
    private RawBackend backend;

    @BeforeEach
    void start() throws IOException {
        backend = RawBackend.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        start(Rig.config().withProxyProtocolFrom(LOOPBACK));
    }

    private void start(ProxyConfig config) throws IOException {
        if (rig != null) {
            rig.close();
        }
        rig = new Rig(config);
        rig.serve(backend);
    }

    @AfterEach
    void stop() {
        rig.close();
        backend.close();
    }

    static Stream<Arguments> headers() {
        return Stream.of(
                Arguments.of("v1, IPv4", V1, "192.0.2.7"),
                Arguments.of("v1, IPv6", "PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n", "2001:db8::7"),
                Arguments.of("v1, unknown", "PROXY UNKNOWN\r\n", "127.0.0.1"),
                Arguments.of("v2, IPv4", binary("2111000c" + "c0000207c6336401" + "9c4001bb"), "192.0.2.7"),
                Arguments.of(
                        "v2, IPv6",
                        binary("21210024" + "20010db8000000000000000000000007" + "20010db8000000000000000000000001"
                                + "9c4001bb"),
                        "2001:db8::7"),
                Arguments.of(
                        "v2, with more that we do not know",
                        binary("21110013" + "c0000207c6336401" + "9c4001bb" + "ea000401020304"),
                        "192.0.2.7"),
                Arguments.of("v2, of the load balancer's own", binary("20000000"), "127.0.0.1"));
    }

    private static String binary(String rest) {
        return new String(HexFormat.of().parseHex(SIGNATURE + rest), StandardCharsets.ISO_8859_1);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("headers")
    void theBackendHearsOfTheClientThatTheHeaderNames(String form, String header, String client) throws IOException {
        // Given
        try (RawClient connection = rig.client()) {
            // When
            String answer = connection.send(header + GET).answer();

            // Then
            assertThat(answer).startsWith("HTTP/1.1 200 ");
            assertThat(realIp(backend.requests.getLast())).isEqualTo(client);
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("headers")
    void aHeaderMayComeInPieces(String form, String header, String client) throws IOException {
        // Given
        String all = header + GET;
        // When
        for (int at = 1; at < header.length() + 2; at++) {
            try (RawClient connection = rig.client()) {
                connection.send(all.substring(0, at));
                Thread.onSpinWait();
                connection.send(all.substring(at)).answer();
            }
        }

        // Then
        assertThat(backend.requests)
                .hasSize(header.length() + 1)
                .extracting(ProxyProtocolTest::realIp)
                .containsOnly(client);
    }

    @Test
    void itComesBeforeTls() throws Exception {
        // Given
        SSLContext trusting = SSLContext.getInstance("TLS");
        trusting.init(null, InsecureTrustManagerFactory.INSTANCE.getTrustManagers(), null);
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), rig.proxy.httpsPort());
        socket.getOutputStream().write(V1.getBytes(StandardCharsets.US_ASCII));

        // When
        try (RawClient connection =
                new RawClient(trusting.getSocketFactory().createSocket(socket, "a.test", 443, true))) {
            String answer = connection.send(GET).answer();

            // Then
            assertThat(answer).startsWith("HTTP/1.1 200 ");
            assertThat(realIp(backend.requests.getLast())).isEqualTo("192.0.2.7");
        }
    }

    @Test
    void aTunnelOpensBehindIt() throws IOException {
        // Given
        backend.script((request, socket) -> {
            RawBackend.write(
                    socket,
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
            socket.getInputStream().transferTo(socket.getOutputStream());
        });
        try (RawClient connection = rig.client()) {
            connection.send(V1 + "GET / HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
            assertThat(connection.head()).startsWith("HTTP/1.1 101 ");

            // When
            connection.send("\u0081\u0085\1\2\3\4abcde");

            // Then
            assertThat(connection.socket.getInputStream().readNBytes(11))
                    .endsWith("abcde".getBytes(StandardCharsets.US_ASCII));
            assertThat(realIp(backend.requests.getLast())).isEqualTo("192.0.2.7");
        }
    }

    @Test
    void whatTheClientItselfSaysOfTheWayHereIsNotBelieved() throws IOException {
        // Given
        start(Rig.config().withProxyProtocolFrom(LOOPBACK).withTrustedProxies(LOOPBACK));
        try (RawClient connection = rig.client()) {
            // When
            connection
                    .send(V1 + "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n")
                    .answer();

            // Then
            assertThat(realIp(backend.requests.getLast())).isEqualTo("192.0.2.7");
            assertThat(backend.requests.getLast()).doesNotContain("203.0.113.9");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                GET,
                "PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n" + GET,
                "PROXY TCP4 a.test 198.51.100.1 40000 443\r\n" + GET,
                "PROXY TCP4 192.0.2.7 198.51.100.1 40000 99999\r\n" + GET,
                "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003 a client hello of TLS, without an end of line"
                        + " within a hundred and eight bytes, which is as long as a header may be",
                "\r\n\r\n\u0000\r\nQUIT\n\u0031\u0011\u0000\u000c\1\2\3\4\1\2\3\4\1\2\3\4" + GET
            })
    void aPeerThatMustSpeakItAndDoesNotIsCutOffAndCounted(String bytes) throws IOException {
        // Given
        try (RawClient connection = rig.client()) {
            // When
            connection.send(bytes);

            // Then
            assertThat(connection.rest()).isEmpty();
            assertThat(backend.requests).isEmpty();
            await().untilAsserted(() -> assertThat(rig.meters
                            .get("holdfast.proxy.protocol.refused")
                            .counter()
                            .count())
                    .isEqualTo(1));
        }
    }

    @Test
    void nobodyElseMaySpeakIt() throws IOException {
        // Given
        start(Rig.config().withProxyProtocolFrom(List.of(Cidr.parse("10.0.0.0/8"))));
        try (RawClient connection = rig.client();
                RawClient liar = rig.client()) {
            // When
            String answer = connection.send(GET).answer();
            String refusal = liar.send(V1 + GET).answer();

            // Then
            assertThat(answer).startsWith("HTTP/1.1 200 ");
            assertThat(realIp(backend.requests.getLast())).isEqualTo("127.0.0.1");
            assertThat(refusal).startsWith("HTTP/1.1 400 ");
            assertThat(backend.requests).hasSize(1);
        }
    }

    private static String realIp(String request) {
        return request.lines()
                .filter(line -> line.toLowerCase(Locale.ROOT).startsWith("x-real-ip: "))
                .map(line -> line.substring("x-real-ip: ".length()))
                .findFirst()
                .orElse("none");
    }
}
