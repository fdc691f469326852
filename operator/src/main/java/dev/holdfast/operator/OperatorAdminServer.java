package dev.holdfast.operator;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.holdfast.operator.publish.ServerLimits;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Answers {@code GET} and {@code HEAD} for {@code /healthz}, {@code /readyz} and {@code /metrics}; holds no secrets. */
final class OperatorAdminServer implements AutoCloseable {
    static final int SCRAPES_AT_A_TIME_MAX = 16;
    private static final Duration EXCHANGE_LIMIT = Duration.ofSeconds(60);

    /** What is handed to the server at once: it copies that, into twice the room. */
    private static final int PIECE = 32_768;

    private static final String TEXT = "text/plain; charset=utf-8";
    private static final String PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8";

    static {
        ServerLimits.set();
    }

    private final HttpServer server;
    private final BooleanSupplier ready;
    private final Supplier<String> metrics;
    private final Duration exchangeLimit;
    private final Semaphore scrapes = new Semaphore(SCRAPES_AT_A_TIME_MAX);
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final ScheduledThreadPoolExecutor alarms = new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("admin-deadlines").factory());

    private record Answer(int status, String type, String body) {}

    /**
     * Binds the address; nothing is answered before {@link #start()}.
     *
     * @param ready whether the first table is compiled and the process is not ending
     * @param metrics as Prometheus reads them, text format 0.0.4
     * @throws IOException if the address cannot be bound
     */
    OperatorAdminServer(InetSocketAddress listen, BooleanSupplier ready, Supplier<String> metrics) throws IOException {
        this(listen, ready, metrics, EXCHANGE_LIMIT);
    }

    OperatorAdminServer(
            InetSocketAddress listen, BooleanSupplier ready, Supplier<String> metrics, Duration exchangeLimit)
            throws IOException {
        this.ready = ready;
        this.metrics = metrics;
        this.exchangeLimit = exchangeLimit;
        alarms.setRemoveOnCancelPolicy(true);
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
                send(exchange, new Answer(405, TEXT, "method: expected GET or HEAD\n"));
                return;
            }
            switch (exchange.getRequestURI().getRawPath()) {
                // The kubelet's, without a place: it would end the process because others ask much.
                case "/healthz" -> send(exchange, new Answer(200, TEXT, "ok\n"));
                case "/readyz" ->
                    send(
                            exchange,
                            ready.getAsBoolean()
                                    ? new Answer(200, TEXT, "ready\n")
                                    : new Answer(
                                            503,
                                            TEXT,
                                            "not ready: no table is compiled yet, the stream has no certificate yet, or the process"
                                                    + " is ending\n"));
                case "/metrics" -> sendMetrics(exchange);
                default ->
                    send(exchange, new Answer(404, TEXT, "not found (expected: /healthz, /readyz or /metrics)\n"));
            }
        } finally {
            alarm.cancel(false);
        }
    }

    /** Holds a place until the answer is written, for so long it is in memory. */
    private void sendMetrics(HttpExchange exchange) throws IOException {
        if (!scrapes.tryAcquire()) {
            send(exchange, new Answer(503, TEXT, "answers: too many of them at a time\n"));
            return;
        }
        try {
            send(exchange, new Answer(200, PROMETHEUS, metrics.get()));
        } finally {
            scrapes.release();
        }
    }

    private static void send(HttpExchange exchange, Answer answer) throws IOException {
        boolean head = exchange.getRequestMethod().equals("HEAD");
        byte[] body = answer.body.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", answer.type);
        exchange.getResponseHeaders().set("Cache-Control", "no-store");
        exchange.sendResponseHeaders(answer.status, head ? -1 : body.length);
        if (!head) {
            OutputStream out = exchange.getResponseBody();
            for (int from = 0; from < body.length; from += PIECE) {
                out.write(body, from, Math.min(PIECE, body.length - from));
            }
        }
    }
}
