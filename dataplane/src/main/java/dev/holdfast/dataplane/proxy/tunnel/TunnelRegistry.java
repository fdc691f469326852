package dev.holdfast.dataplane.proxy.tunnel;

import dev.holdfast.dataplane.proxy.telemetry.ProxyMetrics;
import io.netty.channel.EventLoop;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Knows every tunnel and every upgrade under way. Each loop keeps its own; only counts are shared. Thread-safe.
 */
public final class TunnelRegistry {
    private static final Logger LOG = LoggerFactory.getLogger(TunnelRegistry.class);

    private final List<TunnelListener> listeners;
    private final ProxyMetrics metrics;
    private final TunnelSettings settings;
    private final Map<EventLoop, LoopTunnels> loops = new ConcurrentHashMap<>();
    private final AtomicLong ids = new AtomicLong();
    private final AtomicInteger open = new AtomicInteger();
    private final AtomicInteger upgrading = new AtomicInteger();
    private volatile @Nullable DrainRun drainRun;

    /** Tells {@code listeners} of every tunnel. */
    public TunnelRegistry(List<TunnelListener> listeners, ProxyMetrics metrics, TunnelSettings settings) {
        this.listeners = List.copyOf(listeners);
        this.metrics = metrics;
        this.settings = settings;
    }

    /** Tunnels that are open. */
    public int open() {
        return open.get();
    }

    /** Upgrades under way, refused ones included while their answer is relayed. */
    public int upgrading() {
        return upgrading.get();
    }

    /**
     * Ends every tunnel with a Close frame at a frame boundary. The moments are spread over the window, so that the
     * clients do not all come back at once; what is left at its end is cut. Upgrades under way become tunnels that are
     * drained too. Stop accepting connections first. A second call returns the drain that runs already.
     *
     * @param window how long it may take, below the time that the process is given to stop
     * @param word for instance 1001, "server is shutting down; reconnect"
     * @param others counts what else must end before the drain does, until the end of the window: plain HTTP, of which
     *     some may yet become upgrades. Its end is told by {@link Drain#othersEnded}
     */
    public synchronized Drain drain(Duration window, CloseFrame word, IntSupplier others) {
        DrainRun running = drainRun;
        if (running != null) {
            return running;
        }
        DrainRun run = new DrainRun(window, settings.finTimeout(), word, this::remaining, others);
        drainRun = run;
        metrics.draining(this::remaining);
        loops.forEach((loop, tunnels) -> loop.execute(() -> tunnels.drain(run)));
        run.check();
        CompletableFuture.delayedExecutor(window.toNanos(), TimeUnit.NANOSECONDS)
                .execute(run::check);
        return run;
    }

    /** Cuts every tunnel and upgrade of one loop without a word, so that each is told as closed. Call on that loop. */
    public void cut(EventLoop loop) {
        LoopTunnels known = loops.get(loop);
        if (known != null) {
            known.cutAll();
        }
    }

    private int remaining() {
        // In this order: an upgrade counts as a tunnel before it ceases to count as an upgrade.
        return upgrading.get() + open.get();
    }

    /** The part of one loop. */
    LoopTunnels of(EventLoop loop) {
        LoopTunnels known = loops.get(loop);
        return known != null ? known : loops.computeIfAbsent(loop, l -> new LoopTunnels(l, this));
    }

    @Nullable
    DrainRun drainRun() {
        return drainRun;
    }

    /** Whether a drain is over: nothing new may begin. */
    boolean isOver() {
        DrainRun drain = drainRun;
        return drain != null && drain.isPastDeadline();
    }

    long nextId() {
        return ids.incrementAndGet();
    }

    void upgradeBegun() {
        upgrading.incrementAndGet();
    }

    void upgradeOver() {
        upgrading.decrementAndGet();
        check();
    }

    void opened(TunnelInfo info) {
        open.incrementAndGet();
        for (TunnelListener listener : listeners) {
            try {
                listener.opened(info);
            } catch (RuntimeException | Error e) {
                failed(info, e);
            }
        }
    }

    /** Tells every listener of an end; {@link #closed} follows, whatever becomes of this. */
    void tell(TunnelInfo info, TunnelEnd end) {
        for (TunnelListener listener : listeners) {
            try {
                listener.closed(info, end);
            } catch (RuntimeException | Error e) {
                failed(info, e);
            }
        }
    }

    private static void failed(TunnelInfo info, Throwable failure) {
        try {
            LOG.warn("event=tunnel_listener_failed tunnel={}", info.id(), failure);
        } catch (RuntimeException | Error e) {
            // Out of memory, words need more of it: the next listener is told all the same.
        }
    }

    /** @param wasCut whether it ended without a word to its client */
    void closed(boolean wasCut) {
        DrainRun drain = drainRun;
        if (drain != null) {
            drain.ended(wasCut);
        }
        open.decrementAndGet();
        try {
            metrics.sweepNowAndThen();
        } finally {
            check();
        }
    }

    /** Counts an upgrade that a drain had to cut. */
    void upgradeCut() {
        DrainRun drain = drainRun;
        if (drain != null) {
            drain.ended(true);
        }
    }

    private void check() {
        DrainRun drain = drainRun;
        if (drain != null) {
            drain.check();
        }
    }
}
