package dev.holdfast.operator;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.WatchEvent;
import io.fabric8.kubernetes.client.utils.Serialization;
import io.fabric8.mockwebserver.http.MockResponse;
import io.fabric8.mockwebserver.http.Response;
import io.fabric8.mockwebserver.http.WebSocket;
import io.fabric8.mockwebserver.http.WebSocketListener;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The watches of one kind in all namespaces, told as an API server tells them: what happened since the version that was
 * asked for, each change once and in order, a deletion with a version of its own. When a test asks for it, told as no
 * server should.
 */
final class WatchWire implements AutoCloseable {
    private static final Pattern VERSION = Pattern.compile("[?&]resourceVersion=(\\d+)");
    private static final int CLOSE_NORMAL = 1000;
    private static final String EXPIRED =
            "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
                    + "\"status\":\"Failure\",\"message\":\"too old resource version\",\"reason\":\"Expired\",\"code\":410}}";

    private final String plural;
    private final AtomicInteger opened = new AtomicInteger();
    private final AtomicInteger lists = new AtomicInteger();
    private final AtomicLong expiredAt = new AtomicLong();
    private final AtomicLong relistNanosMax = new AtomicLong();
    private final ExecutorService teller = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("watch-wire").factory());

    // The teller's alone, so that changes leave in their order without a lock.
    private final List<Change> changes = new ArrayList<>();
    private final Set<WebSocket> open = new LinkedHashSet<>();
    private long compacted;
    private int copies = 1;
    private boolean swaps;
    private @Nullable Change late;

    private record Change(long version, String event) {}

    WatchWire(String plural) {
        this.plural = plural;
    }

    /** Whether a request is about all objects of the kind. */
    boolean covers(String path) {
        return path.replaceAll("\\?.*", "").endsWith("/v1/" + plural);
    }

    /** Notes a list; one of a single object only asks whether the server is there. */
    void listed(String path) {
        if (path.contains("limit=1")) {
            return;
        }
        lists.incrementAndGet();
        long since = expiredAt.getAndSet(0);
        if (since != 0) {
            relistNanosMax.accumulateAndGet(System.nanoTime() - since, Math::max);
        }
    }

    /** The longest from a 410 to the next list. */
    Duration relistMax() {
        return Duration.ofNanos(relistNanosMax.get());
    }

    /** How often all objects were listed. */
    int lists() {
        return lists.get();
    }

    /** How often a watch was opened. */
    int opened() {
        return opened.get();
    }

    /** Answers a watch. */
    MockResponse watch(String path) {
        Matcher version = VERSION.matcher(path);
        long since = version.find() ? Long.parseLong(version.group(1)) : 0;
        return new MockResponse().withWebSocketUpgrade(new WebSocketListener() {
            @Override
            public void onOpen(WebSocket socket, Response response) {
                later(() -> open(socket, since));
            }

            @Override
            public void onClosing(WebSocket socket, int code, @Nullable String reason) {
                later(() -> {
                    open.remove(socket);
                    socket.close(code, reason == null ? "" : reason);
                });
            }
        });
    }

    /** Takes over what the server stored; called in the order of the changes. */
    void changed(String path, @Nullable String before, @Nullable String after, LongSupplier nextVersion) {
        String state = after == null ? before : after;
        if (!path.contains("/" + plural) || state == null || Objects.equals(before, after)) {
            return;
        }
        GenericKubernetesResource object = Serialization.unmarshal(state, GenericKubernetesResource.class);
        if (after == null) {
            object.getMetadata().setResourceVersion(Long.toString(nextVersion.getAsLong()));
        }
        String type = before == null ? "ADDED" : after == null ? "DELETED" : "MODIFIED";
        Change change = new Change(
                Long.parseLong(object.getMetadata().getResourceVersion()),
                Serialization.asJson(new WatchEvent(object, type)));
        later(() -> tell(change));
    }

    /** Says 410 on every open watch, which ends it, and has no change before now any more. */
    void expire() {
        later(() -> {
            compacted = changes.isEmpty() ? 0 : changes.getLast().version;
            expiredAt.set(System.nanoTime());
            open.forEach(socket -> send(socket, EXPIRED));
            open.clear();
        });
    }

    /** Ends every open watch without a word. */
    void hangUp() {
        later(() -> {
            open.forEach(socket -> socket.close(CLOSE_NORMAL, ""));
            open.clear();
        });
    }

    /** Tells every change as often as this from now on. */
    void repeat(int times) {
        later(() -> copies = times);
    }

    /** Tells the next change behind the one that follows it. */
    void swap() {
        later(() -> swaps = true);
    }

    @Override
    public void close() {
        teller.shutdownNow();
    }

    private void open(WebSocket socket, long since) {
        opened.incrementAndGet();
        if (since < compacted) {
            send(socket, EXPIRED);
            return;
        }
        open.add(socket);
        changes.stream().filter(change -> change.version > since).forEach(change -> send(socket, change.event));
    }

    private void tell(Change change) {
        changes.add(change);
        if (swaps && late == null) {
            late = change;
            return;
        }
        tellOpen(change);
        if (late != null) {
            tellOpen(late);
            late = null;
            swaps = false;
        }
    }

    private void tellOpen(Change change) {
        for (int copy = 0; copy < copies; copy++) {
            open.forEach(socket -> send(socket, change.event));
        }
    }

    private static void send(WebSocket socket, String event) {
        try {
            socket.send(event);
        } catch (IllegalStateException e) {
            // The client has gone; it asks again from where it was.
        }
    }

    private void later(Runnable task) {
        try {
            teller.execute(task);
        } catch (RejectedExecutionException e) {
            // The test is over.
        }
    }
}
