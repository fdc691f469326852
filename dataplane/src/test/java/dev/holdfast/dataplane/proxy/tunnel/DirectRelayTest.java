package dev.holdfast.dataplane.proxy.tunnel;

import static dev.holdfast.dataplane.proxy.tunnel.ScriptedBackend.switching;
import static dev.holdfast.dataplane.proxy.tunnel.TestFront.REQUEST;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How a tunnel leaves its channels; what it does afterwards is shown by the tests that run both ways. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class DirectRelayTest {
    private final ScriptedBackend backend = new ScriptedBackend();
    private TestFront front = new TestFront(Relaying.DIRECT);

    private record Ends(Wire client, Wire server) {}

    @AfterEach
    void stop() {
        front.close();
        backend.close();
    }

    private void relayDirectlyAfter(Duration age) {
        front.close();
        front = new TestFront(new TunnelSettings(Duration.ofMillis(600), Duration.ofSeconds(2), age));
    }

    private Ends open() {
        front.route(backend.port());
        Wire client = front.client().send(REQUEST);
        Wire server = backend.accept();
        server.send(switching(server.head()));
        client.head();
        return new Ends(client, server);
    }

    @Test
    void aTunnelOfPlainSocketsLeavesItsChannels() {
        // Given
        Ends ends = open();
        // When
        await().untilAsserted(() -> assertThat(front.direct()).isOne());
        ends.client().send(Frames.maskedText("up"));
        ends.server().send(Frames.text("down"));
        // Then
        assertThat(ends.server().read(8)).isEqualTo(Frames.maskedText("up"));
        assertThat(ends.client().read(6)).isEqualTo(Frames.text("down"));
        ends.client().close();
        ends.server().close();
        await().untilAsserted(() -> assertThat(front.closed).hasSize(1));
        assertThat(front.closed.element().bytesFromClient()).isEqualTo(8);
        assertThat(front.closed.element().bytesFromBackend()).isEqualTo(6);
    }

    @Test
    void aTunnelThatShallStayOnItsChannelsDoes() {
        // Given
        relayDirectlyAfter(Duration.ofHours(1));
        Ends ends = open();
        // When
        ends.client().send(Frames.maskedText("up"));
        // Then
        assertThat(ends.server().read(8)).isEqualTo(Frames.maskedText("up"));
        assertThat(front.direct()).isZero();
        ends.client().close();
        ends.server().close();
    }

    @Test
    void aChangeInTheMidstOfTrafficLosesNoByte() throws Exception {
        // Given
        relayDirectlyAfter(Duration.ofMillis(200));
        Ends ends = open();
        byte[] up = new byte[20_000_000];
        byte[] down = new byte[20_000_000];
        new Random(4).nextBytes(up);
        new Random(5).nextBytes(down);
        byte[][] received = new byte[2][];
        Thread sendsUp = Thread.ofVirtual().start(() -> trickle(ends.client(), up));
        Thread sendsDown = Thread.ofVirtual().start(() -> trickle(ends.server(), down));
        // When
        Thread readsUp =
                Thread.ofVirtual().start(() -> received[0] = ends.server().read(up.length));
        received[1] = ends.client().read(down.length);
        readsUp.join();
        // Then
        assertThat(received[0]).isEqualTo(up);
        assertThat(received[1]).isEqualTo(down);
        await().untilAsserted(() -> assertThat(front.direct()).isOne());
        sendsUp.join();
        sendsDown.join();
        ends.client().close();
        ends.server().close();
        await().untilAsserted(() -> assertThat(front.closed).hasSize(1));
        assertThat(front.closed.element().bytesFromClient()).isEqualTo(up.length);
        assertThat(front.closed.element().bytesFromBackend()).isEqualTo(down.length);
    }

    /** In pieces of all sizes, so that it takes some hundred milliseconds. */
    private static void trickle(Wire wire, byte[] all) {
        Random sizes = new Random(6);
        int at = 0;
        while (at < all.length) {
            int next = Math.min(all.length, at + 1 + sizes.nextInt(60_000));
            wire.send(java.util.Arrays.copyOfRange(all, at, next));
            at = next;
            if (sizes.nextInt(10) == 0) {
                Thread.onSpinWait();
                java.util.concurrent.locks.LockSupport.parkNanos(3_000_000);
            }
        }
    }
}
