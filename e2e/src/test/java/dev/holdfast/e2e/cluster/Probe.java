package dev.holdfast.e2e.cluster;

import dev.holdfast.e2e.traffic.RawGet;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Asks all the time, as clients do that connect anew every few requests, and counts what was not answered with 200. */
final class Probe implements AutoCloseable {
    private static final int REQUESTS_PER_CONNECTION = 10;

    private final AtomicInteger requests = new AtomicInteger();
    private final AtomicInteger failures = new AtomicInteger();
    private final Map<String, Integer> answers = new ConcurrentHashMap<>();
    private final AtomicReference<@Nullable String> firstFailure = new AtomicReference<>();
    private final List<Thread> threads = new ArrayList<>();
    private volatile boolean ending;

    private Probe() {}

    /**
     * Starts.
     *
     * @param port of loopback
     * @param pauseMillis between two requests of one of the workers
     */
    static Probe start(int port, String host, int workers, long pauseMillis) {
        Probe probe = new Probe();
        for (int i = 0; i < workers; i++) {
            probe.threads.add(Thread.ofVirtual().start(() -> probe.work(port, host, pauseMillis)));
        }
        return probe;
    }

    /** The status of one request on a connection of its own; 0 if there was none. */
    static int once(int port, String host) {
        try (RawGet connection = new RawGet(port, host, "/")) {
            return connection.get().status();
        } catch (IOException | RuntimeException e) {
            return 0;
        }
    }

    /** What answered thirty requests, each on a connection of its own: the names of pods, if all went well. */
    static Set<String> names(int port, String host) {
        Set<String> names = new TreeSet<>();
        for (int i = 0; i < 30; i++) {
            try (RawGet connection = new RawGet(port, host, "/")) {
                RawGet.Answer answer = connection.get();
                names.add(answer.status() == 200 ? answer.body().strip() : "status " + answer.status());
            } catch (IOException e) {
                names.add(e.toString());
            }
        }
        return names;
    }

    private void work(int port, String host, long pauseMillis) {
        while (!ending) {
            try (RawGet connection = new RawGet(port, host, "/")) {
                for (int i = 0; i < REQUESTS_PER_CONNECTION && !ending; i++) {
                    requests.incrementAndGet();
                    RawGet.Answer answer = connection.get();
                    if (answer.status() == 200) {
                        answers.merge(answer.body().strip(), 1, Integer::sum);
                    } else {
                        failed("status " + answer.status());
                    }
                    Thread.sleep(pauseMillis);
                    if (answer.header("connection").equals("close")) {
                        break;
                    }
                }
            } catch (IOException | RuntimeException e) {
                // What is no answer at all must be counted, and must not end the worker.
                failed(e.toString());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    private void failed(String how) {
        failures.incrementAndGet();
        firstFailure.compareAndSet(null, "request " + requests.get() + ": " + how);
    }

    int requests() {
        return requests.get();
    }

    int failures() {
        return failures.get();
    }

    /** How many were answered by each pod, by its name. */
    Map<String, Integer> answers() {
        return new TreeMap<>(answers);
    }

    /** The first request that failed, or null. */
    @Nullable
    String firstFailure() {
        return firstFailure.get();
    }

    /** Ends, after the requests that are under way. */
    void stop() {
        ending = true;
        try {
            for (Thread thread : threads) {
                thread.join(15_000);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        stop();
    }
}
