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

    /** Everything that is derived from one table; a request chooses in the view of the table that routed it. */
    private final class View implements ActiveRoutes.Prepared {
        private final Map<String, UpstreamView> upstreams;
        private final Map<String, GroupView> groups;

        View(Map<String, UpstreamView> upstreams, Map<String, GroupView> groups) {
            this.upstreams = upstreams;
            this.groups = groups;
        }

        @Override
        public void adopt() {
            view = this;
            forgetUnlisted(this);
        }

        @Override
        public void discard() {
            forgetUnlisted(view);
        }

        @Nullable
        UpstreamView upstream(String id) {
            return upstreams.get(id);
        }
    }

    private final @Nullable String ownZone;
    private final Map<EndpointState.Key, EndpointState> states = new ConcurrentHashMap<>();
    /** Of the newest table, to build the next from. */
    private volatile View view = new View(Map.of(), Map.of());

    private volatile boolean anyAvoided;
    private volatile long anyAvoidedUntilNanos;

    /** Prefers endpoints whose hints name {@code ownZone}; null ignores hints. */
    public Upstreams(@Nullable String ownZone) {
        this.ownZone = ownZone;
    }

    /**
     * Chooses an endpoint. A client whose sticky cookie names a serving endpoint of any of the upstreams returns there;
     * everyone else gets an upstream in proportion to its weight and an endpoint by its policy.
     *
     * @param table that routed the request; its endpoints are chosen from, whatever was swapped in since
     */
    public Selection select(ActiveTable table, RouteAction.Forward forward, ClientKey client) {
        if (!(table.preparedBy(this) instanceof View routed)) {
            throw new IllegalStateException("table: prepared by another class (expected: by Upstreams)");
        }
        Lease stuck = client.cookies().isEmpty() ? null : byCookie(routed, forward, client);
        if (stuck != null) {
            return new Selection.Selected(stuck);
        }
        WeightedUpstream share = byWeight(forward.upstreams());
        if (share == null) {
            return new Selection.Unavailable("no upstream has a weight above 0");
        }
        UpstreamView upstream = routed.upstream(share.upstream());
        if (upstream == null) {
            return new Selection.Unavailable("the upstream is gone");
        }
        return place(new Choice(upstream, client, Set.of()));
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
        Map<String, GroupView> groups =
                HashMap.newHashMap(next.table().endpoints().size());
        for (EndpointGroup group : next.table().endpoints().values()) {
            GroupView known = current.groups.get(group.id());
            groups.put(
                    group.id(),
                    known != null && known.group.equals(group)
                            ? known
                            : new GroupView(group, ownZone, this::listedState));
        }
        Map<String, UpstreamView> upstreams =
                HashMap.newHashMap(next.table().upstreams().size());
        for (Upstream upstream : next.table().upstreams().values()) {
            UpstreamView known = current.upstreams.get(upstream.id());
            GroupView group = groups.get(upstream.endpoints());
            if (group == null) {
                throw new IllegalArgumentException("endpoints of upstream " + upstream.id() + ": \""
                        + upstream.endpoints() + "\" (expected: a key of the table)");
            }
            upstreams.put(
                    upstream.id(),
                    new UpstreamView(upstream, group, known == null ? new AtomicInteger() : known.turn()));
        }
        return new View(upstreams, groups);
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
        for (GroupView group : listed.groups.values()) {
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

    private @Nullable Lease byCookie(View routed, RouteAction.Forward forward, ClientKey client) {
        boolean several = forward.upstreams().size() > 1;
        Map<String, List<String>> read = several ? new HashMap<>() : Map.of();
        for (WeightedUpstream share : forward.upstreams()) {
            UpstreamView upstream = share.weight() == 0 ? null : routed.upstream(share.upstream());
            StickyCookie cookie =
                    upstream == null ? null : upstream.upstream().balancing().stickyCookie();
            if (upstream != null && cookie != null) {
                List<String> values = read.get(cookie.name());
                if (values == null) {
                    values = Cookies.values(client.cookies(), cookie.name());
                    if (several) {
                        read.put(cookie.name(), values);
                    }
                }
                for (String value : values) {
                    Candidate candidate = upstream.group().byCookie(value);
                    if (candidate != null) {
                        Choice choice = new Choice(upstream, client, Set.of());
                        return new Lease(UpstreamView.counted(candidate), choice, true);
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

    private Selection place(Choice choice) {
        long now = System.nanoTime();
        boolean avoiding = anyAvoided && now - anyAvoidedUntilNanos < 0;
        Candidate candidate = choice.upstream().place(choice.client(), choice.tried(), avoiding, now);
        if (candidate == null) {
            return new Selection.Unavailable(choice.tried().isEmpty() ? "no endpoint" : "no other endpoint");
        }
        return new Selection.Selected(new Lease(candidate, choice, false));
    }

    private void avoid(EndpointState state) {
        long until = System.nanoTime() + AVOIDED.toNanos();
        state.avoidUntilNanos = until;
        state.avoided = true;
        anyAvoidedUntilNanos = until;
        anyAvoided = true;
    }

    /**
     * What an endpoint is chosen from.
     *
     * @param tried never chosen
     */
    private record Choice(UpstreamView upstream, ClientKey client, Set<EndpointState.Key> tried) {}

    private final class Lease implements EndpointLease {
        private final Candidate candidate;
        private final boolean cookiePresented;
        private final AtomicBoolean released = new AtomicBoolean();
        /** Until it is settled. */
        private @Nullable Choice choice;

        Lease(Candidate candidate, Choice choice, boolean cookiePresented) {
            this.candidate = candidate;
            this.choice = choice;
            this.cookiePresented = cookiePresented;
        }

        private Choice choice() {
            Choice known = choice;
            if (known == null) {
                throw new IllegalStateException("lease: settled (expected: asked before the backend answered)");
            }
            return known;
        }

        @Override
        public void settled() {
            choice = null;
        }

        @Override
        public Upstream upstream() {
            return choice().upstream().upstream();
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
            StickyCookie cookie = upstream().balancing().stickyCookie();
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
        public Selection next(boolean avoid) {
            Choice before = choice();
            if (avoid) {
                avoid(candidate.state());
            }
            release();
            Set<EndpointState.Key> tried = new HashSet<>(before.tried());
            tried.add(candidate.state().key);
            return place(new Choice(before.upstream(), before.client(), tried));
        }

        @Override
        public void release() {
            if (released.compareAndSet(false, true)) {
                released(candidate.state());
            }
        }
    }
}
