package dev.holdfast.e2e.traffic;

import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Tunnels that talk all the time and check every byte: each message carries its tunnel, its number and a body that
 * follows from both, and must come back exactly once and in order. What ends a tunnel before the fleet does is a drop.
 */
public final class TunnelFleet implements AutoCloseable {
    /** How often each tunnel sends. */
    private static final Duration PACE = Duration.ofMillis(250);
    /** A listener's backlog is bounded, and a TLS handshake has a deadline: a fleet is not an attack. */
    private static final int AT_ONCE = 50;

    private final TunnelClient client = new TunnelClient();
    private final Counters counters = new Counters();
    private final List<FleetTunnel> tunnels = new ArrayList<>();

    /** What a fleet counts; shared by its tunnels. */
    static final class Counters {
        final AtomicInteger open = new AtomicInteger();
        final AtomicInteger drops = new AtomicInteger();
        final AtomicLong bytesSent = new AtomicLong();
        final AtomicLong bytesBack = new AtomicLong();
        final AtomicLong bytesWrong = new AtomicLong();
        final AtomicLong messages = new AtomicLong();
        final AtomicReference<@Nullable String> firstDrop = new AtomicReference<>();
        volatile boolean ending;
    }

    /**
     * Opens {@code count} tunnels and starts to talk.
     *
     * @param target {@code ws} or {@code wss}; whatever the host, the connection goes to loopback at the URI's port
     */
    public void open(int count, URI target) throws InterruptedException {
        for (int begun = 0; begun < count; begun += AT_ONCE) {
            openAtOnce(Math.min(AT_ONCE, count - begun), target);
        }
    }

    private void openAtOnce(int count, URI target) throws InterruptedException {
        CountDownLatch opened = new CountDownLatch(count);
        for (int i = 0; i < count; i++) {
            FleetTunnel tunnel = new FleetTunnel(tunnels.size(), counters, opened, PACE);
            tunnels.add(tunnel);
            client.connect(target, tunnel);
        }
        if (!opened.await(60, TimeUnit.SECONDS)) {
            throw new IllegalStateException(
                    opened.getCount() + " of " + count + " tunnels did not open; first failure: " + firstDrop());
        }
    }

    /** Tunnels that ended before the fleet did. */
    public int drops() {
        return counters.drops.get();
    }

    /** Tunnels that are open. */
    public int openTunnels() {
        return counters.open.get();
    }

    /** Messages that came back so far. */
    public long messages() {
        return counters.messages.get();
    }

    /** What ended the first tunnel that dropped, or null. */
    public @Nullable String firstDrop() {
        return counters.firstDrop.get();
    }

    /** Stops sending and waits until everything sent is back; returns the bytes that are lost, repeated or wrong. */
    public long settle(Duration wait) throws InterruptedException {
        counters.ending = true;
        long deadline = System.nanoTime() + wait.toNanos();
        while (counters.bytesBack.get() < counters.bytesSent.get() && System.nanoTime() < deadline) {
            Thread.sleep(20);
        }
        return Math.abs(counters.bytesSent.get() - counters.bytesBack.get()) + counters.bytesWrong.get();
    }

    @Override
    public void close() {
        counters.ending = true;
        client.close();
    }
}
