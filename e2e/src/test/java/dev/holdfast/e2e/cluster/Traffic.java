package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.e2e.traffic.ReturningFleet;
import java.net.URI;

/** What a story breaks things under: tunnels to one host that echo and come back, and plain requests beside them. */
final class Traffic implements AutoCloseable {
    private static final int PROBES = 4;
    private static final long PROBE_PAUSE_MILLIS = 50;
    private static final int REQUESTS_MIN = 100;

    private final ReturningFleet fleet;
    private final Probe probe;

    private Traffic(ReturningFleet fleet, Probe probe) {
        this.fleet = fleet;
        this.probe = probe;
    }

    /** Starts; all tunnels are open then. They come first: requests under way weigh too where endpoints are chosen. */
    static Traffic start(int port, String host, int tunnels) throws InterruptedException {
        ReturningFleet fleet = new ReturningFleet();
        try {
            fleet.open(tunnels, URI.create("ws://" + host + ":" + port + "/"));
            return new Traffic(fleet, Probe.start(port, host, PROBES, PROBE_PAUSE_MILLIS));
        } catch (InterruptedException | RuntimeException | AssertionError e) {
            fleet.close();
            throw e;
        }
    }

    ReturningFleet fleet() {
        return fleet;
    }

    Probe probe() {
        return probe;
    }

    /** Ends the requests, after those that are under way; the tunnels stay. */
    void stopRequests() {
        probe.stop();
    }

    /** The part of a figure about the requests. */
    String requests() {
        return "plain requests " + probe.requests() + ", failed " + probe.failures();
    }

    void assertNoTunnelEnded() {
        assertThat(fleet.endings()).as("ended tunnels").isEmpty();
    }

    void assertEveryRequestAnswered() {
        assertThat(probe.requests()).as("plain requests").isGreaterThanOrEqualTo(REQUESTS_MIN);
        assertThat(probe.failures()).as(probe.firstFailure()).isZero();
    }

    @Override
    public void close() {
        try (fleet) {
            probe.close();
        }
    }
}
