package dev.holdfast.operator.watch;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ListOptionsBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.FilterWatchListDeletable;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.net.HttpURLConnection;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One informer that never gives up. Whatever goes wrong – no permission, an answer that cannot be read, a server that is
 * gone – it keeps what it has, says so, and tries again; an informer that stopped is replaced by one with the same
 * store, and so is one that heard nothing for long, not even a bookmark: its connection may be gone without a word; and
 * one whose watch told changes in the wrong order. Only a complete list removes objects. While its watch is down it asks
 * the server for one object now and then, because an informer keeps to itself why it cannot watch again.
 *
 * @param <T> the object
 */
final class KindWatch<T extends HasMetadata> implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(KindWatch.class);
    private static final Duration RESTART_DELAY = Duration.ofSeconds(5);
    private static final Duration DOUBT_DELAY = Duration.ofSeconds(1);
    private static final long QUESTION_MILLIS_MAX = 10_000;

    private final String kind;
    private final FilterWatchListDeletable<T, ?, ?> objects;
    private final ViewStore<T, ?> store;
    private final Context context;
    private final CompletableFuture<Void> complete = new CompletableFuture<>();
    private final AtomicBoolean asking = new AtomicBoolean();
    private final Complaint complaint = new Complaint();
    private @Nullable SharedIndexInformer<T> informer;
    private @Nullable String versionHeard;
    private boolean doubted;
    private boolean closed;

    /**
     * What all watches share.
     *
     * @param restarts runs the replacement of informers
     * @param silenceMax after how long without any news an informer lists anew
     * @param onError called with the kind for every failure, to count it
     * @param onAbsent called when the server says that it does not know the kind
     */
    record Context(
            ScheduledExecutorService restarts,
            Duration silenceMax,
            Consumer<String> onError,
            Consumer<String> onAbsent) {}

    KindWatch(String kind, FilterWatchListDeletable<T, ?, ?> objects, ViewStore<T, ?> store, Context context) {
        this.kind = kind;
        this.objects = objects;
        this.store = store;
        this.context = context;
    }

    String kind() {
        return kind;
    }

    /** Completes when the first list is in the store; never with an exception. */
    CompletableFuture<Void> complete() {
        return complete;
    }

    void start() {
        startInformer();
        long silence = context.silenceMax.toMillis();
        context.restarts.scheduleWithFixedDelay(this::probe, silence, silence, TimeUnit.MILLISECONDS);
        long question = Math.min(QUESTION_MILLIS_MAX, Math.max(1, silence / 4));
        context.restarts.scheduleWithFixedDelay(this::question, question, question, TimeUnit.MILLISECONDS);
    }

    private synchronized void startInformer() {
        if (closed) {
            return;
        }
        SharedIndexInformer<T> next = objects.runnableInformer(0)
                .addEventHandler(new EventOrder<T>(this::doubt))
                .itemStore(store)
                .removeNamespaceIndex()
                .exceptionHandler((started, problem) -> retry(problem));
        informer = next;
        next.start().whenComplete((nothing, problem) -> {
            if (problem == null) {
                complete.complete(null);
            }
        });
        next.stopped().whenComplete((nothing, problem) -> restart(next, problem));
    }

    @Override
    public void close() {
        SharedIndexInformer<T> last;
        synchronized (this) {
            closed = true;
            last = informer;
        }
        if (last != null) {
            last.stop();
        }
    }

    private boolean retry(Throwable problem) {
        int code = code(problem);
        if (code == HttpURLConnection.HTTP_NOT_FOUND) {
            // Who installs without the CRD has no WebSocketRoutes, and wants no alarm.
            context.onAbsent.accept(kind);
        } else {
            context.onError.accept(kind);
            complain(code, problem);
        }
        return true;
    }

    private synchronized void complain(int code, Throwable problem) {
        if (closed || !complaint.isDue(code)) {
            return;
        }
        if (code == HttpURLConnection.HTTP_FORBIDDEN || code == HttpURLConnection.HTTP_UNAUTHORIZED) {
            LOG.error(
                    "cannot watch kind={} status={}: grant the ServiceAccount list and watch for it; what was seen before"
                            + " stays in force",
                    kind,
                    code);
        } else {
            LOG.warn("cannot watch kind={} yet, trying again: {}", kind, problem.toString());
        }
    }

    /** A server says where its log stands about once a minute; silence over two probes means that nobody is there. */
    private void probe() {
        synchronized (this) {
            String version = informer == null ? null : informer.lastSyncResourceVersion();
            if (closed || informer == null || !Objects.equals(version, versionHeard)) {
                versionHeard = version;
                return;
            }
        }
        LOG.debug("watch is silent, listing anew kind={} version={}", kind, versionHeard);
        listAnew();
    }

    /** What changes in the wrong order left behind is settled by a list, one for all that come together. */
    private void doubt() {
        synchronized (this) {
            if (closed || doubted) {
                return;
            }
            doubted = true;
        }
        context.onError.accept(kind);
        LOG.warn(
                "watch told changes in the wrong order, listing anew kind={} inMillis={}",
                kind,
                DOUBT_DELAY.toMillis());
        context.restarts.schedule(this::listAnew, DOUBT_DELAY.toMillis(), TimeUnit.MILLISECONDS);
    }

    private void listAnew() {
        SharedIndexInformer<T> doubtful;
        synchronized (this) {
            doubted = false;
            doubtful = informer;
            informer = null;
        }
        if (doubtful != null) {
            doubtful.stop();
            startInformer();
        }
    }

    /** Not on the thread of the restarts: a server may take its time to say nothing. */
    private void question() {
        SharedIndexInformer<T> current;
        synchronized (this) {
            current = informer;
        }
        if (current == null || current.isWatching() || !asking.compareAndSet(false, true)) {
            return;
        }
        Thread.ofVirtual().name("question-" + kind).start(() -> {
            try {
                objects.list(new ListOptionsBuilder().withLimit(1L).build());
            } catch (KubernetesClientException e) {
                retry(e);
            } finally {
                asking.set(false);
            }
        });
    }

    private void restart(SharedIndexInformer<T> stopped, @Nullable Throwable problem) {
        synchronized (this) {
            if (closed || !stopped.equals(informer)) {
                return;
            }
        }
        LOG.warn("informer stopped kind={} restartsInSeconds={}", kind, RESTART_DELAY.toSeconds(), problem);
        context.restarts.schedule(() -> replace(stopped), RESTART_DELAY.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Unless a probe has replaced it meanwhile: of two informers only one would ever be stopped. */
    private void replace(SharedIndexInformer<T> stopped) {
        synchronized (this) {
            if (!stopped.equals(informer)) {
                return;
            }
        }
        startInformer();
    }

    /** The status that the server answered with; 0 if it did not answer. */
    static int code(Throwable problem) {
        Throwable cause = problem;
        for (int depth = 0; cause != null && depth < 10; depth++) {
            if (cause instanceof KubernetesClientException answer && answer.getCode() > 0) {
                return answer.getCode();
            }
            cause = cause.getCause();
        }
        return 0;
    }
}
