package dev.holdfast.dataplane.proxy.telemetry;

import java.util.concurrent.atomic.AtomicLong;

/**
 * What one event loop relayed in one direction for one route. Written by that loop alone, with plain additions, and
 * summed when somebody reads: the relay path pays for no contended counter and for no clock.
 */
public final class DirectionCounters {
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLong textMessages = new AtomicLong();
    private final AtomicLong binaryMessages = new AtomicLong();
    private final AtomicLong bufferedBytes = new AtomicLong();
    private final PauseClock pauses = new PauseClock();

    /** Starts at nothing. */
    public DirectionCounters() {}

    /** Adds bytes that were relayed. */
    public void relayed(long count) {
        add(bytes, count);
    }

    /**
     * A frame has begun; the first of a text or binary message counts (RFC 6455 §5.2).
     *
     * @return whether a message has begun with it
     */
    public boolean frame(int opcode) {
        return switch (opcode) {
            case 1 -> {
                add(textMessages, 1);
                yield true;
            }
            case 2 -> {
                add(binaryMessages, 1);
                yield true;
            }
            default -> false;
        };
    }

    /** Adds bytes that are held because the sink does not take them; negative when it took some. */
    public void buffered(long count) {
        add(bufferedBytes, count);
    }

    /** A tunnel has stopped reading until its sink takes what is held. */
    public void paused() {
        pauses.begin(System.nanoTime());
    }

    /** A tunnel that had stopped reads again, or is over. */
    public void resumed() {
        pauses.end(System.nanoTime());
    }

    private static void add(AtomicLong counter, long count) {
        counter.setOpaque(counter.getPlain() + count);
    }

    long bytes() {
        return bytes.getOpaque();
    }

    long textMessages() {
        return textMessages.getOpaque();
    }

    long binaryMessages() {
        return binaryMessages.getOpaque();
    }

    long bufferedBytes() {
        return bufferedBytes.getOpaque();
    }

    PauseClock pauses() {
        return pauses;
    }
}
