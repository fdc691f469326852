package dev.holdfast.dataplane.sync;

import dev.holdfast.routetable.update.ApplyReport;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells every replica what is served: the one that sends tables, and the others, since any of them may be the one that
 * writes status. Only the first must hear it; what the others miss, the next report says again.
 */
final class Reports {
    private static final Logger LOG = LoggerFactory.getLogger(Reports.class);
    private static final Duration LOOK_AGAIN = Duration.ofSeconds(10);
    private static final Duration FAREWELL = Duration.ofSeconds(1);

    private final OperatorHttp http;
    private final Replicas replicas;
    private final Map<URI, ReportSender> senders = new ConcurrentHashMap<>();
    private final AtomicBoolean looking = new AtomicBoolean();
    private volatile @Nullable URI stream;
    private volatile @Nullable ApplyReport last;
    private volatile long lookedNanos = System.nanoTime();

    Reports(OperatorHttp http, Replicas replicas) {
        this.http = http;
        this.replicas = replicas;
    }

    /** The stream is at this replica now. */
    void follow(URI replica) {
        stream = replica;
        lookedNanos = System.nanoTime();
    }

    void send(ApplyReport report) {
        last = report;
        URI own = stream;
        if (own == null) {
            return;
        }
        List<URI> all = replicas.known();
        senders.keySet().removeIf(known -> !known.equals(own) && !all.contains(known));
        sender(own).send(report, ReportSender.Place.HERE);
        for (URI other : all) {
            if (!other.equals(own)) {
                sender(other).send(report, ReportSender.Place.ELSEWHERE);
            }
        }
        lookAgain();
    }

    /** Tells the other replicas that this data plane ends; the one that sends tables sees its stream end. */
    void farewell() {
        ApplyReport report = last;
        URI own = stream;
        if (report == null || own == null) {
            return;
        }
        List<CompletableFuture<?>> told = new ArrayList<>();
        for (URI other : replicas.known()) {
            if (!other.equals(own)) {
                told.add(sender(other).post(report, ReportSender.Place.ENDED));
            }
        }
        try {
            CompletableFuture.allOf(told.toArray(CompletableFuture[]::new))
                    .get(FAREWELL.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            LOG.debug("not every replica heard the end because=\"{}\"", e.toString());
        }
    }

    private ReportSender sender(URI replica) {
        return senders.computeIfAbsent(replica, target -> new ReportSender(http, target));
    }

    /** Replicas come and go while a stream stays; a slow name server must not hold up the stream. */
    private void lookAgain() {
        long now = System.nanoTime();
        if (now - lookedNanos < LOOK_AGAIN.toNanos() || !looking.compareAndSet(false, true)) {
            return;
        }
        lookedNanos = now;
        Thread.startVirtualThread(() -> {
            try {
                replicas.refresh();
            } catch (IOException e) {
                LOG.debug("replicas not found because=\"{}\"", e.getMessage());
            } finally {
                looking.set(false);
            }
        });
    }
}
