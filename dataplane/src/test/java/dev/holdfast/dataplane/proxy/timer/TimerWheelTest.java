package dev.holdfast.dataplane.proxy.timer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.netty.channel.DefaultEventLoop;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.ScheduledFuture;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One wheel per loop: never early, a tick late at most, and cancelled means cancelled. */
class TimerWheelTest {
    private final MultiThreadIoEventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final EventLoop loop = loops.next();
    private final List<String> fired = Collections.synchronizedList(new ArrayList<>());

    private final class Named extends TimerWheel.Timer {
        private final String name;
        private final Runnable then;

        Named(String name, Runnable then) {
            this.name = name;
            this.then = then;
        }

        @Override
        protected void expired() {
            fired.add(name);
            then.run();
        }
    }

    @AfterEach
    void stop() {
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
    }

    private <T> T onLoop(Callable<T> task) throws Exception {
        return loop.submit(task).get(5, TimeUnit.SECONDS);
    }

    @Test
    void timersFireInOrderAndNeverEarly() throws Exception {
        // Given
        long start = System.nanoTime();
        // When
        onLoop(() -> {
            TimerWheel wheel = TimerWheel.of(loop);
            wheel.schedule(new Named("late", () -> {}), TimerWheel.ticks(Duration.ofMillis(900)));
            wheel.schedule(new Named("soon", () -> {}), TimerWheel.ticks(Duration.ofMillis(300)));
            return true;
        });
        // Then
        await().until(() -> fired.contains("soon"));
        assertThat(System.nanoTime() - start)
                .isGreaterThanOrEqualTo(Duration.ofMillis(300).toNanos());
        await().until(() -> fired.contains("late"));
        assertThat(System.nanoTime() - start)
                .isGreaterThanOrEqualTo(Duration.ofMillis(900).toNanos());
        assertThat(fired).containsExactly("soon", "late");
    }

    @Test
    void anExpiryMayCancelAnotherOfTheSameTickAndScheduleItselfAgain() throws Exception {
        // Given
        onLoop(() -> {
            TimerWheel wheel = TimerWheel.of(loop);
            List<TimerWheel.Timer> both = new ArrayList<>();
            both.add(new Named("a", () -> wheel.cancel(both.get(1))));
            both.add(new Named("b", () -> wheel.cancel(both.get(0))));
            // When
            both.forEach(timer -> wheel.schedule(timer, 1));
            wheel.schedule(new Named("end", () -> {}), 4);
            return true;
        });
        // Then
        await().until(() -> fired.contains("end"));
        assertThat(fired).hasSize(2).endsWith("end");
    }

    @Test
    void aTimerThatIsMovedFiresOnceAndThoseBeyondTheWheelToo() throws Exception {
        // Given
        onLoop(() -> {
            TimerWheel wheel = TimerWheel.of(loop);
            Named moved = new Named("moved", () -> {});
            wheel.schedule(moved, 5_000_000);
            // When
            wheel.schedule(moved, 2);
            wheel.schedule(new Named("far", () -> {}), 5_000_000);
            return true;
        });
        // Then
        await().until(() -> !fired.isEmpty());
        Thread.sleep(600);
        assertThat(fired).containsExactly("moved");
    }

