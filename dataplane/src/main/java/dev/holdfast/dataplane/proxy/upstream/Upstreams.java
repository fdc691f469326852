package dev.holdfast.dataplane.proxy.upstream;

import dev.holdfast.dataplane.match.ActiveRoutes;
import dev.holdfast.dataplane.match.ActiveTable;
import dev.holdfast.dataplane.proxy.upstream.GroupView.Candidate;
import dev.holdfast.routetable.Balancing.SameSite;
import dev.holdfast.routetable.Balancing.StickyCookie;
import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteAction.WeightedUpstream;
import dev.holdfast.routetable.Upstream;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the endpoint of every tunnel and request. Counts of open tunnels, turns and failures belong to the identity of
 * endpoints and upstreams, and so survive every swap. Thread-safe without locks on the choosing path.
 */
public final class Upstreams implements ActiveRoutes.Participant {
    /** How long others are preferred to an endpoint that failed to connect. */
    private static final Duration AVOIDED = Duration.ofSeconds(5);

    /** Everything that is derived from one table. */
    private record View(Map<String, UpstreamView> upstreams, Map<String, GroupView> groups) {
        static final View EMPTY = new View(Map.of(), Map.of());
    }

    private final @Nullable String ownZone;
    private final Map<EndpointState.Key, EndpointState> states = new ConcurrentHashMap<>();
    private volatile View view = View.EMPTY;
    /** The view before: a request that matched just before a swap may name an upstream that is gone after it. */
    private volatile View previous = View.EMPTY;

    private volatile boolean anyAvoided;
    private volatile long anyAvoidedUntilNanos;

    /** Prefers endpoints whose hints name {@code ownZone}; null ignores hints. */
    public Upstreams(@Nullable String ownZone) {
        this.ownZone = ownZone;
    }

    /**
     * Chooses an endpoint. A client whose sticky cookie names a serving endpoint of any of the upstreams returns there;
     * everyone else gets an upstream in proportion to its weight and an endpoint by its policy.
     */
    public Selection select(RouteAction.Forward forward, ClientKey client) {
        Lease stuck = client.cookies().isEmpty() ? null : byCookie(forward, client);
        if (stuck != null) {
            return new Selection.Selected(stuck);
        }
        WeightedUpstream share = byWeight(forward.upstreams());
        if (share == null) {
            return new Selection.Unavailable("no upstream has a weight above 0");
        }
        return place(share.upstream(), client, Set.of());
    }

    /** Open tunnels and requests on an endpoint. */
    public int open(String group, EndpointGroup.Endpoint endpoint) {
        EndpointState state = states.get(new EndpointState.Key(group, endpoint.address(), endpoint.port()));
        return state == null ? 0 : state.open.get();
    }

    /** How many endpoints are remembered. */
    int remembered() {
        return states.size();
    }

    @Override
    public ActiveRoutes.Prepared prepare(ActiveTable next) {
        View current = view;
        Map<String, GroupView> groups = HashMap.newHashMap(next.table().endpoints().size());
        for (EndpointGroup group : next.table().endpoints().values()) {
            GroupView known = current.groups().get(group.id());
            groups.put(
                    group.id(),
                    known != null && known.group.equals(group)
                            ? known
                            : new GroupView(group, ownZone, this::listedState));
        }
        Map<String, UpstreamView> upstreams = HashMap.newHashMap(next.table().upstreams().size());
        for (Upstream upstream : next.table().upstreams().values()) {
            UpstreamView known = current.upstreams().get(upstream.id());
            GroupView group = groups.get(upstream.endpoints());
            if (group == null) {
                throw new IllegalArgumentException("endpoints of upstream " + upstream.id() + ": \""
                        + upstream.endpoints() + "\" (expected: a key of the table)");
            }
            upstreams.put(
                    upstream.id(),
                    new UpstreamView(upstream, group, known == null ? new AtomicInteger() : known.turn()));
        }
        View prepared = new View(upstreams, groups);
        return new ActiveRoutes.Prepared() {
            @Override
            public void adopt() {
                previous = view;
                view = prepared;
                forgetUnlisted(prepared);
            }

            @Override
            public void discard() {
                forgetUnlisted(view);
            }
        };
    }

    private EndpointState listedState(EndpointState.Key key) {
        EndpointState listed = states.compute(key, (k, known) -> {
            EndpointState state = known == null ? new EndpointState(k) : known;
            state.listed = true;
            return state;
        });
        if (listed == null) {
            throw new IllegalStateException("compute returned nothing");
        }
        return listed;
    }

    private void forgetUnlisted(View listed) {
        Set<EndpointState.Key> keys = new HashSet<>();
        for (GroupView group : listed.groups().values()) {
            group.ready.forEach(candidate -> keys.add(candidate.state().key));
            group.draining.forEach(candidate -> keys.add(candidate.state().key));
        }
        for (EndpointState.Key key : states.keySet()) {
            if (!keys.contains(key)) {
                states.computeIfPresent(key, (k, state) -> {
                    state.listed = false;
                    return state.open.get() == 0 ? null : state;
                });
            }
        }
    }

