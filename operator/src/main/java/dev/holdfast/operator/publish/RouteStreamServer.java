package dev.holdfast.operator.publish;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.ApplyReport;
import dev.holdfast.routetable.wire.WireCodec;
import dev.holdfast.routetable.wire.WireException;
import io.micrometer.core.instrument.Counter;
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
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLParameters;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves the table stream and takes reports, as {@code docs/wire-protocol.md} says. One virtual thread per stream, so
 * that a reader that is slow or stuck holds up nobody; it is cut when an event does not leave in time. Everything that
 * is not one of the two requests is denied; with a guard, so is every request on any path of who is no data plane.
 */
public final class RouteStreamServer implements AutoCloseable {
    /** The request header in which a data plane says its name. */
    static final String DATA_PLANE_HEADER = "Holdfast-Data-Plane";

    /** The response header that says when the publisher began to count its versions. */
    static final String EPOCH_HEADER = "Holdfast-Epoch";

    private static final Logger LOG = LoggerFactory.getLogger(RouteStreamServer.class);
    private static final int REPORTS_AT_A_TIME_MAX = 64;
    private static final int BACKLOG = 1_024;
    private static final int SILENT_KEEP_ALIVES = 3;
    private static final Duration REPORT_DEADLINE = Duration.ofSeconds(10);
    private static final Duration COMPLAINT_PERIOD = Duration.ofSeconds(30);

    /** The request header in which a data plane says that its stream is, or was, at another replica. */
    private static final String STREAM_HEADER = "Holdfast-Stream";

