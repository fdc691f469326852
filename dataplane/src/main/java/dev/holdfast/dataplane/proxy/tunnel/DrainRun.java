package dev.holdfast.dataplane.proxy.tunnel;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;

/** The drain of all loops; thread-safe. */
final class DrainRun implements Drain {
    private final CloseFrame word;
    private final IntSupplier open;
    private final IntSupplier others;
    private final long startNanos = System.nanoTime();
    private final long spreadNanos;
    private final long windowNanos;
    private final AtomicInteger drained = new AtomicInteger();
    private final AtomicInteger cut = new AtomicInteger();
    private final CompletableFuture<DrainResult> result = new CompletableFuture<>();

    /** Waits for {@code open} tunnels and upgrades, and until its deadline for {@code others} too. */
    DrainRun(Duration window, Duration finTimeout, CloseFrame word, IntSupplier open, IntSupplier others) {
        this.word = word;
        this.open = open;
        this.others = others;
        this.windowNanos = window.toNanos();
        // The last to be told needs time to answer too.
        this.spreadNanos = Math.max(windowNanos / 2, windowNanos - 2 * finTimeout.toNanos());
    }

    CloseFrame word() {
        return word;
    }

    long startNanos() {
        return startNanos;
    }

    long spreadNanos() {
        return spreadNanos;
    }

    long spreadEndNanos() {
        return startNanos + spreadNanos;
    }

    long deadlineNanos() {
        return startNanos + windowNanos;
    }

    boolean isPastDeadline() {
        return System.nanoTime() - deadlineNanos() >= 0;
    }

    void ended(boolean wasCut) {
        (wasCut ? cut : drained).incrementAndGet();
    }

    /** Completes if nothing is left. */
    void check() {
        // The others first: one of them may become an upgrade in between.
        if ((others.getAsInt() == 0 || isPastDeadline()) && open.getAsInt() == 0) {
            result.complete(new DrainResult(drained.get(), cut.get()));
        }
    }

    @Override
    public void othersEnded() {
        check();
    }

    @Override
    public int remaining() {
        return open.getAsInt();
    }

    @Override
    public CompletionStage<DrainResult> result() {
        return result.minimalCompletionStage();
    }
}
