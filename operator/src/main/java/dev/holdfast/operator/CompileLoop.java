package dev.holdfast.operator;

import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns signals into runs: one run at a time, on one thread, a short silence after the last signal or a bounded time
 * after the first. A signal is never lost: it is taken back immediately before the run reads its input, so that one
 * that arrives later causes another run. A run that throws is logged and counted and changes nothing; the next signal
 * runs again.
 */
final class CompileLoop implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(CompileLoop.class);
    private static final Duration CLOSE_WAIT = Duration.ofSeconds(10);

    private final Pace pace;
    private final Runnable run;
    private final Runnable onFailure;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Thread thread;
    private long signals;
    private boolean closed;

    /**
     * Does nothing before {@link #start()}.
     *
     * @param run reads its input and compiles it; called on the loop's thread only
     * @param onFailure called after {@code run} threw
     */
    CompileLoop(Pace pace, Runnable run, Runnable onFailure) {
        this.pace = pace;
        this.run = run;
        this.onFailure = onFailure;
        this.thread = Thread.ofPlatform().name("compile").daemon().unstarted(this::loop);
    }

    /** Starts the thread; signals that came before count. */
    void start() {
        thread.start();
    }

    /** Asks for a run. Never waits for one; callable from any thread. */
    void signal() {
        lock.lock();
        try {
            signals++;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Waits for the run in progress and starts no other. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        if (thread.getState() == Thread.State.NEW || Thread.currentThread().equals(thread)) {
            return;
        }
        try {
            if (!thread.join(CLOSE_WAIT)) {
                LOG.warn("compile did not end seconds={}", CLOSE_WAIT.toSeconds());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void loop() {
        try {
            while (awaitWork()) {
                runOnce();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Returns when a run is due, with the signals taken back; false when the loop is closed. */
    private boolean awaitWork() throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (signals == 0 && !closed) {
                changed.await();
            }
            long deadline = System.nanoTime() + pace.delayMax().toNanos();
            long quiet = signals > 1 ? pace.burst().toNanos() : pace.first().toNanos();
            while (!closed && awaitSignal(Math.min(quiet, deadline - System.nanoTime()))) {
                quiet = pace.burst().toNanos();
            }
            signals = 0;
            return !closed;
        } finally {
            lock.unlock();
        }
    }

    /** Whether a signal came before the time was over. */
    private boolean awaitSignal(long nanos) throws InterruptedException {
        long before = signals;
        long left = nanos;
        while (signals == before && !closed && left > 0) {
            left = changed.awaitNanos(left);
        }
        return signals != before && left > 0;
    }

    private void runOnce() {
        Throwable failure = attempt();
        if (failure != null) {
            // User input never throws: this is a bug, and the table that is published stays.
            LOG.error("compile failed, the last table stays", failure);
            onFailure.run();
        }
    }

    private @Nullable Throwable attempt() {
        try {
            run.run();
            return null;
        } catch (RuntimeException | StackOverflowError e) {
            return e;
        }
    }
}
