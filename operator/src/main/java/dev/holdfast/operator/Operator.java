package dev.holdfast.operator;

import dev.holdfast.operator.compile.CompileResult;
import dev.holdfast.operator.compile.RouteTableCompiler;
import dev.holdfast.operator.publish.ApplyReports;
import dev.holdfast.operator.publish.PublishedTable;
import dev.holdfast.operator.publish.RouteStreamServer;
import dev.holdfast.operator.publish.TablePublisher;
import dev.holdfast.operator.snapshot.ClusterSnapshot;
import dev.holdfast.operator.snapshot.ObjectSource;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The path from objects to the stream: a source of objects, the compile loop, the publisher, the stream server. Knows
 * nothing of Kubernetes; local mode runs it with a directory. No table is published before the source's first snapshot
 * is complete, so that a source that cannot be read never empties a data plane.
 */
public final class Operator implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Operator.class);

    private final ObjectSource source;
    private final OperatorConfig config;
    private final List<CompileListener> listeners;
    private final RouteTableCompiler compiler = new RouteTableCompiler();
    private final OperatorMetrics metrics;
    private final ApplyReports reports;
    private final TablePublisher publisher;
    private final RouteStreamServer server;
    private final CompileLoop loop;
    private final CountDownLatch compiled = new CountDownLatch(1);
    private volatile @Nullable Compilation last;

    private Operator(
            ObjectSource source, OperatorConfig config, MeterRegistry registry, List<CompileListener> listeners)
            throws IOException {
        this.source = source;
        this.config = config;
        this.listeners = List.copyOf(listeners);
        this.metrics = new OperatorMetrics(registry);
        this.reports = new ApplyReports();
        this.publisher = new TablePublisher(registry);
        this.server = new RouteStreamServer(config.stream(), publisher, reports, registry);
        this.loop = new CompileLoop(config.pace(), this::compile, metrics::failed);
    }

    /**
     * Starts everything. Returns when the source is complete; the first table is published moments later.
     *
     * @param source is started here and closed with the operator
     * @param listeners hear of every finished compile, in this order
     * @throws IOException if the stream's address cannot be bound
     * @throws InterruptedException if interrupted while the source waits for its first complete state
     */
    public static Operator start(
            ObjectSource source, OperatorConfig config, MeterRegistry registry, List<CompileListener> listeners)
            throws IOException, InterruptedException {
        Operator operator = prepare(source, config, registry, listeners);
        operator.start();
        return operator;
    }

    /** As {@link #start(ObjectSource, OperatorConfig, MeterRegistry, List)}, not started, for who must reach it before. */
    static Operator prepare(
            ObjectSource source, OperatorConfig config, MeterRegistry registry, List<CompileListener> listeners)
            throws IOException {
        return new Operator(source, config, registry, listeners);
    }

    /** Starts; whatever fails closes what was started. */
    void start() throws InterruptedException {
        boolean started = false;
        try {
            server.start();
            source.start(loop::signal);
            loop.signal();
            loop.start();
            started = true;
        } finally {
            if (!started) {
                close();
            }
        }
    }

    /** What data planes are given as the operator's URL. */
    public URI streamUri() {
        return server.uri();
    }

    /** Which data planes follow, and what each answered. */
    public ApplyReports reports() {
        return reports;
    }

    /** The last finished compile; empty before the first. */
    public Optional<Compilation> last() {
        return Optional.ofNullable(last);
    }

    /** Waits for the first compile; false if it is not there in time. */
    public boolean awaitFirstCompile(Duration wait) throws InterruptedException {
        return compiled.await(wait.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** Ends the streams, then compiling, then the source. */
    @Override
    public void close() {
        server.close();
        loop.close();
        source.close();
    }

    private void compile() {
        long start = System.nanoTime();
        ClusterSnapshot snapshot = source.snapshot();
        CompileResult result = compiler.compile(snapshot, config.compile());
        long before =
                publisher.current().map(table -> table.version().sequence()).orElse(0L);
        PublishedTable published = publisher.publish(result.table());
        Duration took = Duration.ofNanos(System.nanoTime() - start);
        Compilation compilation = new Compilation(snapshot, result, published, took);
        last = compilation;
        compiled.countDown();
        metrics.compiled(compilation);
        if (published.version().sequence() != before) {
            LOG.info(
                    "table published version={} routes={} diagnostics={} millis={}",
                    published.version(),
                    published.table().routeCount(),
                    result.diagnostics().size(),
                    took.toMillis());
        }
        listeners.forEach(listener -> tell(listener, compilation));
    }

    private static void tell(CompileListener listener, Compilation compilation) {
        try {
            listener.compiled(compilation);
        } catch (RuntimeException e) {
            LOG.error("a listener failed, the table is published all the same", e);
        }
    }
}
