package dev.holdfast.e2e.observe;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.holdfast.e2e.overload.DataPlaneProcess;
import dev.holdfast.e2e.overload.ServedTable;
import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.RawGet;
import dev.holdfast.routetable.Timeouts;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The options of a data plane's process that say what it tells of its traffic. */
@Timeout(value = 200, unit = TimeUnit.SECONDS)
class ObserveOptionsTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @Test
    void theAccessLogGoesToStandardOutput(@TempDir Path work) throws Exception {
        // Given
        try (EchoBackend backend = new EchoBackend("backend");
                DataPlaneProcess dataPlane = DataPlaneProcess.serve(
                        new ServedTable()
                                .host("log.test", backend.port(), Timeouts.DEFAULT)
                                .store(work),
                        "--access-log=all",
                        "--access-log-field=client=redact,path=drop")) {
            // When
            int status = RawGet.status(dataPlane.httpPort(), "log.test");

            // Then
            assertThat(status).isEqualTo(200);
            assertThat(dataPlane
                            .process()
                            .await("^\\{.*\"record\":\"request\".*\"status\":200.*}$", PATIENCE)
                            .group())
                    .contains("\"route\":\"log.test\"", "\"client\":\"redacted\"")
                    .doesNotContain("\"path\"", "127.0.0.1\",\"host");
        }
    }

    @Test
    void openTelemetryIsLoadedOnlyWhenAskedFor(@TempDir Path work) throws Exception {
        // Given
        BlockingQueue<String> taken = new LinkedBlockingQueue<>();
        HttpServer collector = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 8);
        collector.createContext("/", exchange -> {
            try (exchange) {
                exchange.getRequestBody().readAllBytes();
                taken.add(exchange.getRequestMethod() + " " + exchange.getRequestURI());
                exchange.sendResponseHeaders(200, -1);
            }
        });
        collector.start();
        try (EchoBackend backend = new EchoBackend("backend")) {
            Path state = new ServedTable()
                    .host("log.test", backend.port(), Timeouts.DEFAULT)
                    .store(work);
            Path without = work.resolve("without");
            Path with = work.resolve("with");

            // When
            try (DataPlaneProcess plain = DataPlaneProcess.serve(List.of(), List.of(classLog(without)), state)) {
                assertThat(RawGet.status(plain.httpPort(), "log.test")).isEqualTo(200);
            }
            try (DataPlaneProcess traced = DataPlaneProcess.serve(
                    List.of(),
                    List.of(classLog(with)),
                    state,
                    "--otlp-endpoint=http://127.0.0.1:" + collector.getAddress().getPort())) {
                assertThat(RawGet.status(traced.httpPort(), "log.test")).isEqualTo(200);
                assertThat(taken.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isEqualTo("POST /v1/traces");
            }

            // Then
            assertThat(Files.readString(without))
                    .contains("dev.holdfast.dataplane.DataPlane ")
                    .doesNotContain("io.opentelemetry", "accesslog.AccessLog ");
            assertThat(Files.readString(with)).contains("io.opentelemetry");
        } finally {
            collector.stop(0);
        }
    }

    private static String classLog(Path file) {
        return "-Xlog:class+load=info:file=" + file;
    }
}
