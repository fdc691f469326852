package dev.holdfast.cli.local;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Hands events to the printout on a thread of its own: event loops that offer them never wait for a terminal. What does
 * not fit is counted and left out.
 */
final class EventQueue implements AutoCloseable {
    private static final int EVENTS_MAX = 10_000;

    private final BlockingQueue<LocalEvent> queue = new ArrayBlockingQueue<>(EVENTS_MAX);
    private final AtomicLong leftOut = new AtomicLong();
    private final Consumer<LocalEvent> printout;
    private final Thread thread;
    private volatile boolean closed;

    EventQueue(Consumer<LocalEvent> printout) {
        this.printout = printout;
        this.thread = Thread.ofPlatform().daemon().name("holdfast-printout").start(this::print);
    }

    void offer(LocalEvent event) {
        if (!queue.offer(event)) {
            leftOut.incrementAndGet();
        }
    }

    /** Prints what is queued, then ends. */
    @Override
    public void close() {
        closed = true;
        try {
            thread.join(2_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void print() {
        try {
            while (true) {
                LocalEvent event = queue.poll(50, TimeUnit.MILLISECONDS);
                if (event != null) {
                    printout.accept(event);
                } else if (leftOut.get() > 0) {
                    printout.accept(new LocalEvent.LeftOut(leftOut.getAndSet(0)));
                } else if (closed) {
                    return;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
