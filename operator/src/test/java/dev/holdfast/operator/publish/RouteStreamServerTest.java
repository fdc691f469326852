package dev.holdfast.operator.publish;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.sun.management.ThreadMXBean;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.ApplyOutcome;
import dev.holdfast.routetable.update.ApplyReport;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import dev.holdfast.routetable.update.TableUpdate.KeepAlive;
import dev.holdfast.routetable.update.TableUpdate.TableDelta;
import dev.holdfast.routetable.wire.WireCodec;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RouteStreamServerTest {
    private static final InetSocketAddress ANY_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    private static final TableVersion ONE = new TableVersion(1, "1".repeat(64));

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final TablePublisher publisher = new TablePublisher(registry);
    private final ApplyReports reports = new ApplyReports();
    private final HttpClient http = HttpClient.newHttpClient();
    private RouteStreamServer server = started(Duration.ofSeconds(15), Duration.ofSeconds(30), 100);

    @AfterEach
    void close() {
        server.close();
    }

    @Test
    void aStreamBeginsWithTheWholeTableAndGoesOnWithDifferences() throws Exception {
        // Given
        publisher.publish(Tables.withPort(80));
        try (StreamReader reader = StreamReader.open(server.uri(), "proxy-a", null)) {
            StreamReader.Event first = reader.event();

            // When
            TableVersion published = publisher.publish(Tables.withPort(81)).version();

            // Then
            StreamReader.Event second = reader.event();
            assertThat(reader.response().headers().firstValue("Content-Type")).contains("text/event-stream");
            assertThat(first.type()).isEqualTo("full");
            assertThat(first.update()).isInstanceOf(FullTable.class);
            assertThat(second.type()).isEqualTo("delta");
            assertThat(second.id()).isEqualTo(published.toString());
            assertThat(second.update())
                    .isInstanceOfSatisfying(
                            TableDelta.class,
                            delta -> assertThat(delta.version()).isEqualTo(published));
        }
    }

    @Test
    void aStreamResumesWhereItWas() throws Exception {
        // Given
        TableVersion held = publisher.publish(Tables.withPort(80)).version();
        publisher.publish(Tables.withPort(81));

        // When
        try (StreamReader reader = StreamReader.open(server.uri(), "proxy-a", held.toString());
                StreamReader current = StreamReader.open(
                        server.uri(),
                        "proxy-b",
                        publisher.current().orElseThrow().version().toString());
                StreamReader unknown = StreamReader.open(server.uri(), "proxy-c", "not-a-version")) {
            // Then
            assertThat(reader.event().update()).isInstanceOf(TableDelta.class);
            assertThat(current.event().update()).isInstanceOf(KeepAlive.class);
            assertThat(unknown.event().update()).isInstanceOf(FullTable.class);
        }
    }

    @Test
    void beforeTheFirstTableAStreamIsOpenAndCarriesComments() throws Exception {
        // Given
        restart(Duration.ofMillis(50), Duration.ofSeconds(30), 100);
        try (StreamReader reader = StreamReader.open(server.uri(), "proxy-a", null)) {
            assertThat(reader.block()).containsExactly(":");
            assertThat(reader.block()).containsExactly(":");

            // When
            publisher.publish(Tables.withPort(80));

            // Then
            assertThat(reader.event().update()).isInstanceOf(FullTable.class);
        }
    }

    @Test
    void silenceIsFilledWithKeepAlivesThatNameTheTable() throws Exception {
        // Given
        restart(Duration.ofMillis(50), Duration.ofSeconds(30), 100);
        TableVersion version = publisher.publish(Tables.withPort(80)).version();

        // When
        try (StreamReader reader = StreamReader.open(server.uri(), "proxy-a", null)) {
            reader.event();

            // Then
            assertThat(reader.event().update()).isEqualTo(new KeepAlive(version));
            assertThat(reader.event().id()).isEqualTo(version.toString());
        }
    }

    @Test
    void aReaderThatDoesNotReadHoldsUpNobodyAndIsCut() throws Exception {
        // Given
        restart(Duration.ofMillis(100), Duration.ofMillis(500), 100);
        try (Socket stuck = new Socket();
                StreamReader other = StreamReader.open(server.uri(), "proxy-b", null)) {
            stuck.setReceiveBufferSize(4 << 10);
            stuck.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port()));
            stuck.getOutputStream().write(head("GET", "/v1/tables", "Holdfast-Data-Plane: stuck\r\n"));
            await().until(() -> reports.states().size() == 2);

            // When
            List<Integer> received = new ArrayList<>();
            for (int port = 1; port <= 3; port++) {
                publisher.publish(Tables.large(60_000, port));
                StreamReader.Event event = other.event();
                while (event.update() instanceof KeepAlive) {
                    event = other.event();
                }
                received.add((int) event.update().version().sequence());
            }

            // Then
            assertThat(received).containsExactly(1, 2, 3);
            await().atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> assertThat(reports.states())
                            .filteredOn(state -> state.streams() > 0)
                            .extracting(DataPlaneState::name)
                            .containsExactly("proxy-b"));
        }
    }

    @Test
    void aTableThatManyReadAtOnceIsInMemoryOnce() throws Exception {
        // Given
        publisher.publish(Tables.large(60_000, 80));
        List<Socket> proxies = new ArrayList<>();
        proxies.add(reading("proxy-0"));
        await().until(() -> sent("updates") == 1);
        double table = sent("update.bytes");

        // When
        long before = allocated();
        for (int i = 1; i <= 8; i++) {
            proxies.add(reading("proxy-" + i));
        }
        await().until(() -> sent("updates") == 9);
        long allocated = allocated() - before;

        // Then
        for (Socket proxy : proxies) {
            proxy.close();
        }
        assertThat(table).isGreaterThan(1 << 20);
        assertThat(allocated).as("for eight tables of %.0f bytes", table).isLessThan((long) (4 * table));
    }

    @Test
    void streamsAreBounded() throws Exception {
        // Given
        restart(Duration.ofMillis(50), Duration.ofSeconds(30), 1);
        StreamReader only = StreamReader.open(server.uri(), "proxy-a", null);

        // When
        int second = StreamReader.open(server.uri(), "proxy-b", null).response().statusCode();

        // Then
        assertThat(second).isEqualTo(503);
        only.close();
        await().until(() ->
                StreamReader.open(server.uri(), "proxy-b", null).response().statusCode() == 200);
    }

    @Test
    void presenceFollowsTheStream() throws Exception {
        // Given
        restart(Duration.ofMillis(50), Duration.ofSeconds(30), 100);
        StreamReader reader = StreamReader.open(server.uri(), "proxy-a", null);
        await().until(() -> reports.states().stream().anyMatch(DataPlaneState::connected));

        // When
        reader.close();

        // Then
        await().until(() -> reports.states().stream().noneMatch(DataPlaneState::connected));
    }

    @Test
    void aReportIsTaken() throws Exception {
        // Given
        ApplyReport report = new ApplyReport("proxy-a", ONE, new ApplyOutcome.Refused("certificate ns/tls: no key"));

        // When
        int status = post(WireCodec.encode(report), "application/json");

        // Then
        assertThat(status).isEqualTo(204);
        assertThat(reports.states()).extracting(DataPlaneState::report).containsExactly(report);
        assertThat(registry.get("holdfast.operator.reports")
                        .tag("outcome", "refused")
                        .counter()
                        .count())
                .isEqualTo(1);
    }

    @Test
    void aReportThatIsNotOneIsRefused() throws Exception {
        // Given
        byte[] valid = WireCodec.encode(new ApplyReport("proxy-a", ONE, new ApplyOutcome.Applied()));

        // When / Then
        assertThat(post("{}".getBytes(UTF_8), "application/json")).isEqualTo(400);
        assertThat(post(new byte[WireCodec.REPORT_BYTES_MAX + 1], "application/json"))
                .isEqualTo(413);
        assertThat(post(valid, "text/plain")).isEqualTo(415);
        assertThat(reports.states()).isEmpty();
    }

    @Test
    void aLaterDataPlaneIsServedAndUnderstoodAsFarAsItsReportsGo() throws Exception {
        // Given
        publisher.publish(Tables.withPort(80));
        String report = new String(
                WireCodec.encode(new ApplyReport("proxy-a", ONE, new ApplyOutcome.Refused("no key"))), UTF_8);
        String more =
                report.replaceFirst("\\{", "{\"release\":2,").replace("\"version\":{", "\"version\":{\"epoch\":7,");

        // When
        String answer = first(head(
                "GET",
                "/v1/tables",
                "Holdfast-Data-Plane: proxy-a\r\nHoldfast-Release: 2\r\nLast-Event-ID: 2/later/1-" + "1".repeat(64)
                        + "\r\nAccept: application/holdfast.v2, text/event-stream\r\n"));
        HttpResponse<String> understood = postForAnswer(more.getBytes(UTF_8), "application/json");
        HttpResponse<String> unknown =
                postForAnswer(report.replace("refused", "postponed").getBytes(UTF_8), "application/json");

        // Then
        assertThat(answer).startsWith("HTTP/1.1 200 ").contains("Holdfast-epoch: " + publisher.epoch());
        assertThat(understood.statusCode()).isEqualTo(204);
        assertThat(reports.states())
                .singleElement()
                .extracting(DataPlaneState::refusal)
                .matches(Optional::isPresent);
        assertThat(unknown.statusCode()).isEqualTo(400);
        assertThat(unknown.body()).isEqualTo("outcome: unknown type (expected: one of version 1)\n");
        assertThat(reports.states()).hasSize(1);
    }

    @ParameterizedTest
    @CsvSource({
        "GET, /, 404",
        "GET, /v1, 404",
        "GET, /v1/tables/, 404",
        "GET, /v1/tables/../tables, 404",
        "GET, //v1/tables, 404",
        "GET, /v2/tables, 404",
        "GET, /metrics, 404",
        "POST, /v1/tables, 405",
        "PUT, /v1/tables, 405",
        "HEAD, /v1/tables, 405",
        "OPTIONS, /v1/tables, 405",
        "DELETE, /v1/reports, 405",
        "GET, /v1/reports, 405",
        "TRACE, /v1/reports, 405",
        "GET, /v1/%74ables, 404",
        "GET, /v1/tables, 400",
    })
    void whatIsNotPartOfTheProtocolIsDenied(String method, String path, int status) throws Exception {
        // Given
        publisher.publish(Tables.withPort(80));

        // When
        String answer = exchange(head(method, path, ""));

        // Then
        assertThat(answer).startsWith("HTTP/1.1 " + status + " ").doesNotContain("\"type\"");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "evil.test",
                "evil.test:80",
                "127.0.0.1.evil.test",
                "localhost.evil.test",
                "10.0.0.1",
                "[fd00::1]:80"
            })
    void aPageThatReboundItsNameToLoopbackGetsNothing(String host) throws Exception {
        // Given
        publisher.publish(Tables.withPort(80));
        String request = "GET /v1/tables HTTP/1.1\r\nHost: " + host + "\r\nHoldfast-Data-Plane: a\r\n\r\n";

        // When
        String answer = exchange(request.getBytes(US_ASCII));

        // Then
        assertThat(answer).startsWith("HTTP/1.1 421 ").doesNotContain("\"type\"");
    }

    @Test
    void aNameThatIsNoneIsRefused() throws Exception {
        // When
        String answer = exchange(head("GET", "/v1/tables", "Holdfast-Data-Plane: a/../b\r\n"));

        // Then
        assertThat(answer).startsWith("HTTP/1.1 400 ");
    }

    @Test
    void anAddressBeyondLoopbackIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> StreamServerConfig.of(new InetSocketAddress("0.0.0.0", 0)))
                .withMessageContaining("stream.listen")
                .withMessageContaining("private keys");
    }

    @Test
    void closingEndsTheStreams() throws Exception {
        // Given
        publisher.publish(Tables.withPort(80));
        StreamReader reader = StreamReader.open(server.uri(), "proxy-a", null);
        reader.event();

        // When
        server.close();

        // Then
        assertThatThrownBy(reader::event).isInstanceOf(IOException.class);
        await().until(() -> reports.states().stream().noneMatch(DataPlaneState::connected));
    }

    private void restart(Duration keepAlive, Duration writeDeadline, int streamsMax) {
        server.close();
        server = started(keepAlive, writeDeadline, streamsMax);
    }

    private RouteStreamServer started(Duration keepAlive, Duration writeDeadline, int streamsMax) {
        try {
            RouteStreamServer made = new RouteStreamServer(
                    new StreamServerConfig(ANY_PORT, keepAlive, writeDeadline, streamsMax),
                    publisher,
                    reports,
                    registry);
            made.start();
            return made;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** A data plane that reads and forgets. */
    private Socket reading(String name) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port());
        socket.getOutputStream().write(head("GET", "/v1/tables", "Holdfast-Data-Plane: " + name + "\r\n"));
        Thread.ofPlatform().daemon().start(() -> {
            try {
                socket.getInputStream().transferTo(OutputStream.nullOutputStream());
            } catch (IOException e) {
                // The test is over.
            }
        });
        return socket;
    }

    private double sent(String what) {
        Counter counter =
                registry.find("holdfast.operator." + what).tag("kind", "full").counter();
        return counter == null ? 0 : counter.count();
    }

    private static long allocated() {
        return ((ThreadMXBean) ManagementFactory.getThreadMXBean()).getTotalThreadAllocatedBytes();
    }

    private int post(byte[] body, String contentType) throws Exception {
        return postForAnswer(body, contentType).statusCode();
    }

    private HttpResponse<String> postForAnswer(byte[] body, String contentType) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(server.uri() + "/v1/reports"))
                .header("Content-Type", contentType)
                .POST(BodyPublishers.ofByteArray(body))
                .build();
        return http.send(request, BodyHandlers.ofString());
    }

    private static byte[] head(String method, String path, String fields) {
        return (method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + fields + "\r\n").getBytes(US_ASCII);
    }

    /** The head of an answer that does not end. */
    private String first(byte[] request) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            socket.setSoTimeout(10_000);
            socket.getOutputStream().write(request);
            StringBuilder head = new StringBuilder();
            while (head.indexOf("\r\n\r\n") < 0) {
                head.append((char) socket.getInputStream().read());
            }
            return head.toString();
        }
    }

    private String exchange(byte[] request) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            socket.setSoTimeout(10_000);
            socket.getOutputStream().write(request);
            return new String(socket.getInputStream().readAllBytes(), US_ASCII);
        }
    }
}
