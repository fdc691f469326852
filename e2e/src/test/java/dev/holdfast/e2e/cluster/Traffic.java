package dev.holdfast.e2e.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.time.Duration;

/** What a story breaks things under: tunnels to one host that echo and come back, and plain requests beside them. */
final class Traffic implements AutoCloseable {
    private static final int PROBES = 4;
    private static final long PROBE_PAUSE_MILLIS = 50;
    private static final int REQUESTS_MIN = 100;
    private static final int ARRIVING_AT_ONCE = 2;
    /** A tunnel speaks every few seconds. */
    static final Duration ECHO_PATIENCE = Duration.ofSeconds(30);

    private final ReturningFleet fleet;
    private final URI target;
    private final Probe probe;
    private int tunnels;
    private int looks;
    private int silent;

    private Traffic(ReturningFleet fleet, URI target, int tunnels, Probe probe) {
        this.fleet = fleet;
        this.target = target;
        this.tunnels = tunnels;
        this.probe = probe;
    }

    /** Starts; all tunnels are open then. They come first: requests under way weigh too where endpoints are chosen. */
    static Traffic start(int port, String host, int tunnels) throws InterruptedException {
        URI target = URI.create("ws://" + host + ":" + port + "/");
        ReturningFleet fleet = new ReturningFleet();
        try {
            fleet.open(tunnels, target);
            return new Traffic(fleet, target, tunnels, Probe.start(port, host, PROBES, PROBE_PAUSE_MILLIS));
        } catch (InterruptedException | RuntimeException | AssertionError e) {
            fleet.close();
            throw e;
        }
    }

    /** Opens more tunnels for so long, some at once, and the next as soon as those are open. */
    void arrive(Duration time) throws InterruptedException {
        long until = System.nanoTime() + time.toNanos();
        do {
            fleet.open(ARRIVING_AT_ONCE, target);
            tunnels += ARRIVING_AT_ONCE;
        } while (System.nanoTime() < until);
    }

    ReturningFleet fleet() {
        return fleet;
    }

    Probe probe() {
        return probe;
    }

    /** Tunnels that were opened, whatever became of them. */
    int tunnels() {
        return tunnels;
    }

    /** Ends the requests, after those that are under way; the tunnels stay. */
    void stopRequests() {
        probe.stop();
    }

    /**
     * Waits until every tunnel has echoed something that it sent after this call; those that do not are silent. Called
     * when an outage is over, and again after the next one: what is judged is the worst of them.
     */
    void awaitEchoes() throws InterruptedException {
        looks++;
        silent = Math.max(silent, tunnels - fleet.echoing(ECHO_PATIENCE));
    }

    /** The part of a figure about the requests. */
    String requests() {
        return "plain requests " + probe.requests() + ", failed " + probe.failures();
    }

    /** The part of a figure about what the tunnels carry. */
    String echoes() {
        return "echoes " + fleet.messagesBack() + ", wrong " + fleet.wrongEchoes() + ", silent tunnels " + silent;
    }

    /** A tunnel that stays open and carries nothing any more is as bad as one that ended. */
    void assertNoTunnelEnded() {
        assertThat(fleet.endings()).as("ended tunnels").isEmpty();
        assertEveryTunnelEchoes();
    }

    /** The same where tunnels end and come back. */
    void assertEveryTunnelEchoes() {
        assertThat(looks).as("looks for tunnels that carry nothing").isPositive();
        assertThat(silent).as("tunnels that carry nothing").isZero();
        assertThat(fleet.wrongEchoes()).as("echoes of something else").isZero();
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
