package dev.holdfast.dataplane.proxy.telemetry;

/** What one event loop relayed for one route, both directions. */
public record RelayCounters(DirectionCounters fromClient, DirectionCounters fromBackend) {
    /** Starts at nothing. */
    public RelayCounters() {
        this(new DirectionCounters(), new DirectionCounters());
    }
}
