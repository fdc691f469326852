package dev.holdfast.dataplane.admin;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.routetable.update.TableUpdate.FullTable;
import dev.holdfast.routetable.wire.WireCodec;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;

/**
 * Answers {@code GET} and {@code HEAD} for {@code /healthz}, {@code /readyz}, {@code /metrics} and {@code /tables} on a
 * port of its own. Nothing that it answers holds a secret, nothing that it takes changes anything.
 */
public final class AdminServer implements AutoCloseable {
    private static final int ANSWERS_AT_A_TIME_MAX = 16;
    private static final String TEXT = "text/plain; charset=utf-8";
    private static final String PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8";

    static {
        // Read once, when the first HttpServer is created: a head that never ends must not hold its thread for ever.
        System.getProperties().putIfAbsent("sun.net.httpserver.nodelay", "true");
        System.getProperties().putIfAbsent("sun.net.httpserver.maxReqTime", "30");
        System.getProperties().putIfAbsent("sun.net.httpserver.maxReqHeaders", "50");
    }

    private final HttpServer server;
    private final ActiveRoutes routes;
    private final Readiness readiness;
    private final Supplier<String> metrics;
    private final Semaphore answers = new Semaphore(ANSWERS_AT_A_TIME_MAX);
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

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
        this.routes = routes;
        this.readiness = readiness;
        this.metrics = metrics;
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
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String method = exchange.getRequestMethod();
            boolean head = method.equals("HEAD");
            Answer answer;
            if (!head && !method.equals("GET")) {
                exchange.getResponseHeaders().set("Allow", "GET, HEAD");
                answer = Answer.text(405, "method: expected GET or HEAD");
            } else if (answers.tryAcquire()) {
                try {
                    answer = answer(exchange.getRequestURI().getRawPath());
                } finally {
                    answers.release();
                }
            } else {
                answer = Answer.text(503, "answers: " + ANSWERS_AT_A_TIME_MAX + " at a time are allowed");
            }
            exchange.getResponseHeaders().set("Content-Type", answer.type);
            exchange.getResponseHeaders().set("Cache-Control", "no-store");
            if (head) {
                exchange.getResponseHeaders().set("Content-Length", Integer.toString(answer.body.length));
                exchange.sendResponseHeaders(answer.status, -1);
            } else {
                exchange.sendResponseHeaders(answer.status, answer.body.length);
                exchange.getResponseBody().write(answer.body);
            }
        }
    }

    private Answer answer(String path) {
        return switch (path) {
            case "/healthz" -> Answer.text(200, "ok");
            case "/readyz" -> {
                Optional<String> why = readiness.unreadyBecause();
                yield why.isEmpty() ? Answer.text(200, "ready") : Answer.text(503, "not ready: " + why.get());
            }
            case "/metrics" -> new Answer(200, PROMETHEUS, metrics.get().getBytes(StandardCharsets.UTF_8));
            case "/tables" -> tables();
            default -> Answer.text(404, "not found (expected: /healthz, /readyz, /metrics or /tables)");
        };
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
