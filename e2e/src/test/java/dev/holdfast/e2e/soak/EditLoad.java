package dev.holdfast.e2e.soak;

import dev.holdfast.e2e.cluster.MockCluster;
import dev.holdfast.e2e.traffic.EchoBackend;
import io.netty.pkitesting.X509Bundle;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Edits without pause (R01): routes of others, the tunnels' own route, certificates, services; and endpoints that go from
 * three to one and back (R06). Nothing here may hurt what is open, and nothing may hurt {@code busy.test} at all.
 */
final class EditLoad {
    private static final int SCALE_SECONDS = 10;
    /** How long after an endpoint is gone a handshake may still reach it: far more than it takes on an idle machine. */
    private static final int GONE_SECONDS = 4;

    private static final long SEED = Long.getLong("soak.seed", 20_261_121L);

    private final MockCluster cluster;
    private final List<EchoBackend> backends;
    private final List<X509Bundle> certificates;
    private final Tally tally;
    private final Random random = new Random(SEED);
    private final ScheduledExecutorService clock = Executors.newScheduledThreadPool(2);
    private long number;
    private volatile long handshakesAtGone;
    private boolean scaledDown;

    /** Creates the objects; nothing is edited before {@link #start}. */
    EditLoad(MockCluster cluster, List<EchoBackend> backends, Tally tally) throws Exception {
        this.cluster = cluster;
        this.backends = backends;
        this.tally = tally;
        certificates = SoakObjects.certificates(5);
        cluster.create(SoakObjects.service("echo"));
        cluster.create(SoakObjects.service("other"));
        cluster.create(SoakObjects.slice("other", 0, true, 9));
        cluster.create(SoakObjects.secret(certificates.getFirst()));
        for (int i = 0; i < backends.size(); i++) {
            cluster.create(slice(i, true));
        }
        cluster.create(SoakObjects.route(SoakObjects.HELD_HOST, "/", "echo"));
        cluster.create(SoakObjects.route(SoakObjects.BUSY_HOST, "/", "echo"));
    }

    void start(int editsPerSecond) {
        long paceNanos = TimeUnit.SECONDS.toNanos(1) / Math.max(1, editsPerSecond);
        clock.scheduleAtFixedRate(() -> guarded(this::edit), paceNanos, paceNanos, TimeUnit.NANOSECONDS);
        clock.scheduleAtFixedRate(() -> guarded(this::scale), SCALE_SECONDS, SCALE_SECONDS, TimeUnit.SECONDS);
    }

    private void guarded(Runnable edit) {
        try {
            edit.run();
            tally.edits.increment();
        } catch (RuntimeException e) {
            tally.editsFailed.increment();
            tally.complain("edit: " + e);
        }
    }

    private void edit() {
        number++;
        switch (random.nextInt(8)) {
            case 0, 1 -> cluster.apply(SoakObjects.route(other(), "/v" + number, "other"));
            case 2 -> cluster.delete(SoakObjects.route(other(), "/", "other"));
            case 3 -> editHeld();
            case 4 -> cluster.apply(SoakObjects.secret(certificates.get(random.nextInt(certificates.size()))));
            case 5 -> cluster.apply(SoakObjects.slice("other", 0, true, 1 + random.nextInt(1_000)));
            case 6 ->
                cluster.apply(SoakObjects.route(
                        SoakObjects.BUSY_HOST, "/", "echo", "timeouts: {idle: " + (60 + number % 60) + "m}"));
            default ->
                cluster.apply(SoakObjects.route(
                        SoakObjects.BUSY_HOST,
                        "/",
                        "echo",
                        "filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-Edit, value: \""
                                + number + "\"}]}}]"));
        }
    }

    /** The tunnels keep the route they were opened with, whatever becomes of it. */
    private void editHeld() {
        switch (random.nextInt(4)) {
            case 0 -> cluster.delete(SoakObjects.route(SoakObjects.HELD_HOST, "/", "echo"));
            case 1 -> cluster.apply(SoakObjects.route(SoakObjects.HELD_HOST, "/moved" + number, "echo"));
            case 2 -> cluster.apply(SoakObjects.route(SoakObjects.HELD_HOST, "/", "other"));
            default ->
                cluster.apply(SoakObjects.route(
                        SoakObjects.HELD_HOST, "/", "echo", "timeouts: {idle: " + (60 + number % 60) + "m}"));
        }
    }

    private String other() {
        return SoakObjects.other(random.nextInt(SoakObjects.OTHERS));
    }

    /** All but the first endpoint go, or come back; between, none of those that are gone may see a handshake. */
    private void scale() {
        if (scaledDown) {
            long later = Math.max(0, countHandshakesAtGone() - handshakesAtGone);
            tally.handshakesAtGone.add(later);
            if (later > 0) {
                tally.complain(later + " handshakes at endpoints that had been gone for " + GONE_SECONDS + " s");
            }
        }
        scaledDown = !scaledDown;
        for (int i = 1; i < backends.size(); i++) {
            cluster.apply(slice(i, !scaledDown));
        }
        if (scaledDown) {
            handshakesAtGone = Long.MAX_VALUE / 2; // Until it is known.
            clock.schedule(() -> handshakesAtGone = countHandshakesAtGone(), GONE_SECONDS, TimeUnit.SECONDS);
        }
    }

    private long countHandshakesAtGone() {
        return backends.stream().skip(1).mapToLong(EchoBackend::handshakes).sum();
    }

    private String slice(int backend, boolean ready) {
        return SoakObjects.slice("echo", backend, ready, backends.get(backend).port());
    }

    /** Ends it; the edit under way is finished. */
    void stop() throws InterruptedException {
        clock.shutdown();
        if (!clock.awaitTermination(60, TimeUnit.SECONDS)) {
            tally.complain("an edit does not end");
        }
    }
}
