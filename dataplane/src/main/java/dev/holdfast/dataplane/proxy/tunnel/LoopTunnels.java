package dev.holdfast.dataplane.proxy.tunnel;

import io.netty.channel.EventLoop;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The tunnels and upgrades of one event loop; confined to it. */
final class LoopTunnels {
    private static final Logger LOG = LoggerFactory.getLogger(LoopTunnels.class);

    private record Due(long atNanos, RelayedTunnel tunnel) {}

    private final EventLoop loop;
    private final TunnelRegistry registry;
    private final Set<RelayedTunnel> tunnels = new HashSet<>();
    private final Set<Upgrade> upgrades = new HashSet<>();
    private boolean deadlineSet;

    LoopTunnels(EventLoop loop, TunnelRegistry registry) {
        this.loop = loop;
        this.registry = registry;
    }

    /** Those that are open now. */
    List<RelayedTunnel> open() {
        return List.copyOf(tunnels);
    }

    /** Runs it after what the loop does now. */
    void execute(Runnable task) {
        loop.execute(task);
    }

    /** Counts an upgrade; it is told when a drain runs out of time. */
    void begun(Upgrade upgrade) {
        upgrades.add(upgrade);
        registry.upgradeBegun();
        DrainRun drain = registry.drainRun();
        if (drain != null) {
            setDeadline(drain);
        }
    }

    /** An upgrade has become a tunnel or an answer. */
    void over(Upgrade upgrade) {
        if (upgrades.remove(upgrade)) {
            registry.upgradeOver();
        }
    }

    void opened(RelayedTunnel tunnel) {
        tunnels.add(tunnel);
        registry.opened(tunnel.info());
        DrainRun drain = registry.drainRun();
        if (drain != null) {
            // It was an upgrade when the drain began: it takes a place of its own in what is left of the window.
            long left = Math.max(0, drain.spreadEndNanos() - System.nanoTime());
            loop.schedule(
                    () -> tunnel.drain(drain.word()),
                    (long) (left * ThreadLocalRandom.current().nextDouble()),
                    TimeUnit.NANOSECONDS);
        }
    }

    /** Tells the listeners of its end, before it is {@link #closed}. */
    void tell(RelayedTunnel tunnel, TunnelEnd end) {
        registry.tell(tunnel.info(), end);
    }

    void closed(RelayedTunnel tunnel) {
        tunnels.remove(tunnel);
        registry.closed(tunnel.wasCut());
    }

    /** Begins to drain: each tunnel gets its own moment, all spread evenly, each a little off. */
    void drain(DrainRun drain) {
        List<RelayedTunnel> order = new ArrayList<>(tunnels);
        Collections.shuffle(order, ThreadLocalRandom.current());
        Deque<Due> due = new ArrayDeque<>(order.size());
        double step = (double) drain.spreadNanos() / Math.max(1, order.size());
        for (int i = 0; i < order.size(); i++) {
            double offset = step * (i + ThreadLocalRandom.current().nextDouble());
            due.add(new Due(drain.startNanos() + (long) offset, order.get(i)));
        }
        drainNext(due, drain);
        setDeadline(drain);
    }

    private void setDeadline(DrainRun drain) {
        if (!deadlineSet) {
            deadlineSet = true;
            loop.schedule(this::cutAll, Math.max(0, drain.deadlineNanos() - System.nanoTime()), TimeUnit.NANOSECONDS);
        }
    }

    private void drainNext(Deque<Due> due, DrainRun drain) {
        long now = System.nanoTime();
        Due first = due.peekFirst();
        while (first != null && first.atNanos() - now <= 0) {
            due.removeFirst();
            orCut(first.tunnel(), tunnel -> tunnel.drain(drain.word()));
            first = due.peekFirst();
        }
        if (first != null) {
            loop.schedule(() -> drainNext(due, drain), first.atNanos() - now, TimeUnit.NANOSECONDS);
        }
    }

    /** Ends everything without a word. */
    void cutAll() {
        List.copyOf(upgrades).forEach(Upgrade::cut);
        open().forEach(tunnel -> orCut(tunnel, RelayedTunnel::cut));
    }

    /** One tunnel that cannot be told, for want of memory for instance, must not keep the next from being told. */
    private static void orCut(RelayedTunnel tunnel, Consumer<RelayedTunnel> end) {
        try {
            end.accept(tunnel);
        } catch (RuntimeException | Error e) {
            tell(tunnel, e);
            abort(tunnel, e);
        }
    }

    private static void abort(RelayedTunnel tunnel, Throwable cause) {
        try {
            tunnel.abort(cause);
        } catch (RuntimeException | Error e) {
            // It closed its sockets all the same.
            tell(tunnel, e);
        }
    }

    private static void tell(RelayedTunnel tunnel, Throwable failure) {
        try {
            LOG.warn("event=tunnel_not_drained tunnel={}", tunnel.info().id(), failure);
        } catch (RuntimeException | Error e) {
            // Out of memory, words need more of it: the next tunnel is told all the same.
        }
    }
}