    private static final String BEARER = "Bearer ";
    private static final byte[] COMMENT = ":\n\n".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] EVENT_END = "\n\n".getBytes(StandardCharsets.US_ASCII);
    private static final Set<String> LOOPBACK_HOSTS = Set.of("localhost", "127.0.0.1", "[::1]");

    static {
        ServerLimits.set();
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
    private final Set<Proof> proofs = ConcurrentHashMap.newKeySet();
    private final AtomicLong complainedNanos = new AtomicLong(System.nanoTime() - COMPLAINT_PERIOD.toNanos());

    /** Who a request is from, and the token that says so. */
    private record Peer(PeerVerdict.Known verdict, String token) {
        /** Without the token. */
        @Override
        public String toString() {
            return verdict.pod();
        }
    }

    /** That an open stream is a data plane's; every report of that data plane renews it. Judged anew at each keep-alive. */
    private static final class Proof {
        private final String pod;
        private volatile Peer peer;
        private long judgedNanos = System.nanoTime();
        private boolean refused;

        Proof(Peer peer) {
            pod = peer.verdict.pod();
            this.peer = peer;
        }
    }

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
        this.server = bind(config);
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

    private static HttpServer bind(StreamServerConfig config) throws IOException {
        StreamGuard guard = config.guard();
        if (guard == null) {
            return HttpServer.create(config.listen(), BACKLOG);
        }
        HttpsServer server = HttpsServer.create(config.listen(), BACKLOG);
        server.setHttpsConfigurator(new HttpsConfigurator(guard.tls()) {
            @Override
            public void configure(HttpsParameters connection) {
                SSLParameters tls = getSSLContext().getDefaultSSLParameters();
                tls.setProtocols(new String[] {"TLSv1.3"});
                connection.setSSLParameters(tls);
            }
        });
        return server;
    }

    /** Starts to answer. */
    public void start() {
        server.start();
        Duration every = config.keepAlive();
        deadlines.every(every, () -> reports.forget(every.multipliedBy(SILENT_KEEP_ALIVES)));
        LOG.info(
                "table stream listens address={} port={} tls={}",
                config.listen().getAddress().getHostAddress(),
                port(),
                config.guard() != null);
    }

    /** The port that was bound. */
    public int port() {
        return server.getAddress().getPort();
    }

    /** What a data plane on this machine is given as the operator's URL. */
    public URI uri() {
        if (config.guard() != null) {
            // A certificate is for names.
            return URI.create("https://localhost:" + port());
        }
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
            StreamGuard guard = config.guard();
            if (guard != null) {
                String token = token(exchange);
                PeerVerdict verdict = token == null
                        ? new PeerVerdict.Unknown("it showed no token")
                        : guard.peers().verify(token);
                switch (verdict) {
                    case PeerVerdict.Known known -> serve(exchange, new Peer(known, String.valueOf(token)));
                    case PeerVerdict.Unknown unknown -> deny(exchange, 401, unknown.why());
                    case PeerVerdict.Foreign foreign -> deny(exchange, 403, foreign.why());
                    case PeerVerdict.Undecided undecided -> deny(exchange, 503, undecided.why());
                }
            } else if (isLoopbackHost(exchange.getRequestHeaders().getFirst("Host"))) {
                serve(exchange, null);
            } else {
                refuse(exchange, 421, "Host: expected a loopback name, as in the operator's URL");
            }
        }
    }

    private static @Nullable String token(HttpExchange exchange) {
        String authorization = exchange.getRequestHeaders().getFirst("Authorization");
        return authorization == null || !authorization.startsWith(BEARER)
                ? null
                : authorization.substring(BEARER.length());
    }

    private void serve(HttpExchange exchange, @Nullable Peer peer) throws IOException {
        String path = exchange.getRequestURI().getRawPath();
        String method = exchange.getRequestMethod();
        switch (path == null ? "" : path) {
            case "/v1/tables" -> {
                if (method.equals("GET")) {
                    openStream(exchange, peer);
                } else {
                    refuseMethod(exchange, "GET");
                }
            }
            case "/v1/reports" -> {
                if (method.equals("POST")) {
                    takeReport(exchange, peer);
                } else {
                    refuseMethod(exchange, "POST");
                }
            }
            default -> refuse(exchange, 404, "not found");
        }
    }

    /** Answers without a byte of body: who may not ask learns nothing, not even which paths there are. */
    private void deny(HttpExchange exchange, int status, String why) throws IOException {
        Counter.builder("holdfast.operator.denied")
                .description("Requests at the table stream that were denied, by status")
                .tag("status", Integer.toString(status))
                .register(registry)
                .increment();
        long now = System.nanoTime();
        long last = complainedNanos.get();
        if (now - last >= COMPLAINT_PERIOD.toNanos() && complainedNanos.compareAndSet(last, now)) {
            LOG.warn("request denied from={} status={} because=\"{}\"", exchange.getRemoteAddress(), status, why);
        }
        if (status == 401) {
            exchange.getResponseHeaders().set("WWW-Authenticate", "Bearer");
        }
        exchange.getResponseHeaders().set("Connection", "close");
        exchange.sendResponseHeaders(status, -1);
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

    private void openStream(HttpExchange exchange, @Nullable Peer peer) throws IOException {
        String dataPlane = exchange.getRequestHeaders().getFirst(DATA_PLANE_HEADER);
        if (dataPlane == null || !ApplyReport.isName(dataPlane)) {
            refuse(exchange, 400, DATA_PLANE_HEADER + ": expected the data plane's name, letters, digits, . _ -");
            return;
        }
        if (peer != null && !peer.verdict.pod().equals(dataPlane)) {
            deny(exchange, 403, DATA_PLANE_HEADER + " names another pod than the token");
            return;
        }
        Proof proof = peer == null ? null : new Proof(peer);
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
                if (proof != null) {
                    proofs.add(proof);
                }
                follow(exchange, dataPlane, proof);
            } finally {
                if (proof != null) {
                    proofs.remove(proof);
                }
                reports.closed(dataPlane);
            }
        } finally {
            streams.release();
        }
    }

    private void follow(HttpExchange exchange, String dataPlane, @Nullable Proof proof) throws IOException {
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
                String objection = proof == null ? null : objection(proof);
                if (objection != null) {
                    end = objection;
                    break;
                }
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

    /**
     * Why a stream may not go on, null if it may. Asked before every event; once per keep-alive the token is judged anew, for
     * its pod may be gone. While nobody can judge it, it goes on, and once it does so in spite of a refusal: an API server that
     * starts, or whose store fails, calls tokens invalid that are not.
     */
    private @Nullable String objection(Proof proof) {
        StreamGuard guard = config.guard();
        Peer peer = proof.peer;
        if (guard == null) {
            return null;
        }
        if (guard.time().instant().isAfter(peer.verdict.until())) {
            return "its token ran out, and it showed no other";
        }
        if (System.nanoTime() - proof.judgedNanos < config.keepAlive().toNanos()) {
            return null;
        }
        proof.judgedNanos = System.nanoTime();
        PeerVerdict verdict = guard.peers().verify(peer.token);
        String refusal = switch (verdict) {
            case PeerVerdict.Unknown unknown -> unknown.why();
            case PeerVerdict.Foreign foreign -> foreign.why();
            case PeerVerdict.Known known -> null;
            case PeerVerdict.Undecided undecided -> null;
        };
        boolean before = proof.refused;
        if (!(verdict instanceof PeerVerdict.Undecided)) {
            proof.refused = refusal != null;
        }
        return before ? refusal : null;
    }

    private void send(OutputStream out, EncodedUpdate update) throws IOException, InterruptedException {
        String head = "id: " + update.update().version() + "\nevent: " + update.event() + "\ndata: ";
        long bytes = write(out, head.getBytes(StandardCharsets.US_ASCII), update.json(), EVENT_END);
        Counter.builder("holdfast.operator.updates")
                .description("Updates sent to data planes, by kind")
                .tag("kind", update.event())
                .register(registry)
                .increment();
        Counter.builder("holdfast.operator.update.bytes")
                .description("Bytes of updates sent to data planes, by kind")
                .tag("kind", update.event())
                .register(registry)
                .increment(bytes);
    }

    /**
     * Part after part, for the bytes of a table belong to all streams: a copy for each does not fit into memory when every
     * data plane asks at once. A small event leaves in one piece all the same, the response gathers 4 KiB.
     *
     * @return how many bytes there were
     */
    private long write(OutputStream out, byte[]... parts) throws IOException, InterruptedException {
        long bytes = 0;
        for (byte[] part : parts) {
            bytes += part.length;
        }
        Duration limit = config.writeDeadline().plusSeconds(bytes >> 20);
        deadlines.within(limit, () -> {
            for (byte[] part : parts) {
                out.write(part);
            }
            out.flush();
        });
        return bytes;
    }

    /** A version that cannot be read is one that we never published: the reader gets a full table. */
    private static Optional<TableVersion> heldVersion(@Nullable String lastEventId) {
        try {
            return lastEventId == null ? Optional.empty() : Optional.of(TableVersion.parse(lastEventId));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private void takeReport(HttpExchange exchange, @Nullable Peer peer) throws IOException {
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
            if (peer != null && !peer.verdict.pod().equals(report.dataPlane())) {
                deny(exchange, 403, "dataPlane names another pod than the token");
                return;
            }
            if (!reports.accept(report, place(exchange))) {
                refuse(
                        exchange,
                        503,
                        "data planes: " + ApplyReports.DATA_PLANES_MAX + " are known, no more are allowed");
                return;
            }
            if (peer != null) {
                renew(peer);
            }
            Counter.builder("holdfast.operator.reports")
                    .description("Reports of data planes on updates, by outcome")
                    .tag("outcome", report.outcome().label())
                    .register(registry)
                    .increment();
            exchange.sendResponseHeaders(204, -1);
        } catch (WireException e) {
            refuse(exchange, 400, String.valueOf(e.getMessage()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            reporters.release();
        }
    }

    private static ApplyReports.Place place(HttpExchange exchange) {
        String place = exchange.getRequestHeaders().getFirst(STREAM_HEADER);
        return switch (place == null ? "" : place) {
            case "elsewhere" -> ApplyReports.Place.ELSEWHERE;
            case "ended" -> ApplyReports.Place.ENDED;
            default -> ApplyReports.Place.HERE;
        };
    }

    private void renew(Peer peer) {
        for (Proof proof : proofs) {
            if (proof.pod.equals(peer.verdict.pod()) && peer.verdict.until().isAfter(proof.peer.verdict.until())) {
                proof.peer = peer;
            }
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
