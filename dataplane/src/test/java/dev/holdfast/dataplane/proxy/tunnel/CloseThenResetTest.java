package dev.holdfast.dataplane.proxy.tunnel;

import static dev.holdfast.dataplane.proxy.tunnel.ScriptedBackend.switching;
import static dev.holdfast.dataplane.proxy.tunnel.TestFront.REQUEST;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd.Initiator;
import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd.Reason;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A backend that says Close and resets right behind it. Many do without meaning to: who closes a socket with bytes of the
 * client unread sends a reset. The Close was the last word all the same.
 */
@ParameterizedClass
@EnumSource(Relaying.class)
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class CloseThenResetTest {
    private final TestFront front;
    private final ScriptedBackend backend = new ScriptedBackend();

    CloseThenResetTest(Relaying relaying) {
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

    private Ends open() throws InterruptedException {
        Wire client = front.client().send(REQUEST);
        Wire server = backend.accept();
        server.send(switching(server.head()));
        client.head();
        // So that a tunnel that leaves its channels has left them.
        Thread.sleep(100);
        return new Ends(client, server);
    }

    private void expectCloseFrameOfBackend() {
        await().untilAsserted(() -> assertThat(front.closed).hasSize(1));
        TunnelEnd end = front.closed.element();
        assertThat(end.initiator()).isEqualTo(Initiator.BACKEND);
        assertThat(end.reason()).isEqualTo(Reason.CLOSE_FRAME);
        assertThat(end.closeCode()).isEqualTo(4000);
    }

    /** The loops do nothing else for a while, so that all that happens meanwhile reaches them at once. */
    private void block(long millis) {
        front.onEveryLoop(() -> {
            long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
            long left = end;
            while (left > 0) {
                left = end - System.nanoTime();
            }
        });
    }

    /** The client's bytes reach a loop together with what the server does next, and before it. */
    private Ends openWithBytesFirstInTheBatch() throws InterruptedException {
        Ends ends = open();
        block(300);
        Thread.sleep(50);
        ends.client().send(Frames.maskedText("first in the batch"));
        Thread.sleep(50);
        return ends;
    }

    @Test
    void theCloseReachesTheClientAndThenTheEndOfTheStream() throws Exception {
        // Given
        Ends ends = open();
        ends.client().send(Frames.maskedText("never read"));
        ends.server().send(Frames.text("last"), Frames.close(4000));
        Thread.sleep(50);
        // When
        ends.server().reset();
        // Then
        Thread.sleep(50);
        assertThat(ends.client().read(6)).isEqualTo(Frames.text("last"));
        assertThat(ends.client().readToEnd()).isEqualTo(Frames.close(4000));
        ends.client().close();
        expectCloseFrameOfBackend();
    }

    @Test
    void aClientThatGoesOnBehindTheCloseIsEnded() throws Exception {
        // Given: a tunnel so young that its backend is not probed yet
        Ends ends = open();
        ends.client().send(Frames.maskedText("never read"));
        // When
        ends.server().send(Frames.close(4000)).reset();
        // Then: it does not end its stream, and the tunnel ends all the same
        assertThat(ends.client().readToEnd()).isEqualTo(Frames.close(4000));
        expectCloseFrameOfBackend();
        ends.client().close();
    }

    @Test
    void aCloseThatIsReadTogetherWithTheResetReachesTheClient() throws Exception {
        // Given
        Ends ends = open();
        block(200);
        Thread.sleep(50);
        // When
        ends.server().send(Frames.close(4000)).reset();
        // Then
        assertThat(ends.client().readToEnd()).isEqualTo(Frames.close(4000));
        ends.client().close();
        expectCloseFrameOfBackend();
    }

    @Test
    void bytesForABackendThatIsGoneDoNotCostItsClose() throws Exception {
        // Given
        Ends ends = openWithBytesFirstInTheBatch();
        // When
        ends.server().send(Frames.close(4000)).reset();
        // Then
        assertThat(ends.client().readToEnd()).isEqualTo(Frames.close(4000));
        ends.client().close();
        expectCloseFrameOfBackend();
    }

    @Test
    void aResetInsideAFrameBehindBytesOfTheClientIsAReset() throws Exception {
        // Given
        Ends ends = openWithBytesFirstInTheBatch();
        byte[] half = java.util.Arrays.copyOf(Frames.text("half a frame"), 6);
        // When
        ends.server().send(half).reset();
        // Then
        assertThatThrownBy(() -> ends.client().readToEnd())
                .isInstanceOf(UncheckedIOException.class)
                .hasCauseInstanceOf(IOException.class)
                .hasMessageContaining("reset");
        await().untilAsserted(() -> assertThat(front.closed).hasSize(1));
        assertThat(front.closed.element().reason()).isEqualTo(Reason.RESET);
        assertThat(front.closed.element().initiator()).isEqualTo(Initiator.BACKEND);
        ends.client().close();
    }

    @Test
    void aClientThatResetsBehindItsCloseDoesNotTakeItBack() throws Exception {
        // Given
        Ends ends = open();
        ends.client().send(Frames.maskedClose(4000));
        Thread.sleep(50);
        // When
        ends.client().reset();
        // Then
        Thread.sleep(50);
        assertThat(ends.server().readToEnd()).isEqualTo(Frames.maskedClose(4000));
        ends.server().close();
        await().untilAsserted(() -> assertThat(front.closed).hasSize(1));
        assertThat(front.closed.element().reason()).isEqualTo(Reason.CLOSE_FRAME);
    }

    @Test
    void aBackendThatGoesOnWithNobodyToHearItIsEnded() throws Exception {
        // Given
        Ends ends = open();
        ends.client().send(Frames.maskedClose(4000));
        Thread.sleep(50);
        Thread talks = Thread.ofVirtual().start(() -> {
            try {
                while (true) {
                    ends.server().send(Frames.text("on and on"));
                    Thread.sleep(20);
                }
            } catch (UncheckedIOException | InterruptedException e) {
                // The end, which the story is about.
            }
        });
        // When
        ends.client().reset();
        // Then
        await().untilAsserted(() -> assertThat(front.closed).hasSize(1));
        talks.join();
        ends.server().close();
    }
}