    private void released(EndpointState state) {
        if (state.open.decrementAndGet() == 0) {
            states.computeIfPresent(
                    state.key, (k, known) -> known == state && !state.listed && state.open.get() == 0 ? null : known);
        }
    }

    private @Nullable UpstreamView upstream(String id) {
        UpstreamView now = view.upstreams().get(id);
        return now != null ? now : previous.upstreams().get(id);
    }

    private @Nullable Lease byCookie(RouteAction.Forward forward, ClientKey client) {
        for (WeightedUpstream share : forward.upstreams()) {
            UpstreamView upstream = share.weight() == 0 ? null : upstream(share.upstream());
            StickyCookie cookie = upstream == null ? null : upstream.upstream().balancing().stickyCookie();
            if (upstream != null && cookie != null) {
                for (String value : Cookies.values(client.cookies(), cookie.name())) {
                    Candidate candidate = upstream.group().byCookie(value);
                    if (candidate != null) {
                        return new Lease(upstream, UpstreamView.counted(candidate), client, Set.of(), true);
                    }
                }
            }
        }
        return null;
    }

    private static @Nullable WeightedUpstream byWeight(List<WeightedUpstream> shares) {
        long total = 0;
        for (WeightedUpstream share : shares) {
            total += share.weight();
        }
        if (total == 0) {
            return null;
        }
        long draw = shares.size() == 1 ? 0 : ThreadLocalRandom.current().nextLong(total);
        for (WeightedUpstream share : shares) {
            draw -= share.weight();
            if (draw < 0) {
                return share;
            }
        }
        throw new IllegalStateException("a draw below the sum of the weights falls into one of them");
    }

    private Selection place(String id, ClientKey client, Set<EndpointState.Key> tried) {
        UpstreamView upstream = upstream(id);
        if (upstream == null) {
            return new Selection.Unavailable("the upstream is gone");
        }
        long now = System.nanoTime();
        boolean avoiding = anyAvoided && now - anyAvoidedUntilNanos < 0;
        Candidate candidate = upstream.place(client, tried, avoiding, now);
        if (candidate == null) {
            return new Selection.Unavailable(tried.isEmpty() ? "no endpoint" : "no other endpoint");
        }
        return new Selection.Selected(new Lease(upstream, candidate, client, tried, false));
    }

    private void avoid(EndpointState state) {
        long until = System.nanoTime() + AVOIDED.toNanos();
        state.avoidUntilNanos = until;
        state.avoided = true;
        anyAvoidedUntilNanos = until;
        anyAvoided = true;
    }

    private final class Lease implements EndpointLease {
        private final UpstreamView upstream;
        private final Candidate candidate;
        private final ClientKey client;
        private final Set<EndpointState.Key> tried;
        private final boolean cookiePresented;
        private final AtomicBoolean released = new AtomicBoolean();

        Lease(
                UpstreamView upstream,
                Candidate candidate,
                ClientKey client,
                Set<EndpointState.Key> tried,
                boolean cookiePresented) {
            this.upstream = upstream;
            this.candidate = candidate;
            this.client = client;
            this.tried = tried;
            this.cookiePresented = cookiePresented;
        }

        @Override
        public Upstream upstream() {
            return upstream.upstream();
        }

        @Override
        public EndpointGroup.Endpoint endpoint() {
            return candidate.endpoint();
        }

        @Override
        public InetSocketAddress address() {
            return candidate.state().address;
        }

        @Override
        public @Nullable String stickyCookie(CookieSecurity security) {
            StickyCookie cookie = upstream.upstream().balancing().stickyCookie();
            if (cookie == null || cookiePresented) {
                return null;
            }
            StringBuilder text = new StringBuilder(cookie.name())
                    .append('=')
                    .append(candidate.state().cookie())
                    .append("; Path=")
                    .append(cookie.path());
            Duration maxAge = cookie.maxAge();
            if (maxAge != null) {
                text.append("; Max-Age=").append(Math.max(1, maxAge.toSeconds()));
            }
            text.append("; HttpOnly");
            if (security == CookieSecurity.SECURE) {
                text.append("; Secure");
            }
            SameSite sameSite = cookie.sameSite();
            if (sameSite != null) {
                text.append("; SameSite=")
                        .append(
                                switch (sameSite) {
                                    case STRICT -> "Strict";
                                    case LAX -> "Lax";
                                    case NONE -> "None";
                                });
            }
            return text.toString();
        }

        @Override
        public Selection next() {
            avoid(candidate.state());
            release();
            Set<EndpointState.Key> now = new HashSet<>(tried);
            now.add(candidate.state().key);
            return place(upstream.upstream().id(), client, now);
        }

        @Override
        public void release() {
            if (released.compareAndSet(false, true)) {
                released(candidate.state());
            }
        }
    }
}
