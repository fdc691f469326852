package dev.holdfast.operator.watch;

import dev.holdfast.operator.compile.CompileResult;
import dev.holdfast.operator.diagnostic.Diagnostic;
import dev.holdfast.operator.diagnostic.ResourceRef;
import dev.holdfast.operator.publish.ApplyReports;
import dev.holdfast.operator.publish.DataPlaneState;
import dev.holdfast.operator.snapshot.ClusterSnapshot.WebSocketRouteView;
import dev.holdfast.operator.status.GenerationLog;
import dev.holdfast.operator.status.Progress;
import dev.holdfast.operator.status.StatusIntent;
import dev.holdfast.routetable.TableVersion;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What every owner should hear now, from the last compile and the answers of the data planes. One thread gathers changes
 * for a moment, works the intents out, and names the objects whose intent changed.
 */
final class StatusFeed implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(StatusFeed.class);
    private static final Duration TICK = Duration.ofSeconds(1);

    private final StatusConfig config;
    private final ApplyReports reports;
    private final Consumer<ResourceRef> onIntent;
    private final GenerationLog generations = new GenerationLog();
    private final LeftRoutes left = new LeftRoutes();
    private final Semaphore news = new Semaphore(0);
    private final Thread thread;
    private final AtomicBoolean nameAll = new AtomicBoolean();
    /** Whether the time that data planes have begins when they are next seen to be missing. */
    private final AtomicBoolean waitsAnew = new AtomicBoolean(true);

    private long missingSinceNanos;
    private boolean unsettled = true;
    private volatile @Nullable CompileResult result;
    private volatile Map<ResourceRef, StatusIntent> intents = Map.of();

    /** Calls {@code onIntent} on its own thread for every object whose intent is new, changed or gone. */
    StatusFeed(StatusConfig config, ApplyReports reports, Consumer<ResourceRef> onIntent) {
        this.config = config;
        this.reports = reports;
        this.onIntent = onIntent;
        this.thread = Thread.ofVirtual().name("status-feed").unstarted(this::loop);
    }

    void start() {
        reports.onChange(news::release);
        thread.start();
    }

    /**
     * Takes a finished compile; does not block.
     *
     * @param routes every WebSocketRoute that there is, of whatever class
     */
    void compiled(CompileResult compiled, TableVersion version, List<WebSocketRouteView> routes) {
        generations.compiled(compiled, version);
        left.compiled(compiled.subjects(), routes);
        result = compiled;
        news.release();
    }

    /** What the object's owner should hear; empty for an object that is not ours or not compiled yet. */
    Optional<StatusIntent> intent(ResourceRef ref) {
        return Optional.ofNullable(intents.get(ref));
    }

    /** The routes whose owners should hear that they are not ours any more. */
    LeftRoutes left() {
        return left;
    }

    /** Names every object again, as if all intents had changed. */
    void repeat() {
        nameAll.set(true);
        news.release();
    }

    /**
     * The same for a replica that leads from now on: data planes that are missing may be on their way to it, as they may
     * after a start.
     */
    void lead() {
        waitsAnew.set(true);
        repeat();
    }

    @Override
    public void close() {
        thread.interrupt();
    }

    private void loop() {
        try {
            while (true) {
                boolean dirty = news.tryAcquire(TICK.toMillis(), TimeUnit.MILLISECONDS);
                if (dirty || unsettled) {
                    if (dirty) {
                        Thread.sleep(config.gather());
                        news.drainPermits();
                    }
                    update();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void update() {
        CompileResult compiled = result;
        if (compiled == null) {
            return;
        }
        try {
            Map<ResourceRef, StatusIntent> before = intents;
            Map<ResourceRef, StatusIntent> now = intents(compiled);
            intents = now;
            boolean all = nameAll.getAndSet(false);
            now.forEach((ref, intent) -> {
                if (all || !intent.equals(before.get(ref))) {
                    onIntent.accept(ref);
                }
            });
            left.refs().stream().filter(ref -> all || before.containsKey(ref)).forEach(onIntent);
        } catch (RuntimeException e) {
            LOG.error("status is not worked out, the next change tries again", e);
        }
    }

    private Map<ResourceRef, StatusIntent> intents(CompileResult compiled) {
        List<DataPlaneState> counted =
                reports.states().stream().filter(DataPlaneState::counts).toList();
        Map<String, TableVersion> served = HashMap.newHashMap(counted.size());
        for (DataPlaneState state : counted) {
            if (state.serves() != null) {
                served.put(state.name(), state.serves());
            }
        }
        generations.served(served);
        List<String> refusals = counted.stream()
                .flatMap(state -> state.refusal().stream().map(refused -> state.name() + ": " + refused.reason()))
                .toList();
        Progress.Standing standing = standing(!counted.isEmpty());
        Map<ResourceRef, List<Diagnostic>> diagnostics = new HashMap<>();
        for (Diagnostic diagnostic : compiled.diagnostics()) {
            diagnostics
                    .computeIfAbsent(diagnostic.subject(), subject -> new ArrayList<>())
                    .add(diagnostic);
        }
        Map<ResourceRef, StatusIntent> now =
                HashMap.newHashMap(compiled.subjects().size());
        compiled.subjects().forEach((ref, subject) -> {
            int serving = generations.serving(ref);
            List<String> blame = serving < counted.size() ? refusals : List.of();
            Progress progress = new Progress(serving, counted.size(), blame, standing);
            now.put(
                    ref,
                    new StatusIntent(
                            subject.uid(),
                            subject.generation(),
                            subject.readyEndpoints(),
                            diagnostics.getOrDefault(ref, List.of()),
                            progress));
        });
        return now;
    }

    private Progress.Standing standing(boolean anyCounted) {
        long now = System.nanoTime();
        if (anyCounted) {
            waitsAnew.set(true);
        } else if (waitsAnew.getAndSet(false)) {
            // Not before: the first lists of a large cluster, when no data plane can connect, do not count.
            missingSinceNanos = now;
        }
        boolean settled =
                anyCounted || now - missingSinceNanos > config.settle().toNanos();
        unsettled = !settled;
        return settled ? Progress.Standing.SETTLED : Progress.Standing.UNSETTLED;
    }
}
