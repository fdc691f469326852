package dev.holdfast.dataplane.sync;

import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.TableVersion;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes tables to the store on a thread of its own, so that a slow disk delays no swap. Tables that follow each other
 * closely are written once: at most one waits.
 */
final class StoreWriter implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(StoreWriter.class);
    private static final Duration QUIET = Duration.ofMillis(200);
    private static final Duration CLOSE_WAIT = Duration.ofSeconds(5);

    /** Where tables are kept. */
    @FunctionalInterface
    interface Target {
        void save(TableVersion version, RouteTable table) throws IOException;
    }

    private final Target target;
    private final Thread thread;
    private @Nullable ActiveTable waiting;
    private boolean closed;

    StoreWriter(Target target) {
        this.target = target;
        // No virtual one: out of memory it cannot even wait.
        this.thread = Thread.ofPlatform().daemon().name("table-store").unstarted(this::run);
    }

    void start() {
        thread.start();
    }

    synchronized void offer(ActiveTable table) {
        waiting = table;
        notifyAll();
    }

    /** Writes what waits, and ends. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        try {
            if (thread.getState() != Thread.State.NEW && !thread.join(CLOSE_WAIT)) {
                LOG.warn(
                        "stored table not written because=\"the disk takes longer than {} s\"", CLOSE_WAIT.toSeconds());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        try {
            for (ActiveTable table = take(); table != null; table = take()) {
                write(table);
                pause();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized @Nullable ActiveTable take() throws InterruptedException {
        while (waiting == null && !closed) {
            wait();
        }
        ActiveTable table = waiting;
        waiting = null;
        return table;
    }

    private synchronized void pause() throws InterruptedException {
        if (!closed) {
            wait(QUIET.toMillis());
        }
    }

    private void write(ActiveTable table) {
        try {
            target.save(table.version(), table.table());
        } catch (IOException | RuntimeException | Error e) {
            // Whatever it was, the next table is written again.
            tell(e);
        }
    }

    private static void tell(Throwable failure) {
        try {
            LOG.warn("stored table not written because=\"{}\"", failure.toString());
        } catch (RuntimeException | Error e) {
            // Out of memory, words need more of it: the next table is written all the same.
        }
    }
}
