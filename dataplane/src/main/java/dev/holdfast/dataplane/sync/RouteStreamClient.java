package dev.holdfast.dataplane.sync;

import dev.holdfast.routetable.TableVersion;
import dev.holdfast.routetable.update.ApplyOutcome;
import dev.holdfast.routetable.update.ApplyOutcome.Applied;
import dev.holdfast.routetable.update.ApplyOutcome.NeedsFullTable;
import dev.holdfast.routetable.update.ApplyOutcome.Refused;
import dev.holdfast.routetable.update.ApplyOutcome.Unchanged;
import dev.holdfast.routetable.update.ApplyReport;
import dev.holdfast.routetable.update.TableUpdate;
import dev.holdfast.routetable.wire.WireCodec;
import dev.holdfast.routetable.wire.WireException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ProtocolException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows the operator's table stream for as long as it is open: connects, resumes with what is held, applies each
 * event, answers it, and reconnects with growing pauses when the stream ends, breaks or falls silent. Whatever the
 * operator sends, the active table stays until a better one is complete. One virtual thread.
 */
final class RouteStreamClient implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RouteStreamClient.class);
    private static final int SILENT_KEEP_ALIVES = 3;
    private static final int EVENT_KEEP_ALIVES = 40;
    private static final Duration CLOSE_WAIT = Duration.ofSeconds(5);

    /** Longer than any event that WireCodec reads, by the fields around its data. */
    private static final int EVENT_BYTES_MAX = WireCodec.UPDATE_BYTES_MAX + 1_024;

    private final SyncConfig config;
    private final String dataPlane;
    private final TableReplica replica;
    private final SyncMetrics metrics;
    private final Runnable onApplied;
    private final Backoff backoff;
    private final Freshness freshness;
    private final OperatorHttp http;
    private final Replicas replicas;
    private final Reports reports;
    private final Thread thread;
    private volatile boolean closed;
    private @Nullable URI tried;
    private @Nullable URI heard;
    private boolean needsFullTable;

    /** Calls {@code onApplied} after each swap, on its own thread. */
    RouteStreamClient(
            SyncConfig config, String dataPlane, TableReplica replica, SyncMetrics metrics, Runnable onApplied) {
        this.config = config;
        this.dataPlane = dataPlane;
        this.replica = replica;
        this.metrics = metrics;
        this.onApplied = onApplied;
        this.backoff = new Backoff(config.reconnectMin(), config.reconnectMax(), RandomGenerator.getDefault());
        this.freshness = new Freshness(config.keepAlive().multipliedBy(SILENT_KEEP_ALIVES), System::nanoTime);
        this.http = new OperatorHttp(config.operator());
        this.replicas = new Replicas(config.operator().urls(), InetAddress::getAllByName, new Random());
        this.reports = new Reports(http, replicas);
        this.thread = Thread.ofVirtual().name("table-stream").unstarted(this::run);
    }

    void start() {
        thread.start();
    }

    /** Drops the stream. The active table stays. */
    @Override
    public void close() {
        closed = true;
        reports.farewell();
        thread.interrupt();
        http.close();
        try {
            if (thread.getState() != Thread.State.NEW && !thread.join(CLOSE_WAIT)) {
                LOG.warn("stream thread still runs after {} s", CLOSE_WAIT.toSeconds());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        while (!closed) {
            try {
                follow();
            } catch (InterruptedException e) {
                break;
            } catch (IOException | RuntimeException | Error e) {
                // Every error is of this table or this moment: without the stream no later table would ever come.
                lost(e);
            } finally {
                metrics.connected(false);
            }
            try {
                Thread.sleep(backoff.next());
            } catch (InterruptedException e) {
                break;
            } catch (Error e) {
                // Without the pause, then: out of memory, a virtual thread cannot even wait.
            }
        }
    }

    private void lost(Throwable e) {
        if (closed) {
            return;
        }
        metrics.streamLost();
        try {
            String serves = replica.serves().map(TableVersion::toString).orElse("nothing");
            if (e instanceof IOException) {
                LOG.warn("stream lost operator={} serves={} because=\"{}\"", replica(), serves, e.getMessage());
            } else {
                LOG.error("stream lost serves={}", serves, e);
            }
        } catch (RuntimeException | Error untold) {
            // Out of memory, words need more of it: the stream goes on, and the loss is counted.
        }
    }

    private String replica() {
        URI last = tried;
        return last == null ? config.operator().urls().toString() : last.toString();
    }

    private void follow() throws IOException, InterruptedException {
        Duration silence = config.keepAlive().multipliedBy(SILENT_KEEP_ALIVES);
        URI chosen = replicas.next();
        tried = chosen;
        if (heard != null && !replicas.known().contains(heard)) {
            freshness.gone();
        }
        HttpResponse<Flow.Publisher<List<ByteBuffer>>> response;
        try {
            response = open(chosen, silence);
        } catch (IOException e) {
            // Nothing less: one that is there may fail once, and who takes its place may be left behind.
            if (chosen.equals(heard) && e.getCause() instanceof ConnectException) {
                freshness.gone();
            }
            throw e;
        }
        try (StreamBody body = new StreamBody()) {
            response.body().subscribe(body);
            String type = response.headers().firstValue("Content-Type").orElse("");
            if (response.statusCode() != 200 || !type.startsWith("text/event-stream")) {
                throw new ProtocolException("the operator answered " + response.statusCode() + " " + type);
            }
            metrics.connected(true);
            reports.follow(chosen);
            needsFullTable = false;
            read(body, silence, Freshness.epoch(response.headers().firstValue("Holdfast-Epoch")));
        }
    }

    private HttpResponse<Flow.Publisher<List<ByteBuffer>>> open(URI operator, Duration wait)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = http.request(operator.resolve("/v1/tables"))
                .header("Accept", "text/event-stream")
                .header("Holdfast-Data-Plane", dataPlane)
                .GET();
        if (!needsFullTable) {
            replica.serves().ifPresent(held -> request.header("Last-Event-ID", held.toString()));
        }
        CompletableFuture<HttpResponse<Flow.Publisher<List<ByteBuffer>>>> answer =
                http.client().sendAsync(request.build(), BodyHandlers.ofPublisher());
        try {
            return answer.get(wait.toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            throw new IOException("no stream: " + e.getCause(), e.getCause());
        } catch (TimeoutException e) {
            throw new IOException("no stream: no answer within " + wait.toMillis() + " ms", e);
        } finally {
            answer.cancel(true);
        }
    }

    private void read(StreamBody body, Duration silence, long epoch) throws IOException, InterruptedException {
        SseReader reader = new SseReader(EVENT_BYTES_MAX);
        List<SseReader.Event> events = new ArrayList<>();
        long begun = System.nanoTime();
        long eventNanosMax = config.keepAlive().multipliedBy(EVENT_KEEP_ALIVES).toNanos();
        while (!closed) {
            for (ByteBuffer chunk : body.next(silence)) {
                reader.read(chunk, events::add);
                for (SseReader.Event event : events) {
                    handle(event, epoch);
                }
                events.clear();
            }
            if (!reader.isInsideEvent()) {
                begun = System.nanoTime();
            } else if (System.nanoTime() - begun > eventNanosMax) {
                throw new ProtocolException("an event took longer than " + eventNanosMax / 1_000_000 + " ms");
            }
        }
    }

    /**
     * Applies and answers one event.
     *
     * @throws IOException if this stream must end
     */
    private void handle(SseReader.Event event, long epoch) throws IOException {
        TableVersion version = version(event);
        long started = System.nanoTime();
        ApplyOutcome outcome;
        try {
            TableUpdate update = WireCodec.decodeUpdate(event.data().read());
            if (!update.version().equals(version)) {
                throw new ProtocolException("id: " + version + " (expected: " + update.version() + ", the update's)");
            }
            checkFresh(epoch, version, continues(update));
            outcome = replica.apply(update);
        } catch (WireException e) {
            checkFresh(epoch, version, serves(version));
            outcome = replica.refuse(version, String.valueOf(e.getMessage()));
        }
        metrics.applied(event.type(), outcome, System.nanoTime() - started);
        if (!(outcome instanceof NeedsFullTable)) {
            freshness.heard(epoch, version.sequence());
            heard = tried;
            metrics.heard(epoch);
        }
        reports.send(new ApplyReport(dataPlane, version, outcome));
        conclude(version, outcome);
    }

    private void checkFresh(long epoch, TableVersion version, boolean continues) throws ProtocolException {
        Optional<String> stale = freshness.objection(epoch, version.sequence(), continues);
        if (stale.isPresent()) {
            metrics.stale();
            throw new ProtocolException(stale.get());
        }
    }

    /** Whether who sends this knows the table that is served: as its own, or as one that it went on from. */
    private boolean continues(TableUpdate update) {
        return serves(update.version()) || update instanceof TableUpdate.TableDelta delta && serves(delta.base());
    }

    private boolean serves(TableVersion version) {
        return replica.serves().filter(version::isSameTable).isPresent();
    }

    private void conclude(TableVersion version, ApplyOutcome outcome) throws IOException {
        switch (outcome) {
            case Applied applied -> {
                backoff.reset();
                LOG.info("table applied version={}", version);
                onApplied.run();
            }
            case Unchanged unchanged -> backoff.reset();
            case Refused refused -> LOG.error("table refused version={} because=\"{}\"", version, refused.reason());
            case NeedsFullTable needed -> {
                needsFullTable = true;
                throw new IOException("a full table is needed: " + needed.reason());
            }
        }
    }

    private static TableVersion version(SseReader.Event event) throws ProtocolException {
        String id = event.id();
        try {
            return TableVersion.parse(id == null ? "" : id);
        } catch (IllegalArgumentException e) {
            throw new ProtocolException("id: not a version (expected: sequence-digest)");
        }
    }
}
