package dev.holdfast.e2e.soak;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** What a soak counts, and the first complaints in words. Thread-safe. */
final class Tally {
    private static final int COMPLAINTS_MAX = 50;

    final LongAdder sent = new LongAdder();
    final LongAdder back = new LongAdder();
    final LongAdder lost = new LongAdder();
    final LongAdder duplicated = new LongAdder();
    final LongAdder reordered = new LongAdder();
    final LongAdder corrupted = new LongAdder();
    final LongAdder opened = new LongAdder();
    final LongAdder closed = new LongAdder();
    final LongAdder drops = new LongAdder();
    final LongAdder handshakesFailed = new LongAdder();
    final LongAdder requests = new LongAdder();
    final LongAdder requestsFailed = new LongAdder();
    final LongAdder edits = new LongAdder();
    final LongAdder editsFailed = new LongAdder();
    final LongAdder handshakesAtGone = new LongAdder();
    final LongAdder leaks = new LongAdder();
    final LongAdder errorsLogged = new LongAdder();
    private final List<String> complaints = new ArrayList<>();

    /** Keeps the first of them. */
    void complain(String what) {
        synchronized (complaints) {
            if (complaints.size() < COMPLAINTS_MAX) {
                complaints.add(Instant.now().truncatedTo(ChronoUnit.SECONDS) + " " + what);
            }
        }
    }

    List<String> complaints() {
        synchronized (complaints) {
            return List.copyOf(complaints);
        }
    }

    /** Tunnels that should be open. */
    long open() {
        return opened.sum() - closed.sum() - drops.sum();
    }

    /** Everything that must be zero, by name. */
    Map<String, Long> faults() {
        Map<String, Long> faults = new LinkedHashMap<>();
        faults.put("drops", drops.sum());
        faults.put("lost", lost.sum());
        faults.put("duplicated", duplicated.sum());
        faults.put("reordered", reordered.sum());
        faults.put("corrupted", corrupted.sum());
        faults.put("handshakes failed", handshakesFailed.sum());
        faults.put("HTTP failures", requestsFailed.sum());
        faults.put("edits failed", editsFailed.sum());
        faults.put("handshakes at endpoints that are gone", handshakesAtGone.sum());
        faults.put("leak reports", leaks.sum());
        faults.put("errors logged", errorsLogged.sum());
        return faults;
    }
}
