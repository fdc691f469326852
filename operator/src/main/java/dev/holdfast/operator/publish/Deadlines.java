package dev.holdfast.operator.publish;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends blocking I/O that takes too long, by interrupting its thread: a socket channel closes when a thread that blocks
 * on it is interrupted. One timer thread for all.
 */
final class Deadlines implements AutoCloseable {
    /** Work that may block. */
    @FunctionalInterface
    interface Io {
        void run() throws IOException;
    }

    private static final Logger LOG = LoggerFactory.getLogger(Deadlines.class);

    private final ScheduledExecutorService timer;

    Deadlines(String threadName) {
        timer = Executors.newSingleThreadScheduledExecutor(
                Thread.ofPlatform().daemon().name(threadName).factory());
    }

    /**
     * Runs {@code work} on this thread and interrupts it after {@code limit}.
     *
     * @throws InterruptedException if the interrupt came when the work was just done
     */
    void within(Duration limit, Io work) throws IOException, InterruptedException {
        Thread worker = Thread.currentThread();
        ScheduledFuture<?> alarm = timer.schedule(worker::interrupt, limit.toNanos(), TimeUnit.NANOSECONDS);
        try {
            work.run();
        } finally {
            alarm.cancel(false);
        }
        if (Thread.interrupted()) {
            throw new InterruptedException("interrupted behind the end of the work");
        }
    }

    /** Runs {@code work} again and again; a failure is logged and ends only that run. */
    void every(Duration period, Runnable work) {
        Runnable run = () -> {
            try {
                work.run();
            } catch (RuntimeException e) {
                LOG.error("periodic work failed", e);
            }
        };
        timer.scheduleWithFixedDelay(run, period.toNanos(), period.toNanos(), TimeUnit.NANOSECONDS);
    }

    @Override
    public void close() {
        timer.shutdownNow();
    }
}
