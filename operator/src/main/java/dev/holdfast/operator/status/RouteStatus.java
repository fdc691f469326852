package dev.holdfast.operator.status;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The status of a WebSocketRoute; its JSON is that of the CRD.
 *
 * @param observedGeneration 0 when absent
 * @param endpoints ready endpoints behind the route
 */
public record RouteStatus(long observedGeneration, int endpoints, List<Condition> conditions) {
    /** The status of a route that nobody looked at. */
    public static final RouteStatus NONE = new RouteStatus(0, 0, List.of());

    /** Takes what an API server may send: no list, or holes in it. */
    public RouteStatus(long observedGeneration, int endpoints, @Nullable List<Condition> conditions) {
        this.observedGeneration = observedGeneration;
        this.endpoints = endpoints;
        this.conditions = conditions == null
                ? List.of()
                : conditions.stream().filter(Objects::nonNull).toList();
    }

    /** The condition of that type. */
    @JsonIgnore
    public Optional<Condition> condition(String type) {
        return conditions.stream()
                .filter(condition -> type.equals(condition.type()))
                .findFirst();
    }
}
