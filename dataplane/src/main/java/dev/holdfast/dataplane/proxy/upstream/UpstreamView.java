package dev.holdfast.dataplane.proxy.upstream;

import dev.holdfast.dataplane.proxy.upstream.GroupView.Candidate;
import dev.holdfast.routetable.Upstream;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * One upstream of one table.
 *
 * @param turn whose turn it is; belongs to the upstream's id and survives swaps
 */
record UpstreamView(Upstream upstream, GroupView group, AtomicInteger turn) {

    /**
     * Chooses by policy and counts the choice. Endpoints that just failed are avoided while there is another, hinted
     * zones are left when they have none to offer.
     *
     * @param tried never chosen
     * @param anyAvoided whether any endpoint at all has to be avoided now
     * @return null when nothing is left
     */
    @Nullable
    Candidate place(ClientKey client, Set<EndpointState.Key> tried, boolean anyAvoided, long nowNanos) {
        if (group.ready.isEmpty()) {
            return placeIn(group.draining, client, tried, anyAvoided, nowNanos);
        }
        if (group.preferred.size() == group.ready.size()) {
            return placeIn(group.ready, client, tried, anyAvoided, nowNanos);
        }
        List<Candidate> ours = without(group.preferred, tried, anyAvoided, nowNanos);
        return ours.isEmpty() ? placeIn(group.ready, client, tried, anyAvoided, nowNanos) : choose(ours, client);
    }

    private @Nullable Candidate placeIn(
            List<Candidate> all, ClientKey client, Set<EndpointState.Key> tried, boolean anyAvoided, long nowNanos) {
        List<Candidate> candidates = without(all, tried, anyAvoided, nowNanos);
        if (candidates.isEmpty() && anyAvoided) {
            candidates = without(all, tried, false, nowNanos);
        }
        return candidates.isEmpty() ? null : choose(candidates, client);
    }

    private static List<Candidate> without(
            List<Candidate> all, Set<EndpointState.Key> tried, boolean anyAvoided, long nowNanos) {
        if (tried.isEmpty() && !anyAvoided) {
            return all;
        }
        return all.stream()
                .filter(candidate -> !tried.contains(candidate.state().key))
                .filter(candidate ->
                        !anyAvoided || !candidate.state().avoided || nowNanos - candidate.state().avoidUntilNanos >= 0)
                .toList();
    }

    private Candidate choose(List<Candidate> candidates, ClientKey client) {
        return switch (upstream.balancing().policy()) {
            case LEAST_TUNNELS -> leastTunnels(candidates);
            case ROUND_ROBIN -> counted(candidates.get(Math.floorMod(turn.getAndIncrement(), candidates.size())));
            case CLIENT_ADDRESS_HASH -> counted(rendezvous(candidates, client));
        };
    }

    private Candidate leastTunnels(List<Candidate> candidates) {
        int start = turn.getAndIncrement();
        while (true) {
            Candidate least = null;
            int leastOpen = Integer.MAX_VALUE;
            for (int i = 0; i < candidates.size(); i++) {
                Candidate candidate = candidates.get(Math.floorMod(start + i, candidates.size()));
                int open = candidate.state().open.get();
                if (least == null || open < leastOpen) {
                    least = candidate;
                    leastOpen = open;
                }
            }
            if (least == null) {
                throw new IllegalStateException("no candidates");
            }
            // Another loop that chose the same one meanwhile would make the spread uneven: look again.
            if (least.state().open.compareAndSet(leastOpen, leastOpen + 1)) {
                return least;
            }
        }
    }

    /** Highest random weight: when an endpoint comes or goes, only the clients it wins or loses move. */
    private static Candidate rendezvous(List<Candidate> candidates, ClientKey client) {
        long key = Hashes.of(client.address().getAddress());
        Candidate best = candidates.getFirst();
        long bestScore = Long.MIN_VALUE;
        for (Candidate candidate : candidates) {
            long score = Hashes.mix(key ^ candidate.state().hash);
            if (score > bestScore) {
                best = candidate;
                bestScore = score;
            }
        }
        return best;
    }

    static Candidate counted(Candidate candidate) {
        candidate.state().open.incrementAndGet();
        return candidate;
    }
}
