package dev.holdfast.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who asks much, or does not read, holds up neither the kubelet nor, for ever, anybody else. */
@Timeout(60)
class OperatorAdminServerTest {
    /** More than the kernel takes of an answer that nobody reads. */
    private static final String LONG = "# long\n".repeat(2_000_000);

    private static final Duration HOURS = Duration.ofHours(2);

    private final List<Socket> unread = new ArrayList<>();
    private final List<OperatorAdminServer> servers = new ArrayList<>();

    @AfterEach
    void close() throws IOException {
        servers.forEach(OperatorAdminServer::close);
        for (Socket socket : unread) {
            socket.close();
        }
    }

    @Test
    void theKubeletIsAnsweredWhileEverythingElseIsBusy() throws IOException {
        // Given
        AtomicInteger computing = new AtomicInteger();
        CountDownLatch end = new CountDownLatch(1);
        start(
                () -> {
                    computing.incrementAndGet();
                    try {
                        end.await();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                    return "";
                },
                HOURS);
        for (int i = 0; i < OperatorAdminServer.SCRAPES_AT_A_TIME_MAX; i++) {
            askForMetrics();
        }
        await().until(() -> computing.get() == OperatorAdminServer.SCRAPES_AT_A_TIME_MAX);
        // When
        String healthy = exchange("GET", "/healthz");
        // Then
        assertThat(healthy).startsWith("HTTP/1.1 200 ");
        assertThat(exchange("GET", "/readyz")).startsWith("HTTP/1.1 200 ");
        assertThat(exchange("GET", "/metrics")).startsWith("HTTP/1.1 503 ");
        end.countDown();
    }

    @Test
    void metricsThatNobodyReadsCountUntilTheyAreWritten() throws IOException {
        // Given
        start(() -> LONG, HOURS);
        // When
        for (int i = 0; i < OperatorAdminServer.SCRAPES_AT_A_TIME_MAX; i++) {
            askForMetrics().getInputStream().read();
        }
        // Then
        assertThat(exchange("HEAD", "/metrics")).startsWith("HTTP/1.1 503 ");
        unread.getFirst().close();
        await().untilAsserted(() -> assertThat(exchange("HEAD", "/metrics")).startsWith("HTTP/1.1 200 "));
    }

    @Test
    void whoDoesNotReadIsCutOff() throws IOException {
        // Given
        start(() -> LONG, Duration.ofMillis(300));
        for (int i = 0; i < OperatorAdminServer.SCRAPES_AT_A_TIME_MAX; i++) {
            askForMetrics().getInputStream().read();
        }
        // When
        await().ignoreExceptionsInstanceOf(IOException.class)
                .until(() -> exchange("HEAD", "/metrics").startsWith("HTTP/1.1 200 "));
        // Then: their places are free again because of that
        assertThat(unread).anySatisfy(socket -> assertThat(readToEnd(socket)).isLessThan(LONG.length()));
    }

    private void start(Supplier<String> metrics, Duration exchangeLimit) throws IOException {
        OperatorAdminServer server = new OperatorAdminServer(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), () -> true, metrics, exchangeLimit);
        servers.add(server);
        server.start();
    }

    /** Asks and does not read. */
    private Socket askForMetrics() throws IOException {
        Socket socket =
                new Socket(InetAddress.getLoopbackAddress(), servers.getFirst().port());
        unread.add(socket);
        socket.setSoTimeout(10_000);
        socket.getOutputStream().write("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    private static long readToEnd(Socket socket) throws IOException {
        byte[] buffer = new byte[65_536];
        long length = 0;
        try {
            while (length < LONG.length()) {
                int n = socket.getInputStream().read(buffer);
                if (n < 0) {
                    return length;
                }
                length += n;
            }
        } catch (SocketException e) {
            return length;
        }
        return length;
    }

    private String exchange(String method, String path) throws IOException {
        try (Socket socket =
                new Socket(InetAddress.getLoopbackAddress(), servers.getFirst().port())) {
            socket.setSoTimeout(10_000);
            String request = method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
