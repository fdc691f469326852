package dev.holdfast.dataplane.admin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.sync.Tables;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AdminServerTest {
    private final ActiveRoutes routes = new ActiveRoutes();
    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private Optional<String> unready = Optional.empty();
    private AdminServer server;

    @BeforeEach
    void start() throws IOException {
        server = new AdminServer(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), routes, () -> unready, registry::scrape);
        server.start();
    }

    @AfterEach
    void close() {
        server.close();
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

    private String exchange(String method, String path) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            socket.setSoTimeout(10_000);
            String request = method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
