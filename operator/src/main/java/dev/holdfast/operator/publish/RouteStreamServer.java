package dev.holdfast.operator.publish;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.ApplyReport;
import dev.holdfast.routetable.wire.WireCodec;
import dev.holdfast.routetable.wire.WireException;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves the table stream and takes reports, as {@code docs/wire-protocol.md} says. One virtual thread per stream, so
 * that a reader that is slow or stuck holds up nobody; it is cut when an event does not leave in time. Everything that
 * is not one of the two requests is denied.
 */
public final class RouteStreamServer implements AutoCloseable {
    /** The request header in which a data plane says its name. */
    static final String DATA_PLANE_HEADER = "Holdfast-Data-Plane";

    /** The response header that says when the publisher began to count its versions. */
    static final String EPOCH_HEADER = "Holdfast-Epoch";

    private static final Logger LOG = LoggerFactory.getLogger(RouteStreamServer.class);
    private static final int REPORTS_AT_A_TIME_MAX = 64;
    private static final Duration REPORT_DEADLINE = Duration.ofSeconds(10);
    private static final byte[] COMMENT = ":\n\n".getBytes(StandardCharsets.US_ASCII);
    private static final Set<String> LOOPBACK_HOSTS = Set.of("localhost", "127.0.0.1", "[::1]");

    static {
        // Read once, when the first HttpServer is created: without them every event waits for the reader's delayed
        // acknowledgement, and a head that never ends holds its thread for ever.
        System.getProperties().putIfAbsent("sun.net.httpserver.nodelay", "true");
        System.getProperties().putIfAbsent("sun.net.httpserver.maxReqTime", "30");
        System.getProperties().putIfAbsent("sun.net.httpserver.maxReqHeaders", "50");
    }

    private final StreamServerConfig config;
    private final TablePublisher publisher;
    private final ApplyReports reports;
    private final MeterRegistry registry;
    private final Semaphore streams;
    private final Semaphore reporters = new Semaphore(REPORTS_AT_A_TIME_MAX);
    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Deadlines deadlines = new Deadlines("stream-deadlines");

    /**
     * Binds the address; nothing is answered before {@link #start()}.
     *
     * @throws IOException if the address cannot be bound
     */
    public RouteStreamServer(
            StreamServerConfig config, TablePublisher publisher, ApplyReports reports, MeterRegistry registry)
            throws IOException {
        this.config = config;
        this.publisher = publisher;
        this.reports = reports;
        this.registry = registry;
        this.streams = new Semaphore(config.streamsMax());
        this.server = HttpServer.create(config.listen(), 1_024);
        server.setExecutor(threads);
        server.createContext("/", this::answer);
        Gauge.builder("holdfast.operator.streams", streams, free -> config.streamsMax() - free.availablePermits())
                .description("Open table streams")
                .register(registry);
        Gauge.builder(
                        "holdfast.operator.dataplanes",
                        reports,
                        known -> known.states().size())
                .description("Known data planes")
                .register(registry);
    }

    /** Starts to answer. */
    public void start() {
        server.start();
        Duration every = config.keepAlive();
        deadlines.every(every, reports::forget);
        LOG.info(
                "table stream listens address={} port={}",
                config.listen().getAddress().getHostAddress(),
                port());
    }

    /** The port that was bound. */
    public int port() {
        return server.getAddress().getPort();
    }

    /** What data planes are given as the operator's URL. */
    public URI uri() {
        InetAddress address = server.getAddress().getAddress();
        String host = address.getHostAddress();
        return URI.create("http://" + (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port());
    }

    /** Ends every stream and stops listening. */
    @Override
    public void close() {
        threads.shutdownNow();
        server.stop(0);
        deadlines.close();
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            if (!isLoopbackHost(exchange.getRequestHeaders().getFirst("Host"))) {
                refuse(exchange, 421, "Host: expected a loopback name, as in the operator's URL");
                return;
            }
            String path = exchange.getRequestURI().getRawPath();
            String method = exchange.getRequestMethod();
            switch (path == null ? "" : path) {
                case "/v1/tables" -> {
                    if (method.equals("GET")) {
                        openStream(exchange);
                    } else {
                        refuseMethod(exchange, "GET");
                    }
                }
                case "/v1/reports" -> {
                    if (method.equals("POST")) {
                        takeReport(exchange);
                    } else {
                        refuseMethod(exchange, "POST");
                    }
                }
                default -> refuse(exchange, 404, "not found");
            }
        }
    }

    /** A page in a browser that rebound its own name to loopback still sends that name. */
    private static boolean isLoopbackHost(@Nullable String host) {
        if (host == null) {
            return false;
        }
        int colon = host.lastIndexOf(':');
        String name = colon > host.lastIndexOf(']') ? host.substring(0, colon) : host;
        return LOOPBACK_HOSTS.contains(name) || name.startsWith("127.") && name.matches("[0-9.]+");
    }

