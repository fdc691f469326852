package dev.holdfast.cli;

import dev.holdfast.cli.local.LocalMode;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** The end of local mode: the first signal drains, the second cuts. Thread-safe. */
final class Ending {
    private final LocalMode mode;
    private final CountDownLatch done = new CountDownLatch(1);
    private final AtomicReference<@Nullable Thread> drain = new AtomicReference<>();

    Ending(LocalMode mode) {
        this.mode = mode;
    }

    /** Begins to drain, or cuts what is being drained. */
    void begin() {
        Thread fresh = Thread.ofPlatform().daemon().name("holdfast-end").unstarted(this::drain);
        if (drain.compareAndSet(null, fresh)) {
            fresh.start();
            return;
        }
        Thread running = drain.get();
        if (running != null) {
            running.interrupt();
        }
    }

    /** Waits for the end. */
    int await() throws InterruptedException {
        done.await();
        return 0;
    }

    private void drain() {
        try {
            mode.drain();
        } catch (InterruptedException e) {
            mode.close();
        } finally {
            done.countDown();
        }
    }
}