    @ParameterizedTest
    @ValueSource(classes = {IllegalStateException.class, OutOfMemoryError.class, Unspeakable.class})
    void aTimerThatFailsStopsNoOther(Class<? extends Throwable> failure) throws Exception {
        // Given
        onLoop(() -> {
            TimerWheel wheel = TimerWheel.of(loop);
            // When
            wheel.schedule(new Named("bad", () -> sneak(failure)), 1);
            wheel.schedule(new Named("good", () -> {}), 3);
            return true;
        });
        // Then
        await().until(() -> fired.contains("good"));
        assertThat(fired).containsExactly("bad", "good");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aTickThatCouldNotBeOrderedForWantOfMemoryEndsNoLaterTimer(int order) throws Exception {
        // Given
        DefaultEventLoop shortOfMemory = new LoopWithoutMemory(order);
        // When
        shortOfMemory
                .submit(() -> {
                    TimerWheel wheel = TimerWheel.of(shortOfMemory);
                    try {
                        wheel.schedule(new Named("first", () -> {}), 3);
                    } catch (OutOfMemoryError e) {
                        fired.add("told");
                    }
                    wheel.schedule(new Named("second", () -> {}), 5);
                })
                .get(5, TimeUnit.SECONDS);
        // Then
        await().until(() -> fired.contains("second"));
        assertThat(fired).containsExactly(order == 1 ? "told" : "first", "second");
        shortOfMemory.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
    }

    /** Out of memory when a task is to be run later, once. */
    private static final class LoopWithoutMemory extends DefaultEventLoop {
        private int left;

        LoopWithoutMemory(int order) {
            left = order;
        }

        @Override
        public ScheduledFuture<?> schedule(Runnable task, long delay, TimeUnit unit) {
            order();
            return super.schedule(task, delay, unit);
        }

        @Override
        public ScheduledFuture<?> scheduleWithFixedDelay(Runnable task, long initial, long delay, TimeUnit unit) {
            order();
            return super.scheduleWithFixedDelay(task, initial, delay, unit);
        }

        private void order() {
            if (--left == 0) {
                throw new OutOfMemoryError("on purpose");
            }
        }
    }

    private static final class Unspeakable extends OutOfMemoryError {
        @Override
        public String getMessage() {
            throw this;
        }
    }

    private static void sneak(Class<? extends Throwable> failure) {
        if (failure == Unspeakable.class) {
            throw new Unspeakable();
        }
        if (Error.class.isAssignableFrom(failure)) {
            throw new OutOfMemoryError("on purpose");
        }
        throw new IllegalStateException("on purpose");
    }

    /** A process that stood still handles what lies in its sockets before it learns how late it is. */
    @Test
    void whatBeginsBehindAPauseHasItsWholeTime() {
        // Given
        PlayedTime time = new PlayedTime();
        time.wheel.schedule(new Named("begun before", () -> {}), TimerWheel.ticks(Duration.ofSeconds(10)));
        time.passes(Duration.ofSeconds(1));
        // When
        time.standsStillFor(Duration.ofMinutes(1));
        time.wheel.schedule(new Named("connect", () -> {}), TimerWheel.ticks(Duration.ofSeconds(2)));
        // Then
        time.passes(Duration.ofMillis(1_800));
        assertThat(fired).isEmpty();
        time.passes(Duration.ofSeconds(1));
        assertThat(fired).containsExactly("connect");
        time.passes(Duration.ofSeconds(10));
        assertThat(fired).containsExactly("connect", "begun before");
    }

    @Test
    void whatWasHeardBehindAPauseIsNotLongAgo() {
        // Given
        PlayedTime time = new PlayedTime();
        time.wheel.schedule(new Named("idle", () -> {}), TimerWheel.ticks(Duration.ofHours(1)));
        time.passes(Duration.ofSeconds(1));
        time.standsStillFor(Duration.ofMinutes(1));
        long heard = time.wheel.now();
        // When
        time.passes(TimerWheel.TICK);
        // Then
        assertThat(time.wheel.now() - heard).isOne();
    }

    @Test
    void aLoopThatIsMerelySlowKeepsTime() {
        // Given
        PlayedTime time = new PlayedTime();
        time.wheel.schedule(new Named("soon", () -> {}), TimerWheel.ticks(Duration.ofSeconds(5)));
        // When
        for (int i = 0; i < 8; i++) {
            time.standsStillFor(Duration.ofMillis(600));
            time.passes(TimerWheel.TICK);
        }
        // Then
        assertThat(fired).containsExactly("soon");
    }

    @Test
    void aLoopThatIsLateAgainAndAgainKeepsTime() {
        // Given
        PlayedTime time = new PlayedTime();
        time.wheel.schedule(new Named("soon", () -> {}), TimerWheel.ticks(Duration.ofSeconds(5)));
        // When
        for (int i = 0; i < 8; i++) {
            time.standsStillFor(Duration.ofMillis(1_400));
            time.passes(TimerWheel.TICK);
        }
        // Then
        assertThat(fired).containsExactly("soon");
    }

    /** A wheel whose loop and clock do what they are told. */
    private static final class PlayedTime {
        private final EmbeddedChannel channel = new EmbeddedChannel();
        private long nanos;
        final TimerWheel wheel = new TimerWheel(channel.eventLoop(), () -> nanos);

        PlayedTime() {
            channel.freezeTime();
        }

        void passes(Duration time) {
            long end = nanos + time.toNanos();
            while (nanos < end) {
                standsStillFor(TimerWheel.TICK);
                channel.advanceTimeBy(TimerWheel.TICK.toNanos(), TimeUnit.NANOSECONDS);
                channel.runScheduledPendingTasks();
            }
        }

        void standsStillFor(Duration time) {
            nanos += time.toNanos();
        }
    }

    @Test
    void aWheelIsAskedForOnItsLoopOnly() {
        assertThatThrownBy(() -> TimerWheel.of(loop)).isInstanceOf(IllegalStateException.class);
    }
}
