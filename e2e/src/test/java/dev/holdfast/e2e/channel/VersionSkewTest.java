package dev.holdfast.e2e.channel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.holdfast.dataplane.DataPlane;
import dev.holdfast.e2e.traffic.EchoBackend;
import dev.holdfast.e2e.traffic.RawGet;
import dev.holdfast.e2e.traffic.TunnelFleet;
import dev.holdfast.routetable.Balancing;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.HostPattern;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.Timeouts;
import dev.holdfast.routetable.Upstream;
import dev.holdfast.routetable.VirtualHost;
import dev.holdfast.routetable.update.TableUpdate;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import dev.holdfast.routetable.update.TableUpdate.KeepAlive;
import dev.holdfast.routetable.wire.TableDigester;
import dev.holdfast.routetable.wire.WireCodec;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A data plane under tunnels that follows an operator of the next release, and of the one before (scorecard R18). What each
 * event does is told in the data plane's own tests; here nothing that it says may end a tunnel.
 */
@Timeout(240)
class VersionSkewTest {
    private static final int ROUNDS = 20;
    private static final int TUNNELS = 200;
    private static final String HOST = "skewed.test";
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final ObjectMapper TREE = new ObjectMapper();

    @TempDir
    private Path work;

    private final EchoBackend backend = new EchoBackend("backend");
    private OtherOperator operator;
    private DataPlane dataPlane;

    @BeforeEach
    void start() throws IOException {
        operator = new OtherOperator();
        operator.publish(full(1));
        dataPlane = Follower.of(operator.uri(), work);
        dataPlane.start();
    }

    @AfterEach
    void stop() throws IOException {
        dataPlane.close();
        operator.close();
        backend.close();
    }

    @Test
    void noTunnelEndsByWhatAnOperatorOfAnotherReleaseSays() throws Exception {
        // Given
        awaitServed(1);
        int refused = 0;
        int version = 1;
        try (TunnelFleet fleet = new TunnelFleet()) {
            fleet.open(TUNNELS, URI.create("ws://" + HOST + ":" + dataPlane.httpPort() + "/"));

            // When
            for (int round = 1; round <= ROUNDS; round++) {
                // of the next release: fields around a table, kinds of events, fields in a table that change what it
                // means
                version++;
                operator.send(later(full(version), document -> document.put("fieldOfALaterRelease", "x")));
                awaitServed(version);
                operator.send(later(new KeepAlive(version(version)), document -> document.put("type", "goElsewhere")));
                operator.awaitReport("unknown type");
                operator.send(later(
                        full(version + 1),
                        document -> document.withObject("/table").putObject("policies")));
                operator.awaitReport("policies");
                refused += 2;
                assertThat(served()).as("after what was refused").isEqualTo(version);
                // of the one before: it understands no report, and a restart takes its stream away
                operator.answerReports(400);
                version += 2;
                operator.publish(full(version));
                operator.restart();
                awaitServed(version);
                operator.answerReports(204);
            }

            // Then
            assertThat(fleet.settle(SOON)).as("bytes lost").isZero();
            System.out.printf(
                    Locale.ROOT,
                    "figure: R18 operators of the next release and the one before, %d times each: tables served %d, refused"
                            + " whole %d, tunnels %d, messages %d, drops %d%n",
                    ROUNDS,
                    1 + 2 * ROUNDS,
                    refused,
                    TUNNELS,
                    fleet.messages(),
                    fleet.drops());
            assertThat(fleet.drops()).as("first: %s", fleet.firstDrop()).isZero();
        }
    }

    private void awaitServed(int version) {
        await().atMost(SOON)
                .pollInterval(Duration.ofMillis(10))
                .ignoreExceptions()
                .until(() -> served() == version);
    }

    private int served() throws IOException {
        try (RawGet get = new RawGet(dataPlane.httpPort(), HOST, "/")) {
            return Integer.parseInt(get.get().header("x-version"));
        }
    }

    private RouteTable table(int version) {
        RouteAction action = new RouteAction.Forward(
                List.of(new RouteAction.WeightedUpstream("u", 1)),
                Rewrite.NONE,
                HeaderChanges.NONE,
                new HeaderChanges(
                        List.of(new HeaderChanges.Header("x-version", Integer.toString(version))),
                        List.of(),
                        List.of()),
                Timeouts.DEFAULT);
        Route.Owner owner = new Route.Owner("Ingress", "ns", "skewed");
        Route route = new Route("r", owner, RouteMatch.ALL, action, Route.Plaintext.SERVE);
        return RouteTable.of(
                List.of(new VirtualHost(new HostPattern(HOST), null, List.of(route))),
                List.of(new Upstream("u", "g", null, Balancing.DEFAULT)),
                List.of(new EndpointGroup("g", List.of(EndpointGroup.Endpoint.ready("127.0.0.1", backend.port())))),
                List.of());
    }

    private TableVersion version(int version) {
        return new TableVersion(version, new TableDigester().digest(table(version)));
    }

    private FullTable full(int version) {
        return new FullTable(version(version), table(version));
    }

    private interface Change {
        void apply(ObjectNode document);
    }

    private static byte[] later(TableUpdate update, Change change) throws IOException {
        ObjectNode document = (ObjectNode) TREE.readTree(WireCodec.encode(update));
        change.apply(document);
        return event(update.version(), TREE.writeValueAsBytes(document));
    }

    private static byte[] event(TableVersion version, byte[] json) {
        return ("id: " + version + "\nlater: z\nevent: later\ndata: " + new String(json, UTF_8) + "\n\n")
                .getBytes(UTF_8);
    }

    /** Speaks the protocol of another release: each stream begins with the table that was published last. */
    private static final class OtherOperator implements AutoCloseable {
        private static final byte[] END = new byte[0];

        private final HttpServer server;
        private final BlockingQueue<String> reports = new LinkedBlockingQueue<>();
        private volatile BlockingQueue<byte[]> events = new LinkedBlockingQueue<>();
        private volatile byte[] published = END;
        private volatile int reportStatus = 204;

        OtherOperator() throws IOException {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
            server.createContext("/v1/tables", this::stream);
            server.createContext("/v1/reports", this::report);
            server.start();
        }

        URI uri() {
            return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
        }

        void publish(FullTable table) {
            published = event(table.version(), WireCodec.encode(table));
        }

        void send(byte[] event) {
            events.add(event);
        }

        void answerReports(int status) {
            reportStatus = status;
        }

        /** Ends the stream; the next begins with what is published. */
        void restart() {
            events.add(END);
        }

        void awaitReport(String part) throws InterruptedException {
            long deadline = System.nanoTime() + SOON.toNanos();
            String report = "";
            while (!report.contains(part)) {
                report = reports.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
                assertThat(report).as("a report of " + part).isNotNull();
            }
        }

        private void stream(HttpExchange exchange) throws IOException {
            try (exchange) {
                BlockingQueue<byte[]> own = new LinkedBlockingQueue<>();
                events = own;
                exchange.getResponseHeaders().set("Content-Type", "text/event-stream; charset=utf-8");
                exchange.getResponseHeaders().set("Holdfast-Later", "x");
                exchange.sendResponseHeaders(200, 0);
                OutputStream out = exchange.getResponseBody();
                for (byte[] event = published; event.length > 0; event = own.take()) {
                    out.write(event);
                    out.flush();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        private void report(HttpExchange exchange) throws IOException {
            try (exchange) {
                reports.add(new String(exchange.getRequestBody().readAllBytes(), UTF_8));
                exchange.sendResponseHeaders(reportStatus, -1);
            }
        }

        @Override
        public void close() {
            server.stop(0);
        }
    }
}
