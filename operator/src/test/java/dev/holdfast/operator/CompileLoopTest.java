package dev.holdfast.operator;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class CompileLoopTest {
    private static final Pace SLOW = new Pace(Duration.ofMillis(50), Duration.ofMillis(100), Duration.ofMillis(10_000));
    private static final Pace CAPPED = new Pace(Duration.ofMillis(20), Duration.ofMillis(20), Duration.ofMillis(100));

    private final Semaphore runs = new Semaphore(0);
    private final AtomicInteger failures = new AtomicInteger();

    @Test
    void aBurstBecomesOneRun() throws Exception {
        try (CompileLoop loop = new CompileLoop(SLOW, runs::release, failures::incrementAndGet)) {
            // Given a loop that waits for a silence
            loop.start();

            // When many signals come at once
            for (int i = 0; i < 1_000; i++) {
                loop.signal();
            }

            // Then there is one run
            assertThat(runs.tryAcquire(5, TimeUnit.SECONDS)).isTrue();
            assertThat(runs.tryAcquire(400, TimeUnit.MILLISECONDS)).isFalse();
        }
    }

    @Test
    void signalsWithoutAnEndDoNotPutARunOffForEver() throws Exception {
        try (CompileLoop loop = new CompileLoop(CAPPED, runs::release, failures::incrementAndGet)) {
            // Given a loop with a maximum delay
            loop.start();

            // When signals never pause
            Thread signals = Thread.ofVirtual().start(() -> {
                while (!Thread.currentThread().isInterrupted()) {
                    loop.signal();
                    LockSupport.parkNanos(1_000_000);
                }
            });

            // Then it runs all the same
            assertThat(runs.tryAcquire(3, 10, TimeUnit.SECONDS)).isTrue();
            signals.interrupt();
        }
    }

    @Test
    void aSignalDuringARunCausesAnother() throws Exception {
        CountDownLatch running = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Runnable run = () -> {
            running.countDown();
            try {
                assertThat(goOn.await(10, TimeUnit.SECONDS)).isTrue();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            runs.release();
        };
        try (CompileLoop loop = new CompileLoop(Pace.DEFAULT, run, failures::incrementAndGet)) {
            // Given a run that has read its input
            loop.signal();
            loop.start();
            assertThat(running.await(10, TimeUnit.SECONDS)).isTrue();

            // When a signal comes before it ends
            loop.signal();
            goOn.countDown();

            // Then there is a second run
            assertThat(runs.tryAcquire(2, 10, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void noSignalIsLostWhateverTheTiming() throws Exception {
        AtomicInteger input = new AtomicInteger();
        AtomicInteger read = new AtomicInteger();
        Pace pace = new Pace(Duration.ZERO, Duration.ofNanos(50_000), Duration.ofMillis(1));
        try (CompileLoop loop = new CompileLoop(pace, () -> read.set(input.get()), failures::incrementAndGet)) {
            // Given a loop that hardly waits
            loop.start();

            // When the input changes ten thousand times, each with a signal
            for (int i = 1; i <= 10_000; i++) {
                input.set(i);
                loop.signal();
            }

            // Then the last one is read
            ClusterFixture.await("the last input is read", () -> read.get() == 10_000);
        }
    }

    @Test
    void aRunThatThrowsIsCountedAndTheNextSignalRuns() throws Exception {
        Runnable run = () -> {
            runs.release();
            throw new IllegalStateException("a bug");
        };
        try (CompileLoop loop = new CompileLoop(Pace.DEFAULT, run, failures::incrementAndGet)) {
            // Given a run that failed
            loop.start();
            loop.signal();
            assertThat(runs.tryAcquire(10, TimeUnit.SECONDS)).isTrue();

            // When there is another signal
            loop.signal();

            // Then it runs again
            assertThat(runs.tryAcquire(10, TimeUnit.SECONDS)).isTrue();
            ClusterFixture.await("both are counted", () -> failures.get() == 2);
        }
    }
}
