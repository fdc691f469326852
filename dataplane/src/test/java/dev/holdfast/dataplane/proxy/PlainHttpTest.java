package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PlainHttpTest {
    private static final String GET = "GET /p?q=1 HTTP/1.1\r\nHost: a.test\r\n\r\n";
    private static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

    private Rig rig;
    private RawBackend backend;

    @BeforeEach
    void start() throws IOException {
        rig = Rig.start();
        backend = RawBackend.answering(OK);
        rig.serve(backend);
    }

    @AfterEach
    void stop() {
        rig.close();
        backend.close();
    }

    @Test
    void requestsShareConnectionsOnBothSides() throws IOException {
        // Given
        try (RawClient client = rig.client()) {
            // When
            String first = client.send(GET).answer();
            String second = client.send(GET).answer();
            // Then
            assertThat(first).startsWith("HTTP/1.1 200 OK\r\n").endsWith("\r\n\r\nhi");
            assertThat(second).isEqualTo(first);
            assertThat(backend.connections).hasValue(1);
            assertThat(backend.requests.getFirst())
                    .startsWith("GET /p?q=1 HTTP/1.1\r\n")
                    .containsIgnoringCase("\r\nhost: a.test\r\n")
                    .contains("\r\nX-Forwarded-For: 127.0.0.1\r\n")
                    .contains("\r\nVia: 1.1 holdfast\r\n")
                    .doesNotContainIgnoringCase("\r\nconnection:");
        }
    }

    @Test
    void aRequestInSingleBytesIsTheSameRequest() throws IOException {
        // Given
        String post =
                "POST /p HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3;x=\"y\"\r\nxyz\r\n0\r\nT: v\r\n\r\n";
        try (RawClient client = rig.client()) {
            // When
            for (char c : post.toCharArray()) {
                client.send(String.valueOf(c));
            }
            // Then
            assertThat(client.answer()).endsWith("hi");
            String request = backend.requests.getFirst();
            assertThat(request).endsWith("\r\n0\r\nT: v\r\n\r\n");
            // Chunks are ours to cut (RFC 9112 §7.1): how many there are depends on what came together.
            assertThat(request.substring(request.indexOf("\r\n\r\n"))
                            .replaceAll("(?m)^[0-9a-f]+\r\n", "")
                            .replace("\r\n", ""))
                    .isEqualTo("xyzT: v");
        }
    }

    @Test
    void pipelinedRequestsAreAnsweredInOrder() throws IOException {
        // Given
        backend.script((request, socket) -> {
            String path = request.substring(4, request.indexOf(" HTTP"));
            RawBackend.write(socket, "HTTP/1.1 200 OK\r\nContent-Length: " + path.length() + "\r\n\r\n" + path);
        });
        try (RawClient client = rig.client()) {
            // When
            StringBuilder requests = new StringBuilder();
            for (int i = 0; i < 50; i++) {
                requests.append("GET /").append(i).append(" HTTP/1.1\r\nHost: a.test\r\n\r\n");
            }
            client.send(requests.toString());
            // Then
            for (int i = 0; i < 50; i++) {
                assertThat(client.answer()).endsWith("\r\n\r\n/" + i);
            }
        }
    }

    @Test
    void anAnswerThatEndsWithTheConnectionIsChunkedForTheClient() throws IOException {
        // Given
        backend.script((request, socket) -> {
            RawBackend.write(socket, "HTTP/1.0 200 OK\r\n\r\nuntil close");
            socket.close();
        });
        try (RawClient client = rig.client()) {
            // When
            String answer = client.send(GET).answer();
            // Then
            assertThat(answer)
                    .startsWith("HTTP/1.1 200 OK")
                    .containsIgnoringCase("transfer-encoding: chunked")
                    .contains("until close")
                    .endsWith("0\r\n\r\n");
        }
    }

    @Test
    void aTruncatedAnswerIsNotPresentedAsComplete() throws IOException {
        // Given
        backend.script((request, socket) -> {
            RawBackend.write(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
            socket.close();
        });
        try (RawClient client = rig.client()) {
            // When
            String answer;
            try {
                answer = client.send(GET).answer();
            } catch (SocketException reset) {
                answer = "<cut>";
            }
            // Then
            assertThat(answer).endsWith("<cut>");
        }
    }

    @Test
    void bodilessAnswersAndInterimAnswersKeepTheOrder() throws IOException {
        // Given
        backend.script((request, socket) -> RawBackend.write(
                socket,
                request.startsWith("HEAD")
                        ? "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"
                        : "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"));
        try (RawClient client = rig.client()) {
            // When
            client.send("HEAD /a HTTP/1.1\r\nHost: a.test\r\n\r\n");
            String headAnswer = client.head();
            client.send(GET);
            // Then
            assertThat(headAnswer).containsIgnoringCase("content-length: 99");
            assertThat(client.head()).startsWith("HTTP/1.1 103");
            assertThat(client.head()).startsWith("HTTP/1.1 204").doesNotContainIgnoringCase("content-length");
        }
    }

    @Test
    void aStalePooledConnectionIsReplacedUnnoticed() throws IOException {
        // Given
        backend.script((request, socket) -> {
            if (backend.requests.size() == 2) {
                socket.close();
            } else {
                RawBackend.write(socket, OK);
            }
        });
        try (RawClient client = rig.client()) {
            client.send(GET).answer();
            // When
            String second = client.send(GET).answer();
            // Then
            assertThat(second).startsWith("HTTP/1.1 200");
            assertThat(backend.connections).hasValue(2);
        }
    }

    @Test
    void malformedAnswersAre502AndTheirConnectionIsNeverUsedAgain() throws IOException {
        for (String bad : new String[] {
            "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            "nonsense\r\n\r\n"
        }) {
            // Given
            backend.script((request, socket) -> RawBackend.write(socket, bad));
            int before = backend.connections.get();
            try (RawClient client = rig.client()) {
                // When
                String answer = client.send(GET).answer();
                // Then
                assertThat(answer).as(bad).startsWith("HTTP/1.1 502");
                assertThat(backend.connections.get()).isGreaterThan(before);
            }
        }
    }

    @Test
    void anHttp10ClientGetsNoChunksAndNoInterimAnswers() throws IOException {
        // Given
        backend.script((request, socket) -> RawBackend.write(
                socket,
                "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"));
        try (RawClient client = rig.client()) {
            // When
            String all = client.send(
                            "GET / HTTP/1.0\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
                    .rest();
            // Then
            assertThat(all).startsWith("HTTP/1.1 200 OK").endsWith("\r\n\r\nhi").doesNotContainIgnoringCase("chunked");
            assertThat(backend.requests.getFirst()).startsWith("GET / HTTP/1.1").doesNotContain("Upgrade");
        }
    }

    @Test
    void aSlowReaderStopsTheBackend() throws Exception {
        // Given
        var sent = new java.util.concurrent.atomic.AtomicLong();
        long total = 64L << 20;
        backend.script((request, socket) -> {
            RawBackend.write(socket, "HTTP/1.1 200 OK\r\nContent-Length: " + total + "\r\n\r\n");
            byte[] block = "x".repeat(64 << 10).getBytes(StandardCharsets.US_ASCII);
            for (long at = 0; at < total; at += block.length) {
                socket.getOutputStream().write(block);
                sent.addAndGet(block.length);
            }
        });
        try (RawClient client = rig.client()) {
            client.send(GET).head();
            // When
            Thread.sleep(1_500);
            long whileSlow = sent.get();
            // Then
            assertThat(whileSlow).isLessThan(total / 2);
            assertThat(client.socket.getInputStream().readNBytes((int) total)).hasSize((int) total);
        }
    }
}
