package dev.holdfast.dataplane.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.sync.Tables;
import dev.holdfast.routetable.Certificate;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.SecretBytes;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AdminServerTest {
    /** More than the kernel takes of an answer that nobody reads. */
    private static final String LONG = "# long\n".repeat(2_000_000);

    private static final int CERTIFICATES = 16;

    private final ActiveRoutes routes = new ActiveRoutes();
    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private Optional<String> unready = Optional.empty();
    private Supplier<String> metrics = registry::scrape;
    private final List<Socket> unread = new ArrayList<>();
    private AdminServer server;

    @BeforeEach
    void start() throws IOException {
        server = new AdminServer(anyPort(), routes, () -> unready, () -> metrics.get());
        server.start();
    }

    @AfterEach
    void close() throws IOException {
        server.close();
        for (Socket socket : unread) {
            socket.close();
        }
    }

    private static InetSocketAddress anyPort() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    @Test
    void readinessSaysWhyNot() throws IOException {
        // Given
        unready = Optional.of("no route table yet");

        // When
        String answer = exchange("GET", "/readyz");

        // Then
        assertThat(answer).startsWith("HTTP/1.1 503 ").endsWith("not ready: no route table yet\n");
        assertThat(exchange("GET", "/healthz")).startsWith("HTTP/1.1 200 ");
        unready = Optional.empty();
        assertThat(exchange("GET", "/readyz")).startsWith("HTTP/1.1 200 ");
    }

    @Test
    void metricsAreInPrometheusText() throws IOException {
        // Given
        registry.counter("holdfast.test", "kind", "a").increment();

        // When
        String answer = exchange("GET", "/metrics");

        // Then
        assertThat(answer)
                .startsWith("HTTP/1.1 200 ")
                .contains("text/plain; version=0.0.4")
                .contains("holdfast_test_total{kind=\"a\"} 1.0");
    }

    @Test
    void theDumpHoldsTheTableWithoutItsKeys() throws IOException {
        // Given
        assertThat(exchange("GET", "/tables")).startsWith("HTTP/1.1 503 ");
        routes.swap(Tables.version(7, Tables.withPort(80)), Tables.withPort(80));

        // When
        String answer = exchange("GET", "/tables");

        // Then
        assertThat(answer)
                .startsWith("HTTP/1.1 200 ")
                .contains("application/json", "\"sequence\":7", "10.0.0.1", "\"keyPem\":\"<redacted>\"")
                .doesNotContain(Tables.KEY)
                .doesNotContain(Base64.getEncoder().encodeToString(Tables.KEY.getBytes(StandardCharsets.US_ASCII)));
    }

    @ParameterizedTest
    @CsvSource({
        "GET, /, 404",
        "GET, /tables/, 404",
        "GET, /tables/../tables, 404",
        "GET, /../tables, 404",
        "GET, /%74ables, 404",
        "GET, /metrics/x, 404",
        "POST, /tables, 405",
        "PUT, /readyz, 405",
        "DELETE, /, 405",
        "OPTIONS, /metrics, 405",
        "HEAD, /healthz, 200",
        "HEAD, /nothing, 404",
    })
    void nothingElseIsAnswered(String method, String path, int status) throws IOException {
        // When
        String answer = exchange(method, path);

        // Then
        assertThat(answer).startsWith("HTTP/1.1 " + status + " ");
        assertThat(answer.endsWith("\r\n\r\n")).isEqualTo(method.equals("HEAD"));
    }

    @Test
    void theKubeletIsAnsweredWhileEverythingElseIsBusy() throws IOException {
        // Given
        AtomicInteger computing = new AtomicInteger();
        CountDownLatch end = new CountDownLatch(1);
        metrics = () -> {
            computing.incrementAndGet();
            try {
                end.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return "";
        };
        for (int i = 0; i < AdminServer.SCRAPES_AT_A_TIME_MAX; i++) {
            ask("/metrics");
        }
        await().until(() -> computing.get() == AdminServer.SCRAPES_AT_A_TIME_MAX);

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
        metrics = () -> LONG;

        // When
        for (int i = 0; i < AdminServer.SCRAPES_AT_A_TIME_MAX; i++) {
            ask("/metrics").getInputStream().read();
        }

        // Then
        assertThat(exchange("HEAD", "/metrics")).startsWith("HTTP/1.1 503 ");
        unread.getFirst().close();
        await().untilAsserted(() -> assertThat(exchange("HEAD", "/metrics")).startsWith("HTTP/1.1 200 "));
    }

    @Test
    void dumpsThatNobodyReadsAreFewAndHoldUpNobodyElse() throws IOException {
        // Given
        RouteTable large = large();
        routes.swap(Tables.version(7, large), large);

        // When
        for (int i = 0; i < AdminServer.DUMPS_AT_A_TIME_MAX; i++) {
            ask("/tables").getInputStream().read();
        }

        // Then
        assertThat(exchange("HEAD", "/tables")).startsWith("HTTP/1.1 503 ");
        assertThat(exchange("GET", "/metrics")).startsWith("HTTP/1.1 200 ");
        assertThat(exchange("GET", "/healthz")).startsWith("HTTP/1.1 200 ");
        unread.getFirst().close();
        await().untilAsserted(() -> assertThat(exchange("HEAD", "/tables")).startsWith("HTTP/1.1 200 "));
    }

    @Test
    void whoDoesNotReadIsCutOff() throws IOException {
        // Given
        server.close();
        server = new AdminServer(anyPort(), routes, () -> unready, () -> LONG, Duration.ofMillis(300));
        server.start();
        for (int i = 0; i < AdminServer.SCRAPES_AT_A_TIME_MAX; i++) {
            ask("/metrics").getInputStream().read();
        }

        // When
        await().ignoreExceptionsInstanceOf(IOException.class)
                .until(() -> exchange("HEAD", "/metrics").startsWith("HTTP/1.1 200 "));

        // Then: their places are free again because of that
        assertThat(unread).anySatisfy(socket -> assertThat(readToEnd(socket)).isLessThan(LONG.length()));
    }

    private static RouteTable large() {
        return RouteTable.of(
                List.of(),
                List.of(),
                List.of(),
                IntStream.range(0, CERTIFICATES)
                        .mapToObj(i -> new Certificate(
                                "ns/" + i, "c".repeat(LONG.length() / CERTIFICATES), SecretBytes.ofText(Tables.KEY)))
                        .toList());
    }

    /** Asks and does not read. */
    private Socket ask(String path) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port());
        unread.add(socket);
        socket.setSoTimeout(10_000);
        socket.getOutputStream()
                .write(("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
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
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            socket.setSoTimeout(10_000);
            String request = method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
