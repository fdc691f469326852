package dev.holdfast.dataplane.proxy.upstream;

import dev.holdfast.routetable.EndpointGroup;
import dev.holdfast.routetable.EndpointGroup.Endpoint;
import dev.holdfast.routetable.EndpointGroup.State;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One endpoint group of one table, sorted for choosing. Immutable but for the lazy cookie map. */
final class GroupView {
    private static final Logger LOG = LoggerFactory.getLogger(GroupView.class);

    /** An endpoint as the table describes it, with the state that outlives the table. */
    record Candidate(Endpoint endpoint, EndpointState state) {}

    final EndpointGroup group;
    /** Ready endpoints meant for our zone; all ready ones when hints do not apply. */
    final List<Candidate> preferred;
    /** All ready endpoints. */
    final List<Candidate> ready;
    /** Endpoints that are going away. */
    final List<Candidate> draining;

    private volatile @Nullable Map<String, Candidate> byCookie;

    /**
     * Leaves out, with a word, endpoints whose address cannot be read: a table that is refused for one of them would
     * cost everybody. The view is kept while the group is the same, so that it is told once.
     *
     * @param states throws {@link IllegalArgumentException} for an address that cannot be read
     */
    GroupView(EndpointGroup group, @Nullable String ownZone, Function<EndpointState.Key, EndpointState> states) {
        this.group = group;
        List<Candidate> takesNew = new ArrayList<>();
        List<Candidate> leaving = new ArrayList<>();
        List<String> unreadable = new ArrayList<>();
        for (Endpoint endpoint : group.endpoints()) {
            EndpointState.Key key = new EndpointState.Key(group.id(), endpoint.address(), endpoint.port());
            try {
                Candidate candidate = new Candidate(endpoint, states.apply(key));
                (endpoint.state() == State.READY ? takesNew : leaving).add(candidate);
            } catch (IllegalArgumentException e) {
                unreadable.add(String.valueOf(e.getMessage()));
            }
        }
        if (!unreadable.isEmpty()) {
            LOG.error(
                    "endpoints left out group={} count={} because=\"{}\"",
                    group.id(),
                    unreadable.size(),
                    unreadable.getFirst());
        }
        ready = List.copyOf(takesNew);
        draining = List.copyOf(leaving);
        preferred = inZone(ready, ownZone);
    }

    /** The endpoint that a cookie value names, ready or draining; null when it is unknown or gone. */
    @Nullable
    Candidate byCookie(String value) {
        Map<String, Candidate> map = byCookie;
        if (map == null) {
            map = HashMap.newHashMap(ready.size() + draining.size());
            for (Candidate candidate : draining) {
                map.put(candidate.state().cookie(), candidate);
            }
            for (Candidate candidate : ready) {
                map.put(candidate.state().cookie(), candidate);
            }
            byCookie = map;
        }
        return map.get(value);
    }

    /**
     * Kubernetes' rule for topology hints: they apply only when every ready endpoint has them and ours is among them;
     * otherwise some zone would be without endpoints.
     */
    private static List<Candidate> inZone(List<Candidate> ready, @Nullable String ownZone) {
        if (ownZone == null
                || ready.stream()
                        .anyMatch(candidate -> candidate.endpoint().forZones().isEmpty())) {
            return ready;
        }
        List<Candidate> ours = ready.stream()
                .filter(candidate -> candidate.endpoint().forZones().contains(ownZone))
                .toList();
        return ours.isEmpty() ? ready : ours;
    }
}