    private void openStream(HttpExchange exchange) throws IOException {
        String dataPlane = exchange.getRequestHeaders().getFirst(DATA_PLANE_HEADER);
        if (dataPlane == null || !ApplyReport.isName(dataPlane)) {
            refuse(exchange, 400, DATA_PLANE_HEADER + ": expected the data plane's name, letters, digits, . _ -");
            return;
        }
        if (!streams.tryAcquire()) {
            refuse(exchange, 503, "streams: " + config.streamsMax() + " are open, no more are allowed");
            return;
        }
        try {
            if (!reports.opened(dataPlane)) {
                refuse(
                        exchange,
                        503,
                        "data planes: " + ApplyReports.DATA_PLANES_MAX + " are known, no more are allowed");
                return;
            }
            try {
                follow(exchange, dataPlane);
            } finally {
                reports.closed(dataPlane);
            }
        } finally {
            streams.release();
        }
    }

    private void follow(HttpExchange exchange, String dataPlane) throws IOException {
        Optional<TableVersion> held = heldVersion(exchange.getRequestHeaders().getFirst("Last-Event-ID"));
        LOG.info(
                "stream opened dataPlane={} holds={}",
                dataPlane,
                held.map(TableVersion::toString).orElse("nothing"));
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
        exchange.getResponseHeaders().set("Cache-Control", "no-store");
        exchange.getResponseHeaders().set(EPOCH_HEADER, Long.toString(publisher.epoch()));
        String end = "the operator stops";
        try {
            exchange.sendResponseHeaders(200, 0);
            OutputStream out = exchange.getResponseBody();
            write(out, COMMENT);
            UpdateCursor cursor = publisher.cursor(held.orElse(null));
            while (!Thread.currentThread().isInterrupted()) {
                Optional<EncodedUpdate> update = cursor.next(config.keepAlive());
                if (update.isPresent()) {
                    send(out, update.get());
                } else {
                    write(out, COMMENT);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            end = Thread.interrupted() ? "it did not read in time" : "it went away";
        }
        LOG.info("stream ended dataPlane={} because=\"{}\"", dataPlane, end);
    }

    private void send(OutputStream out, EncodedUpdate update) throws IOException, InterruptedException {
        String head = "id: " + update.update().version() + "\nevent: " + update.event() + "\ndata: ";
        byte[] json = update.json();
        byte[] event = new byte[head.length() + json.length + 2];
        System.arraycopy(head.getBytes(StandardCharsets.US_ASCII), 0, event, 0, head.length());
        System.arraycopy(json, 0, event, head.length(), json.length);
        event[event.length - 2] = '\n';
        event[event.length - 1] = '\n';
        write(out, event);
        registry.counter("holdfast.operator.updates", "kind", update.event()).increment();
        registry.counter("holdfast.operator.update.bytes", "kind", update.event())
                .increment(event.length);
    }

    private void write(OutputStream out, byte[] bytes) throws IOException, InterruptedException {
        Duration limit = config.writeDeadline().plusSeconds(bytes.length >> 20);
        deadlines.within(limit, () -> {
            out.write(bytes);
            out.flush();
        });
    }

    /** A version that cannot be read is one that we never published: the reader gets a full table. */
    private static Optional<TableVersion> heldVersion(@Nullable String lastEventId) {
        try {
            return lastEventId == null ? Optional.empty() : Optional.of(TableVersion.parse(lastEventId));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private void takeReport(HttpExchange exchange) throws IOException {
        String type = exchange.getRequestHeaders().getFirst("Content-Type");
        if (!"application/json".equals(type)) {
            refuse(exchange, 415, "Content-Type: expected application/json");
            return;
        }
        if (!reporters.tryAcquire()) {
            refuse(exchange, 503, "reports: " + REPORTS_AT_A_TIME_MAX + " at a time are allowed");
            return;
        }
        try {
            byte[][] body = new byte[1][];
            deadlines.within(
                    REPORT_DEADLINE,
                    () -> body[0] = exchange.getRequestBody().readNBytes(WireCodec.REPORT_BYTES_MAX + 1));
            if (body[0].length > WireCodec.REPORT_BYTES_MAX) {
                refuse(exchange, 413, "report: expected at most " + WireCodec.REPORT_BYTES_MAX + " bytes");
                return;
            }
            ApplyReport report = WireCodec.decodeReport(body[0]);
            if (!reports.accept(report)) {
                refuse(
                        exchange,
                        503,
                        "data planes: " + ApplyReports.DATA_PLANES_MAX + " are known, no more are allowed");
                return;
            }
            String outcome = report.outcome().getClass().getSimpleName();
            registry.counter("holdfast.operator.reports", "outcome", outcome).increment();
            exchange.sendResponseHeaders(204, -1);
        } catch (WireException e) {
            refuse(exchange, 400, String.valueOf(e.getMessage()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            reporters.release();
        }
    }

    private static void refuseMethod(HttpExchange exchange, String allowed) throws IOException {
        exchange.getResponseHeaders().set("Allow", allowed);
        refuse(exchange, 405, "method: expected " + allowed);
    }

    private static void refuse(HttpExchange exchange, int status, String why) throws IOException {
        byte[] body = (why + "\n").getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
        exchange.getResponseHeaders().set("Connection", "close");
        boolean head = exchange.getRequestMethod().equals("HEAD");
        exchange.sendResponseHeaders(status, head ? -1 : body.length);
        if (!head) {
            exchange.getResponseBody().write(body);
        }
    }
}
