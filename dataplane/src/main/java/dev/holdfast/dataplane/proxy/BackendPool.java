package dev.holdfast.dataplane.proxy;

import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.dataplane.proxy.timer.TimerWheel;
import dev.holdfast.dataplane.proxy.upstream.BackendTlsHandlers;
import dev.holdfast.dataplane.proxy.upstream.EndpointLease;
import dev.holdfast.routetable.BackendTls;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.Upstream;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The backend connections of one event loop that wait for their next request; the one that waited least is taken first.
 * A connection that carried an upgrade is never here. Confined to its loop.
 */
final class BackendPool {
    /**
     * What two requests must have in common to share a connection.
     *
     * @param serverName that TLS verified, if the client named it: lower case, without port
     */
    record Key(
            String upstream,
            String address,
            int port,
            @Nullable BackendTls tls,
            String serverName) implements Comparable<Key> {
        /** For maps, where tenants' and clients' names may collide. */
        private static final Comparator<Key> ORDER = Comparator.comparing(Key::upstream)
                .thenComparing(Key::address)
                .thenComparingInt(Key::port)
                .thenComparing(Key::serverName)
                .thenComparing(Key::tls, Comparator.nullsFirst(Comparator.naturalOrder()));

        static Key of(EndpointLease lease, String hostSeenByBackend) {
            Upstream upstream = lease.upstream();
            BackendTls tls = upstream.tls();
            // No more of the Host than is verified: else each way to write it would have connections of its own.
            String name = tls == null || tls.serverName() != null
                    ? ""
                    : BackendTlsHandlers.serverName(hostSeenByBackend).toLowerCase(Locale.ROOT);
            return new Key(
                    upstream.id(), lease.endpoint().address(), lease.endpoint().port(), tls, name);
        }

        @Override
        public int compareTo(Key other) {
            return ORDER.compare(this, other);
        }
    }

    private static final Duration SWEEP_INTERVAL = Duration.ofSeconds(1);

    private final PoolLimits limits;
    private final TimerWheel wheel;
    private final Map<Key, Deque<BackendConnection>> idle = new HashMap<>();
    private final TimerWheel.Timer sweep = new TimerWheel.Timer() {
        @Override
        protected void expired() {
            sweep();
        }
    };
    private int size;
    private boolean closed;

    BackendPool(PoolLimits limits, TimerWheel wheel) {
        this.limits = limits;
        this.wheel = wheel;
    }

    /** A connection that can take a request now, or null. */
    @Nullable
    BackendConnection take(Key key) {
        Deque<BackendConnection> waiting = idle.get(key);
        while (waiting != null && !waiting.isEmpty()) {
            BackendConnection connection = waiting.pollFirst();
            forget(key, waiting);
            if (connection.mayWait(Long.MAX_VALUE)) {
                return connection;
            }
            connection.destroy();
        }
        return null;
    }

    /** Keeps a connection. Where there is no room, the one that waited longest ends: nobody has asked for it. */
    void offer(BackendConnection connection) {
        if (closed || limits.idleMax() == 0 || limits.idlePerEndpointMax() == 0) {
            connection.destroy();
            return;
        }
        Deque<BackendConnection> alike = idle.get(connection.key());
        if (alike != null && alike.size() >= limits.idlePerEndpointMax()) {
            end(alike.getLast());
        } else if (size >= limits.idleMax()) {
            end(longestIdle());
        }
        idle.computeIfAbsent(connection.key(), key -> new ArrayDeque<>(2)).addFirst(connection);
        if (size++ == 0) {
            wheel.schedule(sweep, TimerWheel.ticks(SWEEP_INTERVAL));
        }
        connection.idle(this);
    }

    private BackendConnection longestIdle() {
        return Collections.min(
                        idle.values(),
                        Comparator.comparingLong(alike -> alike.getLast().idleSinceNanos()))
                .getLast();
    }

    private void end(BackendConnection connection) {
        remove(connection);
        connection.destroy();
    }

    void remove(BackendConnection connection) {
        Deque<BackendConnection> waiting = idle.get(connection.key());
        if (waiting != null && waiting.remove(connection)) {
            forget(connection.key(), waiting);
        }
    }

    /** Ends what leads to endpoints that the table no longer has. */
    void retain(ActiveTable table) {
        for (Key key : List.copyOf(idle.keySet())) {
            if (!isServed(table, key)) {
                destroyAll(key);
            }
        }
    }

    /** Ends everything; what is offered later is ended too. */
    void close() {
        closed = true;
        wheel.cancel(sweep);
        List.copyOf(idle.keySet()).forEach(this::destroyAll);
    }

    private static boolean isServed(ActiveTable table, Key key) {
        Upstream upstream = table.table().upstreams().get(key.upstream());
        EndpointGroup group =
                upstream == null ? null : table.table().endpoints().get(upstream.endpoints());
        return group != null
                && group.endpoints().stream()
                        .anyMatch(endpoint -> endpoint.port() == key.port()
                                && endpoint.address().equals(key.address()));
    }

    private void destroyAll(Key key) {
        Deque<BackendConnection> waiting = idle.remove(key);
        if (waiting != null) {
            size -= waiting.size();
            List.copyOf(waiting).forEach(BackendConnection::destroy);
        }
    }

    private void sweep() {
        long timeout = limits.idleTimeout().toNanos();
        List<BackendConnection> old = new ArrayList<>();
        idle.values()
                .forEach(waiting -> waiting.forEach(connection -> {
                    if (!connection.mayWait(timeout)) {
                        old.add(connection);
                    }
                }));
        old.forEach(this::end);
        if (size > 0) {
            wheel.schedule(sweep, TimerWheel.ticks(SWEEP_INTERVAL));
        }
    }

    private void forget(Key key, Deque<BackendConnection> waiting) {
        size--;
        if (waiting.isEmpty()) {
            idle.remove(key);
        }
    }
}
