package dev.holdfast.cli.local;

import dev.holdfast.cli.echo.EchoServer;
import dev.holdfast.cli.local.LocalConfig.Origin;
import dev.holdfast.cli.local.LocalConfig.Ports;
import dev.holdfast.cli.manifest.DirectorySource;
import dev.holdfast.cli.manifest.LocalExtras;
import dev.holdfast.dataplane.DataPlane;
import dev.holdfast.dataplane.DataPlaneConfig;
import dev.holdfast.dataplane.DrainConfig;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.dataplane.proxy.ProxyConfig;
import dev.holdfast.dataplane.proxy.tunnel.DrainResult;
import dev.holdfast.dataplane.sync.SyncConfig;
import dev.holdfast.operator.Compilation;
import dev.holdfast.operator.Operator;
import dev.holdfast.operator.OperatorConfig;
import dev.holdfast.operator.Pace;
import dev.holdfast.operator.compile.CompileOptions;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.publish.StreamServerConfig;
import dev.holdfast.operator.snapshot.ObjectSource;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.SecretBytes;
import dev.holdfast.routetable.update.ApplyOutcome;
import dev.holdfast.routetable.update.ApplyReport;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Holdfast without a cluster, in one process: the operator with a directory as its source, the data plane, and the
 * table stream between them over a loopback socket, all as they run in a cluster. Thread-safe.
 */
public final class LocalMode implements AutoCloseable {
    private static final Duration FIRST_TABLE = Duration.ofSeconds(30);
    private static final Duration PROGRESS = Duration.ofSeconds(1);
    private static final Duration CUT = Duration.ofSeconds(1);
    private static final int REFUSALS_TOLD_MAX = 1_000;

    /** Files that rest are changed for good: nothing more is gathered before a compile. */
    private static final OperatorConfig OPERATOR = new OperatorConfig(
            CompileOptions.LOCAL,
            StreamServerConfig.of(loopback(0)),
            new Pace(Duration.ZERO, Duration.ofMillis(2), Duration.ofMillis(20)));

    private final LocalConfig config;
    private final EchoServer echo = new EchoServer();
    private final EventQueue events;
    private final TunnelWatch tunnels;
    private final Set<ApplyReport> refusalsTold = new HashSet<>();
    private @Nullable Operator operator;
    private @Nullable DataPlane dataPlane;

    private LocalMode(LocalConfig config, Consumer<LocalEvent> printout) {
        this.config = config;
        this.events = new EventQueue(printout);
        this.tunnels = new TunnelWatch(events::offer);
    }

    /**
     * Starts, and returns when the first table is served.
     *
     * @param printout hears of everything, on one thread of its own
     * @throws IOException if an address cannot be bound, or the origin cannot be read
     */
    public static LocalMode start(LocalConfig config, Consumer<LocalEvent> printout)
            throws IOException, InterruptedException {
        LocalMode mode = new LocalMode(config, printout);
        boolean started = false;
        try {
            mode.start();
            started = true;
        } catch (UncheckedIOException e) {
            throw Objects.requireNonNull(e.getCause());
        } finally {
            if (!started) {
                mode.close();
            }
        }
        return mode;
    }

    private void start() throws IOException, InterruptedException {
        Operator running = Operator.start(
                source(), OPERATOR, new SimpleMeterRegistry(), List.of(new DiagnosticWatch(events::offer)));
        operator = running;
        running.reports().onChange(this::tellRefusals);
        DataPlane serving = new DataPlane(dataPlaneConfig(running), List.of(tunnels));
        dataPlane = serving;
        serving.routes().join(tunnels);
        serving.start();
        awaitFirstTable(serving);
        RouteTable table = running.last()
                .map(Compilation::result)
                .map(result -> result.table())
                .orElse(RouteTable.EMPTY);
        events.offer(new LocalEvent.Started(originText(), ports(), table, backendNames(table)));
        if (config.origin() instanceof Origin.Backend backend) {
            events.offer(reach(backend));
        }
    }

    private DataPlaneConfig dataPlaneConfig(Operator running) {
        Ports ports = config.ports();
        return new DataPlaneConfig(
                "local",
                SyncConfig.of(running.streamUri(), null),
                loopback(ports.admin()),
                ProxyConfig.of(loopback(ports.http()), loopback(ports.https())),
                new DrainConfig(Duration.ZERO, config.drainWindow()));
    }

