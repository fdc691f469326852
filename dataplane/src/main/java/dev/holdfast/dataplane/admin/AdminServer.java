package dev.holdfast.dataplane.admin;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import dev.holdfast.routetable.wire.WireCodec;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Answers {@code GET} and {@code HEAD} for {@code /healthz}, {@code /readyz}, {@code /metrics} and {@code /tables} on a
 * port of its own. Nothing that it answers holds a secret, nothing that it takes changes anything.
 */
public final class AdminServer implements AutoCloseable {
    static final int SCRAPES_AT_A_TIME_MAX = 16;

    /** Each is as large as the table, in memory until it is written. */
    static final int DUMPS_AT_A_TIME_MAX = 2;

    private static final Duration EXCHANGE_LIMIT = Duration.ofSeconds(60);

    /** Connections to it, requests under way or not; further ones are closed at once. */
    public static final int CONNECTIONS_MAX = 1_000;

    /** What is handed to the server at once: it copies that, into twice the room. */
    private static final int PIECE = 32_768;

    private static final String TEXT = "text/plain; charset=utf-8";
    private static final String PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8";

    static {
        // Read once, when the first HttpServer is created: a head that never ends must not hold its thread for ever,
        // and who opens connections without end must not take descriptors from tunnels.
        System.getProperties().putIfAbsent("sun.net.httpserver.nodelay", "true");
        System.getProperties().putIfAbsent("sun.net.httpserver.maxReqTime", "30");
        System.getProperties().putIfAbsent("sun.net.httpserver.maxReqHeaders", "50");
        System.getProperties().putIfAbsent("jdk.httpserver.maxConnections", Integer.toString(CONNECTIONS_MAX));
    }

    private final HttpServer server;
    private final ActiveRoutes routes;
    private final Readiness readiness;
    private final Supplier<String> metrics;
    private final Duration exchangeLimit;
    private final Semaphore scrapes = new Semaphore(SCRAPES_AT_A_TIME_MAX);
    private final Semaphore dumps = new Semaphore(DUMPS_AT_A_TIME_MAX);
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final ScheduledThreadPoolExecutor alarms = new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("admin-deadlines").factory());

    private record Answer(int status, String type, byte[] body) {
        static Answer text(int status, String body) {
            return new Answer(status, TEXT, (body + "\n").getBytes(StandardCharsets.UTF_8));
        }
    }

    /**
     * Binds the address; nothing is answered before {@link #start()}.
     *
     * @param metrics as Prometheus reads them, text format 0.0.4
     * @throws IOException if the address cannot be bound
     */
    public AdminServer(InetSocketAddress listen, ActiveRoutes routes, Readiness readiness, Supplier<String> metrics)
            throws IOException {
        this(listen, routes, readiness, metrics, EXCHANGE_LIMIT);
    }

    AdminServer(
            InetSocketAddress listen,
            ActiveRoutes routes,
            Readiness readiness,
            Supplier<String> metrics,
            Duration exchangeLimit)
            throws IOException {
        this.exchangeLimit = exchangeLimit;
        this.routes = routes;
        this.readiness = readiness;
        this.metrics = metrics;
        alarms.setRemoveOnCancelPolicy(true);
        server = HttpServer.create(listen, 64);
        server.setExecutor(threads);
        server.createContext("/", this::handle);
    }

    /** Starts to answer. */
    public void start() {
        server.start();
    }

    /** The port that was bound. */
    public int port() {
        return server.getAddress().getPort();
    }

    /** Stops at once. */
    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
        alarms.shutdownNow();
    }

    /**
     * Interrupts who takes too long, which closes the socket that it blocks on: what a client does not read, or does not
     * send, must not hold memory and a place for ever.
     */
    private void handle(HttpExchange exchange) throws IOException {
        ScheduledFuture<?> alarm =
                alarms.schedule(Thread.currentThread()::interrupt, exchangeLimit.toNanos(), TimeUnit.NANOSECONDS);
        try (exchange) {
            String method = exchange.getRequestMethod();
            if (!method.equals("HEAD") && !method.equals("GET")) {
                exchange.getResponseHeaders().set("Allow", "GET, HEAD");
                send(exchange, Answer.text(405, "method: expected GET or HEAD"));
                return;
            }
            switch (exchange.getRequestURI().getRawPath()) {
                // The kubelet's, without a place: it would end the process, and its tunnels, because others ask much.
                case "/healthz" -> send(exchange, Answer.text(200, "ok"));
                case "/readyz" -> send(exchange, ready());
                case "/metrics" -> sendInPlace(exchange, scrapes, this::scrape);
                case "/tables" -> sendInPlace(exchange, dumps, this::tables);
                default ->
                    send(exchange, Answer.text(404, "not found (expected: /healthz, /readyz, /metrics or /tables)"));
            }
        } finally {
            alarm.cancel(false);
        }
    }

    /** Holds a place of {@code free} until the answer is written, for so long it is in memory. */
    private static void sendInPlace(HttpExchange exchange, Semaphore free, Supplier<Answer> answer) throws IOException {
        if (!free.tryAcquire()) {
            send(exchange, Answer.text(503, "answers: too many of them at a time"));
            return;
        }
        try {
            send(exchange, answer.get());
        } finally {
            free.release();
        }
    }

    private static void send(HttpExchange exchange, Answer answer) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", answer.type);
        exchange.getResponseHeaders().set("Cache-Control", "no-store");
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().set("Content-Length", Integer.toString(answer.body.length));
            exchange.sendResponseHeaders(answer.status, -1);
            return;
        }
        exchange.sendResponseHeaders(answer.status, answer.body.length);
        OutputStream out = exchange.getResponseBody();
        for (int from = 0; from < answer.body.length; from += PIECE) {
            out.write(answer.body, from, Math.min(PIECE, answer.body.length - from));
        }
    }

    private Answer ready() {
        Optional<String> why = readiness.unreadyBecause();
        return why.isEmpty() ? Answer.text(200, "ready") : Answer.text(503, "not ready: " + why.get());
    }

    private Answer scrape() {
        return new Answer(200, PROMETHEUS, metrics.get().getBytes(StandardCharsets.UTF_8));
    }

    private Answer tables() {
        ActiveTable active = routes.active();
        if (active == null) {
            return Answer.text(503, "no table yet");
        }
        return new Answer(
                200, "application/json", WireCodec.encodeRedacted(new FullTable(active.version(), active.table())));
    }
}
