package dev.holdfast.operator;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.function.BooleanSupplier;

/** Answers {@code GET} and {@code HEAD} for {@code /healthz}, {@code /readyz} and {@code /metrics}; holds no secrets. */
final class OperatorAdminServer implements AutoCloseable {
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
    private final BooleanSupplier ready;
    private final PrometheusMeterRegistry registry;
    private final Semaphore answers = new Semaphore(ANSWERS_AT_A_TIME_MAX);
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    private record Answer(int status, String type, String body) {}

    /**
     * Binds the address; nothing is answered before {@link #start()}.
     *
     * @param ready whether the first table is compiled and the process is not ending
     * @throws IOException if the address cannot be bound
     */
    OperatorAdminServer(InetSocketAddress listen, BooleanSupplier ready, PrometheusMeterRegistry registry)
            throws IOException {
        this.ready = ready;
        this.registry = registry;
        server = HttpServer.create(listen, 64);
        server.setExecutor(threads);
        server.createContext("/", this::handle);
    }

    void start() {
        server.start();
    }

    int port() {
        return server.getAddress().getPort();
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            boolean head = exchange.getRequestMethod().equals("HEAD");
            Answer answer = head || exchange.getRequestMethod().equals("GET")
                    ? bounded(exchange.getRequestURI().getRawPath())
                    : new Answer(405, TEXT, "method: expected GET or HEAD\n");
            byte[] body = answer.body.getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", answer.type);
            exchange.getResponseHeaders().set("Cache-Control", "no-store");
            if (answer.status == 405) {
                exchange.getResponseHeaders().set("Allow", "GET, HEAD");
            }
            exchange.sendResponseHeaders(answer.status, head ? -1 : body.length);
            if (!head) {
                exchange.getResponseBody().write(body);
            }
        }
    }

    private Answer bounded(String path) {
        if (!answers.tryAcquire()) {
            return new Answer(503, TEXT, "answers: " + ANSWERS_AT_A_TIME_MAX + " at a time are allowed\n");
        }
        try {
            return answer(path);
        } finally {
            answers.release();
        }
    }

    private Answer answer(String path) {
        return switch (path) {
            case "/healthz" -> new Answer(200, TEXT, "ok\n");
            case "/readyz" ->
                ready.getAsBoolean()
                        ? new Answer(200, TEXT, "ready\n")
                        : new Answer(503, TEXT, "not ready: no table is compiled yet, or the process is ending\n");
            case "/metrics" -> new Answer(200, PROMETHEUS, registry.scrape());
            default -> new Answer(404, TEXT, "not found (expected: /healthz, /readyz or /metrics)\n");
        };
    }
}
