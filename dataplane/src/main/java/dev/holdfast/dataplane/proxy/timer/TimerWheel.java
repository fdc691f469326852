package dev.holdfast.dataplane.proxy.timer;

import io.netty.channel.EventLoop;
import io.netty.util.concurrent.FastThreadLocal;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The timers of one event loop. Scheduling, cancelling and asking for the time cost a few field accesses, so that a
 * tunnel can note its last byte without reading a clock. Confined to its loop; ticks only while a timer is pending.
 */
public final class TimerWheel {
    /** How exact a timer is. */
    public static final Duration TICK = Duration.ofMillis(200);

    private static final Logger LOG = LoggerFactory.getLogger(TimerWheel.class);
    private static final int SLOTS = 1024;
    /** How many ticks more than one may have passed at a tick of a loop that is merely busy. */
    private static final int LATE_TICKS_MAX = 4;

    private static final long TICK_NANOS = TICK.toNanos();
    private static final FastThreadLocal<@Nullable TimerWheel> OF_LOOP = new FastThreadLocal<>();

    /** Something that is due at some tick. Extend it instead of holding one: a tunnel is its own timer. */
    public abstract static class Timer {
        private @Nullable Timer previous;
        private @Nullable Timer next;
        private long dueTick;
        private int slot = -1;

        /** The time has come; on the event loop. The timer is no longer pending and may be scheduled again. */
        protected abstract void expired();
    }

    private final EventLoop loop;
    private final LongSupplier nanoClock;
    private final long startNanos;
    private final @Nullable Timer[] slots = new Timer[SLOTS];
    /** Before the first of those whose time has come; made once, for a tick may find no memory. */
    private final Timer due = new Timer() {
        @Override
        protected void expired() {}
    };

    private long tick;
    /** How long the process stood still, so far as that was too long to be made up for. */
    private long skippedTicks;

    private boolean wasLate;
    private int pending;
    /** While it ticks. A task that repeats itself needs no memory at a tick. */
    private @Nullable Future<?> ticking;

    /** With a clock of its own. */
    TimerWheel(EventLoop loop, LongSupplier nanoClock) {
        this.loop = loop;
        this.nanoClock = nanoClock;
        this.startNanos = nanoClock.getAsLong();
    }

    /** The wheel of a loop; call on the loop. */
    public static TimerWheel of(EventLoop loop) {
        if (!loop.inEventLoop()) {
            throw new IllegalStateException("timer wheel: asked for outside its event loop (expected: on it)");
        }
        TimerWheel wheel = OF_LOOP.get();
        if (wheel == null || wheel.loop != loop) {
            wheel = new TimerWheel(loop, System::nanoTime);
            OF_LOOP.set(wheel);
        }
        return wheel;
    }

    /** How many ticks a time takes, rounded up so that a timer is never early. */
    public static long ticks(Duration time) {
        return (time.toNanos() + TICK_NANOS - 1) / TICK_NANOS + 1;
    }

    /** The current tick; it moves while a timer is pending, and never by leaps: while the process stands still it rests. */
    public long now() {
        return tick;
    }

    /** Makes {@code timer} due in {@code ticks}; if it is pending already it is moved. */
    public void schedule(Timer timer, long ticks) {
        cancel(timer);
        if (ticking == null) {
            tick = currentTick();
            ticking = loop.scheduleWithFixedDelay(this::advance, TICK_NANOS, TICK_NANOS, TimeUnit.NANOSECONDS);
        }
        timer.dueTick = tick + Math.max(1, ticks);
        link(timer);
        pending++;
    }

    /** Makes {@code timer} not due; if it is not pending nothing happens. */
    public void cancel(Timer timer) {
        if (timer.slot >= 0) {
            unlink(timer);
            pending--;
        }
    }

    private long currentTick() {
        return (nanoClock.getAsLong() - startNanos) / TICK_NANOS - skippedTicks;
    }

    private void advance() {
        long target = currentTick();
        long late = target - tick - 1;
        boolean isLate = late > LATE_TICKS_MAX;
        if (isLate && !wasLate) {
            // Stopped or moved: what lay in the sockets was handled just before this, by the old tick. If time leapt
            // now, what has only begun would expire, and who has only been heard would have been silent.
            skippedTicks += late;
            target -= late;
        }
        // A loop that is late again and again is overloaded: then above all limits of time must hold.
        wasLate = isLate;
        // One whole turn visits every timer; more turns would find nothing new.
        tick = Math.max(tick, target - SLOTS);
        while (tick < target) {
            tick++;
            visit((int) (tick & SLOTS - 1), target);
        }
        Future<?> current = ticking;
        if (pending == 0 && current != null) {
            ticking = null;
            current.cancel(false);
        }
    }

    private void visit(int slot, long target) {
        Timer timer = slots[slot];
        slots[slot] = null;
        // Detached first: an expiry may cancel or schedule any other timer, of this slot too.
        while (timer != null) {
            Timer following = timer.next;
            timer.previous = null;
            timer.next = null;
            timer.slot = -1;
            if (timer.dueTick > target) {
                link(timer);
            } else {
                timer.slot = SLOTS;
                timer.previous = due;
                timer.next = due.next;
                if (timer.next != null) {
                    timer.next.previous = timer;
                }
                due.next = timer;
            }
            timer = following;
        }
        expireAll();
    }

    private void expireAll() {
        for (Timer timer = due.next; timer != null; timer = due.next) {
            unlink(timer);
            pending--;
            try {
                timer.expired();
            } catch (RuntimeException | Error e) {
                // An error too: the wheel would stand still, and with it every limit of time.
                tell(timer, e);
            }
        }
    }

    private static void tell(Timer timer, Throwable failure) {
        try {
            LOG.warn("event=timer_failed timer={}", timer.getClass().getSimpleName(), failure);
        } catch (RuntimeException | Error e) {
            // Out of memory, words need more of it: the other timers go on.
        }
    }

    private void link(Timer timer) {
        long ahead = Math.min(timer.dueTick - tick, SLOTS - 1);
        int slot = (int) (tick + ahead & SLOTS - 1);
        Timer first = slots[slot];
        timer.slot = slot;
        timer.previous = null;
        timer.next = first;
        if (first != null) {
            first.previous = timer;
        }
        slots[slot] = timer;
    }

    private void unlink(Timer timer) {
        Timer before = timer.previous;
        Timer after = timer.next;
        if (before != null) {
            before.next = after;
        } else if (timer.slot < SLOTS) {
            slots[timer.slot] = after;
        }
        if (after != null) {
            after.previous = before;
        }
        timer.previous = null;
        timer.next = null;
        timer.slot = -1;
    }
}
