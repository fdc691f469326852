package dev.holdfast.operator;

import dev.holdfast.operator.channel.ChannelConfig;
import dev.holdfast.operator.channel.SecureChannel;
import dev.holdfast.operator.watch.ClusterWatcher;
import dev.holdfast.operator.watch.LeaderConfig;
import dev.holdfast.operator.watch.LeaderGate;
import dev.holdfast.operator.watch.StatusConfig;
import dev.holdfast.operator.watch.StatusWriter;
import dev.holdfast.operator.watch.WatchConfig;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.net.URI;
import java.time.InstantSource;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The operator of a cluster: the path from objects to the stream with informers in front, and behind it, beside the
 * path, the leader's status writer. What goes wrong there never touches the path.
 */
public final class ClusterOperator implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterOperator.class);

    private final KubernetesClient watchClient;
    private final ClusterWatcher watcher;
    private final @Nullable SecureChannel channel;
    private final Operator operator;
    private final @Nullable Writing writing;

    /**
     * What a cluster's operator is told.
     *
     * @param status null to write no status at all
     * @param leader null to write without an election, for a replica that is the only one
     * @param channel null to serve the stream by plain HTTP on loopback
     */
    public record Config(
            OperatorConfig operator,
            WatchConfig watch,
            @Nullable StatusConfig status,
            @Nullable LeaderConfig leader,
            @Nullable ChannelConfig channel) {
        /** The stream by plain HTTP on loopback. */
        public Config(
                OperatorConfig operator,
                WatchConfig watch,
                @Nullable StatusConfig status,
                @Nullable LeaderConfig leader) {
            this(operator, watch, status, leader, null);
        }
    }

    private record Writing(
            KubernetesClient client,
            StatusWriter writer,
            @Nullable LeaderGate gate) {}

    /**
     * Binds the stream's address and starts nothing.
     *
     * @param clients opens a client; called once for watching and once for writing, since the two read the same kinds
     *     into different classes. They are closed with the operator
     * @throws IOException if the stream's address cannot be bound
     */
    public ClusterOperator(Config config, Supplier<KubernetesClient> clients, MeterRegistry registry)
            throws IOException {
        watchClient = clients.get();
        watcher = new ClusterWatcher(watchClient, config.watch(), registry);
        ChannelConfig guarded = config.channel();
        channel = guarded == null ? null : new SecureChannel(guarded, watchClient, registry, InstantSource.system());
        OperatorConfig path = guarded == null || channel == null
                ? config.operator()
                : config.operator().withStream(config.operator().stream().guarded(guarded.listen(), channel.guard()));
        operator = Operator.prepare(watcher, path, registry, List.of(this::compiled));
        StatusConfig status = config.status();
        writing = status == null ? null : writing(config, status, clients.get(), registry);
    }

    private Writing writing(Config config, StatusConfig status, KubernetesClient client, MeterRegistry registry) {
        // Each needs the other: the writer asks who leads, the election wakes the writer.
        StatusWriter[] writer = new StatusWriter[1];
        LeaderConfig leader = config.leader();
        LeaderGate gate = leader == null ? null : new LeaderGate(client, leader, registry, () -> writer[0].lead());
        writer[0] = new StatusWriter(
                new StatusWriter.Wiring(
                        client, config.watch(), gate == null ? () -> true : gate::isLeader, operator.reports()),
                status,
                registry);
        return new Writing(client, writer[0], gate);
    }

    /** Starts; returns when the first list of every kind is there. */
    public void start() throws InterruptedException {
        if (channel != null) {
            channel.start();
        }
        operator.start();
        if (writing != null) {
            writing.writer.start(watcher.routesKnown());
            if (writing.gate != null) {
                writing.gate.start();
            }
        }
    }

    /** Whether there is a table, and a certificate to serve it with. */
    public boolean isReady() {
        return operator.last().isPresent() && (channel == null || channel.isReady());
    }

    /** What data planes are given as the operator's URL. */
    public URI streamUri() {
        return operator.streamUri();
    }

    /** The path from objects to the stream. */
    public Operator operator() {
        return operator;
    }

    /**
     * Ends in the order that surprises nobody: the right to write, the writers, the streams, the informers, and the clients
     * last.
     */
    @Override
    public void close() {
        if (writing != null) {
            quietly(writing.gate);
            quietly(writing.writer);
        }
        quietly(operator);
        quietly(channel);
        if (writing != null) {
            quietly(writing.client);
        }
        quietly(watchClient);
    }

    private void compiled(Compilation compilation) {
        watcher.references(compilation.result().references());
        if (writing != null) {
            writing.writer.compiled(
                    compilation.result(),
                    compilation.published().version(),
                    compilation.snapshot().webSocketRoutes());
        }
    }

    private static void quietly(@Nullable AutoCloseable part) {
        if (part != null) {
            try {
                part.close();
            } catch (Exception e) {
                LOG.warn("part={} did not close: {}", part.getClass().getSimpleName(), e.toString());
            }
        }
    }
}
