package dev.holdfast.dataplane.proxy.tunnel;

import static dev.holdfast.dataplane.proxy.tunnel.ScriptedBackend.switching;
import static dev.holdfast.dataplane.proxy.tunnel.TestFront.REQUEST;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd.Initiator;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** A Close that waits behind bytes which the client has not taken yet. */
@ParameterizedClass
@EnumSource(Relaying.class)
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class UntakenCloseTest {
    private static final CloseFrame WORD = new CloseFrame(1001, "bye");
    private static final byte[] WORD_BYTES = {(byte) 0x88, 5, 1001 >>> 8, (byte) 1001, 'b', 'y', 'e'};
    /** Longer than the timeout of an answer and that of a FIN together, which are 600 ms each. */
    private static final long PAUSE_MILLIS = 2_500;

    private final TestFront front;
    private final ScriptedBackend backend = new ScriptedBackend();

    UntakenCloseTest(Relaying relaying) {
        this.front = new TestFront(relaying);
    }

    private record Ends(Wire client, Wire server) {}

    @BeforeEach
    void routeToBackend() {
        front.route(backend.port());
    }

    @AfterEach
    void stop() {
        front.close();
        backend.close();
    }

    private Ends open() {
        Wire client = front.client().send(REQUEST);
        Wire server = backend.accept();
        server.send(switching(server.head()));
        client.head();
        return new Ends(client, server);
    }

    @Test
    void aClientThatPausesInADrainStillHearsTheClose() throws Exception {
        // Given
        Ends ends = open();
        byte[] flood = front.flood(ends.server());
        Drain drain = front.registry.drain(Duration.ofSeconds(20), WORD, () -> 0);
        // When
        front.tell(WORD);
        Thread.sleep(PAUSE_MILLIS);
        // Then
        byte[] read = ends.client().readToEnd();
        int frames = read.length - WORD_BYTES.length;
        assertThat(frames).isBetween(1, flood.length);
        assertThat(Arrays.copyOf(read, frames)).isEqualTo(Arrays.copyOf(flood, frames));
        assertThat(Arrays.copyOfRange(read, frames, read.length)).isEqualTo(WORD_BYTES);
        ends.client().close();
        ends.server().close();
        assertThat(drain.result().toCompletableFuture().get(10, TimeUnit.SECONDS))
                .isEqualTo(new DrainResult(1, 0));
    }

    @Test
    void aClientThatTakesNothingIsCutAtTheDeadlineOfTheDrain() throws Exception {
        // Given
        Ends ends = open();
        front.flood(ends.server());
        Drain drain = front.registry.drain(Duration.ofSeconds(3), WORD, () -> 0);
        long begun = System.nanoTime();
        // When
        front.tell(WORD);
        // Then
        assertThat(drain.result().toCompletableFuture().get(10, TimeUnit.SECONDS))
                .isEqualTo(new DrainResult(0, 1));
        assertThat(Duration.ofNanos(System.nanoTime() - begun))
                .isBetween(Duration.ofMillis(2_500), Duration.ofSeconds(5));
        ends.client().close();
        ends.server().close();
    }

    @Test
    void aBackendThatResetsBehindOurCloseDoesNotTakeItBack() throws Exception {
        // Given
        Ends ends = open();
        front.flood(ends.server());
        front.registry.drain(Duration.ofSeconds(20), WORD, () -> 0);
        front.tell(WORD);
        // When
        ends.server().reset();
        Thread.sleep(300);
        // Then
        byte[] read = ends.client().readToEnd();
        assertThat(Arrays.copyOfRange(read, read.length - WORD_BYTES.length, read.length))
                .isEqualTo(WORD_BYTES);
        ends.client().close();
        await().untilAsserted(() -> assertThat(front.closed).hasSize(1));
        assertThat(front.closed.element().initiator()).isEqualTo(Initiator.PROXY);
    }
}
