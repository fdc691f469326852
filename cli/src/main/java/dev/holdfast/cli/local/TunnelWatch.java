package dev.holdfast.cli.local;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd;
import dev.holdfast.dataplane.proxy.tunnel.TunnelInfo;
import dev.holdfast.dataplane.proxy.tunnel.TunnelListener;
import dev.holdfast.routetable.RouteTable;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Hears of every tunnel and of every swap, and so knows what a swap did to tunnels: it counts those that we ended within
 * a moment of it, for another reason than their idle timeout.
 */
final class TunnelWatch implements TunnelListener, ActiveRoutes.Participant, AutoCloseable {
    /** An end that a swap causes is heard of within this time. */
    private static final long MOMENT_MILLIS = 100;

    private final Consumer<LocalEvent> events;
    private final AtomicInteger open = new AtomicInteger();
    private final AtomicInteger endedByUs = new AtomicInteger();
    private final ScheduledExecutorService later = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("holdfast-swaps").factory());
    private volatile RouteTable served = RouteTable.EMPTY;
    private volatile boolean first = true;

    TunnelWatch(Consumer<LocalEvent> events) {
        this.events = events;
    }

    /** Tunnels that are open. */
    int open() {
        return open.get();
    }

    /** Waits until the end of every tunnel was heard of, at most this long. */
    void awaitEnds(Duration most) {
        long end = System.nanoTime() + most.toNanos();
        while (open.get() > 0 && System.nanoTime() - end < 0) {
            LockSupport.parkNanos(1_000_000);
        }
    }

    @Override
    public void opened(TunnelInfo tunnel) {
        open.incrementAndGet();
        events.accept(new LocalEvent.Opened(tunnel));
    }

    @Override
    public void closed(TunnelInfo tunnel, TunnelEnd end) {
        open.decrementAndGet();
        if (end.initiator() == TunnelEnd.Initiator.PROXY && end.reason() != TunnelEnd.Reason.IDLE) {
            endedByUs.incrementAndGet();
        }
        events.accept(new LocalEvent.Closed(tunnel, end));
    }

    @Override
    public ActiveRoutes.Prepared prepare(ActiveTable next) {
        return new ActiveRoutes.Prepared() {
            @Override
            public void adopt() {
                swapped(next);
            }

            @Override
            public void discard() {}
        };
    }

    private void swapped(ActiveTable next) {
        RouteTable before = served;
        served = next.table();
        if (first) {
            // What is served from the start is printed as such.
            first = false;
            return;
        }
        int openThen = open.get();
        int endedThen = endedByUs.get();
        later.schedule(
                () -> {
                    TableDifference difference = TableDifference.between(before, next.table());
                    events.accept(
                            new LocalEvent.Changed(next.version(), difference, openThen, endedByUs.get() - endedThen));
                },
                MOMENT_MILLIS,
                TimeUnit.MILLISECONDS);
    }

    @Override
    public void close() {
        later.shutdownNow();
    }
}
