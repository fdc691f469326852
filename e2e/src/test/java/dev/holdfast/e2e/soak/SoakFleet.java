package dev.holdfast.e2e.soak;

import dev.holdfast.e2e.traffic.TunnelClient;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/** Tunnels that talk in turn; some stay for the whole soak, the others are closed and opened anew without pause. */
final class SoakFleet implements AutoCloseable {
    private static final int TICKS_PER_SECOND = 50;
    private static final int OPENING_MAX = 50;
    private static final int WAIT_SECONDS = 90;

    private final TunnelClient client = new TunnelClient();
    private final ScheduledExecutorService clock = Executors.newScheduledThreadPool(2);
    private final Tally tally;
    private final List<URI> heldTargets;
    private final List<URI> busyTargets;
    private final AtomicReferenceArray<@Nullable SoakTunnel> slots;
    private final int heldSlots;
    private final AtomicInteger names = new AtomicInteger();
    private volatile boolean quiet;
    private int nextToSpeak;
    private int nextToRenew;
    private double wordsDue;

    /**
     * @param held where the tunnels go that stay, in turn
     * @param busy where the tunnels go that are renewed, in turn
     * @param tunnels all of them; a tenth is renewed
     */
    SoakFleet(List<URI> held, List<URI> busy, int tunnels, Tally tally) {
        this.heldTargets = held;
        this.busyTargets = busy;
        this.tally = tally;
        slots = new AtomicReferenceArray<>(tunnels);
        heldSlots = tunnels - tunnels / 10;
    }

    /** Opens every tunnel, a few at a time. */
    void open() throws InterruptedException {
        List<CompletableFuture<Boolean>> opening = new ArrayList<>();
        for (int slot = 0; slot < slots.length(); slot++) {
            opening.add(fill(slot).opened());
            if (opening.size() == OPENING_MAX || slot == slots.length() - 1) {
                await(CompletableFuture.allOf(opening.toArray(CompletableFuture[]::new)), "tunnels that open");
                opening.clear();
            }
        }
    }

    /** Begins to talk, and to renew. */
    void start(int messagesPerSecond, int tunnelsPerSecond) {
        double wordsPerTick = messagesPerSecond / (double) TICKS_PER_SECOND;
        long tickNanos = TimeUnit.SECONDS.toNanos(1) / TICKS_PER_SECOND;
        clock.scheduleAtFixedRate(() -> speak(wordsPerTick), tickNanos, tickNanos, TimeUnit.NANOSECONDS);
        if (tunnelsPerSecond > 0 && heldSlots < slots.length()) {
            long renewNanos = TimeUnit.SECONDS.toNanos(1) / tunnelsPerSecond;
            clock.scheduleAtFixedRate(this::renewOne, renewNanos, renewNanos, TimeUnit.NANOSECONDS);
        }
    }

    private void speak(double words) {
        wordsDue += words;
        for (; wordsDue >= 1 && !quiet; wordsDue--) {
            SoakTunnel tunnel = slots.get(nextToSpeak);
            nextToSpeak = (nextToSpeak + 1) % slots.length();
            if (tunnel != null) {
                tunnel.send();
            }
        }
    }

    /** Closes the oldest of the tunnels that do not stay, and opens another in its place when it is over. */
    private void renewOne() {
        int slot = heldSlots + nextToRenew;
        nextToRenew = (nextToRenew + 1) % (slots.length() - heldSlots);
        SoakTunnel old = slots.get(slot);
        if (quiet || old == null || !old.opened().isDone()) {
            return;
        }
        slots.set(slot, null);
        old.ended().thenAccept(clean -> {
            if (!quiet) {
                fill(slot);
            }
        });
        old.close();
    }

    private SoakTunnel fill(int slot) {
        boolean held = slot < heldSlots;
        List<URI> targets = held ? heldTargets : busyTargets;
        URI target = targets.get(slot % targets.size());
        SoakTunnel tunnel = new SoakTunnel(names.getAndIncrement(), target.toString(), tally);
        slots.set(slot, tunnel);
        tunnel.follow(client.connect(target, tunnel));
        return tunnel;
    }

    /** Stops talking, says goodbye on every tunnel and waits for every answer. */
    void finish() throws InterruptedException {
        quiet = true;
        clock.shutdown();
        if (!clock.awaitTermination(WAIT_SECONDS, TimeUnit.SECONDS)) {
            tally.complain("the fleet's clock does not stop");
        }
        List<CompletableFuture<Boolean>> ends = new ArrayList<>();
        for (int slot = 0; slot < slots.length(); slot++) {
            SoakTunnel tunnel = slots.get(slot);
            if (tunnel != null) {
                ends.add(tunnel.opened().thenCompose(open -> {
                    tunnel.close();
                    return tunnel.ended();
                }));
            }
        }
        await(CompletableFuture.allOf(ends.toArray(CompletableFuture[]::new)), "tunnels that close");
    }

    private void await(CompletableFuture<Void> all, String what) throws InterruptedException {
        try {
            all.get(WAIT_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            tally.drops.increment();
            tally.complain(what + ": not done within " + WAIT_SECONDS + " s");
        } catch (java.util.concurrent.ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        quiet = true;
        clock.shutdownNow();
        client.close();
    }
}
