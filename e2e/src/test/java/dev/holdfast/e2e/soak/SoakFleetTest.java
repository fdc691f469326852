package dev.holdfast.e2e.soak;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.e2e.process.Ports;
import dev.holdfast.e2e.traffic.EchoBackend;
import io.netty.buffer.ByteBuf;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The negative control with sockets: a fleet that talks straight to a backend which misbehaves notices it. */
@Timeout(120)
class SoakFleetTest {
    private final Tally tally = new Tally();
    private final AtomicInteger messages = new AtomicInteger();

    @Test
    void aGoodBackendLeavesEveryFaultAtZeroThoughTunnelsComeAndGo() throws Exception {
        // Given, When
        talk(message -> true);

        // Then
        assertThat(tally.faults().values()).as("faults: %s", tally.complaints()).containsOnly(0L);
        assertThat(tally.opened.sum()).isGreaterThan(20);
        assertThat(tally.open()).isZero();
    }

    @Test
    void aMessageThatTheBackendSwallowsIsLost() throws Exception {
        // Given, When
        talk(message -> messages.incrementAndGet() != 50);

        // Then
        assertThat(tally.lost.sum()).as("faults: %s", tally.complaints()).isEqualTo(1);
        assertThat(tally.drops.sum()).isZero();
    }

    @Test
    void aMessageThatTheBackendChangesIsCorrupted() throws Exception {
        // Given, When
        talk(message -> {
            if (messages.incrementAndGet() == 50) {
                message.setByte(3, ~message.getByte(3));
            }
            return true;
        });

        // Then
        assertThat(tally.corrupted.sum()).as("faults: %s", tally.complaints()).isEqualTo(1);
    }

    @Test
    void aTunnelThatTheBackendCutsIsADrop() throws Exception {
        // Given, When
        talk(message -> {
            if (messages.incrementAndGet() == 50) {
                throw new IllegalStateException("cut");
            }
            return true;
        });

        // Then
        assertThat(tally.drops.sum()).as("faults: %s", tally.complaints()).isEqualTo(1);
    }

    @Test
    void aBackendThatIsNotThereIsAFailedHandshake() throws Exception {
        // Given
        URI nowhere = URI.create("ws://nobody.test:" + Ports.free() + "/");

        // When
        try (SoakFleet fleet = new SoakFleet(List.of(nowhere), List.of(nowhere), 10, tally)) {
            fleet.open();
        }

        // Then
        assertThat(tally.handshakesFailed.sum()).isEqualTo(10);
    }

    private void talk(Predicate<ByteBuf> echo) throws InterruptedException {
        try (EchoBackend backend = new EchoBackend("backend", echo)) {
            URI target = URI.create("ws://soak.test:" + backend.port() + "/");
            try (SoakFleet fleet = new SoakFleet(List.of(target), List.of(target), 20, tally)) {
                fleet.open();
                fleet.start(500, 20);
                await().atMost(Duration.ofSeconds(60)).until(() -> tally.sent.sum() >= 500);
                fleet.finish();
            }
        }
    }
}