    private static InetSocketAddress loopback(int port) {
        return new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port);
    }

    private static void awaitFirstTable(DataPlane serving) throws IOException, InterruptedException {
        long end = System.nanoTime() + FIRST_TABLE.toNanos();
        while (serving.routes().active() == null) {
            if (System.nanoTime() - end > 0) {
                throw new IOException("no route table was served within " + FIRST_TABLE.toSeconds() + " s");
            }
            Thread.sleep(1);
        }
    }

    /** The ports that were bound. */
    public Ports ports() {
        DataPlane serving = dataPlane();
        return new Ports(serving.httpPort(), serving.httpsPort(), serving.adminPort());
    }

    /** Tunnels that are open. */
    public int tunnelsOpen() {
        return tunnels.open();
    }

    /** The table that is served now. */
    public @Nullable ActiveTable served() {
        return dataPlane().routes().active();
    }

    /** The last compile. */
    public Compilation lastCompile() {
        return operator().last().orElseThrow();
    }

    /**
     * Tells every tunnel to go, with progress once a second, then closes everything. Returns when all is closed.
     *
     * @throws InterruptedException when somebody does not want to wait; what was left is cut
     */
    public DrainResult drain() throws InterruptedException {
        int from = tunnels.open();
        long end = System.nanoTime() + config.drainWindow().toNanos();
        CompletableFuture<DrainResult> ended = new CompletableFuture<>();
        Thread.ofVirtual().name("holdfast-drain").start(() -> {
            try {
                ended.complete(dataPlane().shutdown());
            } catch (InterruptedException | RuntimeException e) {
                ended.completeExceptionally(e);
            }
        });
        try {
            while (!isDone(ended)) {
                Duration left = Duration.ofNanos(Math.max(0, end - System.nanoTime()));
                events.offer(new LocalEvent.Draining(from, tunnels.open(), left));
            }
        } catch (InterruptedException e) {
            cut(from);
            throw e;
        }
        DrainResult result = ended.join();
        events.offer(new LocalEvent.Drained(result));
        close();
        return result;
    }

    private void cut(int from) {
        int open = tunnels.open();
        dataPlane().close();
        tunnels.awaitEnds(CUT);
        events.offer(new LocalEvent.Drained(new DrainResult(Math.max(0, from - open), open)));
    }

    @Override
    public void close() {
        if (dataPlane != null) {
            dataPlane.close();
        }
        if (operator != null) {
            operator.close();
        }
        echo.close();
        tunnels.close();
        events.close();
    }

    private static boolean isDone(CompletableFuture<DrainResult> ended) throws InterruptedException {
        try {
            ended.get(PROGRESS.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (java.util.concurrent.TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            return true;
        }
    }

    private ObjectSource source() throws IOException {
        return switch (config.origin()) {
            case Origin.Directory directory ->
                new DirectorySource(
                        directory.path(),
                        new Extras(echo, new LocalCertificates()),
                        notice -> events.offer(new LocalEvent.Noticed(notice)));
            case Origin.Backend backend -> new OneBackend(backend);
        };
    }

    private String originText() {
        return switch (config.origin()) {
            case Origin.Directory directory -> directory.path().toString();
            case Origin.Backend backend -> backend.host() + ":" + backend.port();
        };
    }

    private Map<String, String> backendNames(RouteTable table) {
        Map<String, String> names = new HashMap<>();
        for (EndpointGroup group : table.endpoints().values()) {
            for (EndpointGroup.Endpoint endpoint : group.endpoints()) {
                String name = echo.nameOf(endpoint.port());
                if (!name.isEmpty()) {
                    names.put(endpoint.address() + ":" + endpoint.port(), name);
                }
            }
        }
        return names;
    }

    private static LocalEvent reach(Origin.Backend backend) {
        long begun = System.nanoTime();
        boolean reachable;
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(backend.host(), backend.port()), 2_000);
            reachable = true;
        } catch (IOException e) {
            reachable = false;
        }
        Duration took = Duration.ofNanos(System.nanoTime() - begun);
        return new LocalEvent.Reached(backend.host() + ":" + backend.port(), reachable, took);
    }

    private synchronized void tellRefusals() {
        if (operator == null) {
            return;
        }
        operator.reports().states().forEach(state -> {
            ApplyReport report = state.report();
            if (report != null
                    && report.outcome() instanceof ApplyOutcome.Refused refused
                    && refusalsTold.size() < REFUSALS_TOLD_MAX
                    && refusalsTold.add(report)) {
                events.offer(new LocalEvent.Refused(refused.reason()));
            }
        });
    }

    private Operator operator() {
        if (operator == null) {
            throw new IllegalStateException("not started");
        }
        return operator;
    }

    private DataPlane dataPlane() {
        if (dataPlane == null) {
            throw new IllegalStateException("not started");
        }
        return dataPlane;
    }

    /** What a directory gets in local mode. */
    private record Extras(EchoServer echo, LocalCertificates certificates) implements LocalExtras {
        @Override
        public int echoPort(String name) {
            return echo.port(name);
        }

        @Override
        public Map<String, SecretBytes> certificate(ResourceRef secret, SortedSet<String> hosts) {
            return certificates.certificate(secret, hosts);
        }
    }
}
