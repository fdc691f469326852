package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import org.junit.jupiter.api.Test;

class FrontTunnelTest {
    private static final String KEY = "dGhlIHNhbXBsZSBub25jZQ==";
    private static final String UPGRADE = "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, Upgrade\r\n"
            + "Upgrade: websocket\r\nSec-WebSocket-Key: " + KEY + "\r\nSec-WebSocket-Version: 13\r\n\r\n";

    private static String accept() throws Exception {
        byte[] digest = MessageDigest.getInstance("SHA-1")
                .digest((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").getBytes(StandardCharsets.US_ASCII));
        return Base64.getEncoder().encodeToString(digest);
    }

    @Test
    void anUpgradeBecomesATunnelAndEarlyBytesArriveFirst() throws Exception {
        // Given
        String switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Accept: " + accept() + "\r\n\r\n";
        try (Rig rig = Rig.start();
                RawBackend backend = new RawBackend((request, socket) -> {
                    RawBackend.write(socket, switching);
                    byte[] early = socket.getInputStream().readNBytes(11);
                    socket.getOutputStream().write(early);
                    socket.getOutputStream().flush();
                });
                RawClient client = rig.client()) {
            rig.serve(backend);
            // When: a masked text frame of five bytes is glued to the request
            client.send(UPGRADE + "\u0081\u0085\1\2\3\4abcde");
            // Then
            assertThat(client.head()).startsWith("HTTP/1.1 101");
            assertThat(client.socket.getInputStream().readNBytes(11))
                    .isEqualTo("\u0081\u0085\1\2\3\4abcde".getBytes(StandardCharsets.ISO_8859_1));
            assertThat(backend.requests.getFirst())
                    .startsWith("GET /chat HTTP/1.1\r\n")
                    .contains(KEY)
                    .contains("X-Forwarded-For: 127.0.0.1");
        }
    }

    @Test
    void aRefusedUpgradeIsRelayedAsPlainHttp() throws IOException {
        // Given
        try (Rig rig = Rig.start();
                RawBackend backend = RawBackend.answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
                RawClient client = rig.client()) {
            rig.serve(backend);
            // When
            String all = client.send(UPGRADE).rest();
            // Then
            assertThat(all).startsWith("HTTP/1.1 403").endsWith("\r\n\r\nno");
        }
    }

    @Test
    void stoppingEndsIdleConnectionsAndRefusesNewOnes() throws IOException {
        // Given
        try (Rig rig = Rig.start();
                RawBackend backend = RawBackend.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
                RawClient client = rig.client()) {
            rig.serve(backend);
            client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").answer();
            // When
            rig.proxy.stopAccepting();
            // Then
            assertThat(client.isEnded()).isTrue();
        }
    }

    @Test
    void aHeadThatDoesNotArriveInTimeIs408() throws IOException {
        // Given
        HttpLimits d = HttpLimits.DEFAULT;
        HttpLimits quick = new HttpLimits(
                d.requestLineBytesMax(),
                d.headBytesMax(),
                d.bodyBytesMax(),
                java.time.Duration.ofMillis(300),
                d.keepAliveTimeout(),
                d.bodyBytesPerSecondMin(),
                d.bodyGrace(),
                d.tlsHandshakeTimeout(),
                d.answerTimeout());
        try (Rig rig = new Rig(Rig.config().withLimits(quick));
                RawClient client = rig.client()) {
            // When
            String all = client.send("GET / HT").rest();
            // Then
            assertThat(all).startsWith("HTTP/1.1 408");
        }
    }
}
