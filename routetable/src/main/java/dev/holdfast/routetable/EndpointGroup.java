package dev.holdfast.routetable;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The addresses behind one port of one Service. A keyed section of its own, so that endpoint churn moves bytes in
 * proportion to the change.
 *
 * @param id key in the table, {@code namespace/service:port}
 */
public record EndpointGroup(String id, List<Endpoint> endpoints) {
    /** Copies the list; refuses more than {@link Bounds#ENDPOINTS_PER_GROUP_MAX}. */
    public EndpointGroup {
        Bounds.nonEmpty("endpointGroup.id", id, Bounds.ID_CHARS_MAX);
        endpoints = List.copyOf(endpoints);
        Bounds.size("endpoints of " + id, endpoints, Bounds.ENDPOINTS_PER_GROUP_MAX);
    }

    /**
     * One address.
     *
     * @param address an IP address as text, or the name of a Service of type ExternalName
     * @param zone the zone it runs in; null when unknown
     * @param forZones the zones that should prefer it (EndpointSlice hints); empty when there are no hints
     */
    public record Endpoint(
            String address, int port, State state, @Nullable String zone, List<String> forZones) {
        /** Refuses a port outside 1 to 65535 and text beyond its bound. */
        public Endpoint {
            Bounds.nonEmpty("endpoint.address", address, Bounds.NAME_CHARS_MAX);
            Bounds.range("endpoint.port", port, 1, 65_535);
            if (zone != null) {
                Bounds.text("endpoint.zone", zone, Bounds.NAME_CHARS_MAX);
            }
            forZones = List.copyOf(forZones);
            forZones.forEach(hint -> Bounds.text("endpoint.forZones", hint, Bounds.NAME_CHARS_MAX));
            Bounds.size("endpoint.forZones", forZones, Bounds.CONDITIONS_MAX);
        }

        /** A ready endpoint without zone. */
        public static Endpoint ready(String address, int port) {
            return new Endpoint(address, port, State.READY, null, List.of());
        }
    }

    /** Whether an endpoint takes new tunnels. */
    public enum State {
        /** Takes new tunnels. */
        READY,
        /**
         * Terminating but serving: takes new tunnels only of clients that stick to it, or when no endpoint is ready
         * (EndpointSlice conditions {@code serving} and {@code terminating}).
         */
        DRAINING
    }
}
