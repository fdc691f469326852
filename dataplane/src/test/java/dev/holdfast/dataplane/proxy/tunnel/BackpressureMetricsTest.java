package dev.holdfast.dataplane.proxy.tunnel;

import static dev.holdfast.dataplane.proxy.tunnel.ScriptedBackend.switching;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.micrometer.core.instrument.search.RequiredSearch;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** What is told of tunnels whose reader is slower than their writer, and of their messages. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
@ParameterizedClass
@EnumSource(Relaying.class)
class BackpressureMetricsTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final TestFront front;
    private final ScriptedBackend backend = new ScriptedBackend();

    BackpressureMetricsTest(Relaying relaying) {
        this.front = new TestFront(relaying);
        front.route(backend.port());
    }

    @AfterEach
    void stop() {
        front.close();
        backend.close();
    }

    @Test
    void aReaderThatRestsIsSeenWhileItRestsAndNotAfter() throws Exception {
        // Given
        Wire client = front.client().send(TestFront.REQUEST);
        Wire server = backend.accept();
        server.send(switching(server.head()));
        client.head();
        byte[] much = Frames.frame(0x82, new byte[64 << 20], false);
        // When
        Thread sender = Thread.ofVirtual().start(() -> server.send(much));
        // Then
        await().atMost(PATIENCE).untilAsserted(() -> {
            assertThat(gauge("holdfast.backpressure.paused.tunnels", "from_backend"))
                    .isEqualTo(1);
            assertThat(gauge("holdfast.backpressure.buffered.bytes", "from_backend"))
                    .isPositive();
        });
        double first = pausedSeconds("from_backend");
        await().atMost(PATIENCE)
                .untilAsserted(() -> assertThat(pausedSeconds("from_backend")).isGreaterThan(first + 0.2));
        assertThat(pausedSeconds("from_client")).isZero();
        client.read(much.length);
        sender.join();
        await().atMost(PATIENCE).untilAsserted(() -> {
            assertThat(gauge("holdfast.backpressure.paused.tunnels", "from_backend"))
                    .isZero();
            assertThat(gauge("holdfast.backpressure.buffered.bytes", "from_backend"))
                    .isZero();
        });
        double last = pausedSeconds("from_backend");
        assertThat(pausedSeconds("from_backend")).as("it stands still").isEqualTo(last);
        client.close();
        server.close();
    }

    @Test
    void aTunnelThatEndsWhilePausedIsNotPausedForEver() {
        // Given
        Wire client = front.client().send(TestFront.REQUEST);
        Wire server = backend.accept();
        server.send(switching(server.head()));
        client.head();
        byte[] much = Frames.frame(0x82, new byte[64 << 20], false);
        Thread sender = Thread.ofVirtual().start(() -> {
            try {
                server.send(much);
            } catch (RuntimeException e) {
                // It is cut, which the story is about.
            }
        });
        await().atMost(PATIENCE).until(() -> gauge("holdfast.backpressure.paused.tunnels", "from_backend") == 1);
        // When
        client.reset();
        // Then
        await().atMost(PATIENCE).untilAsserted(() -> {
            assertThat(gauge("holdfast.backpressure.paused.tunnels", "from_backend"))
                    .isZero();
            assertThat(gauge("holdfast.backpressure.buffered.bytes", "from_backend"))
                    .isZero();
        });
        server.close();
        sender.interrupt();
    }

    @Test
    void messagesAreCountedByTypeNotFramesAndNotControlFrames() {
        // Given
        Wire client = front.client().send(TestFront.REQUEST);
        Wire server = backend.accept();
        server.send(switching(server.head()));
        client.head();
        // When a message of three frames with a ping between, then another one
        byte[] message = {0x01, 1, 'a', (byte) 0x89, 0, 0x00, 1, 'b', (byte) 0x80, 1, 'c', (byte) 0x82, 1, 'd'};
        server.send(message);
        client.read(message.length);
        // Then
        await().atMost(PATIENCE).untilAsserted(() -> {
            assertThat(messages("text", "from_backend")).isEqualTo(1);
            assertThat(messages("binary", "from_backend")).isEqualTo(1);
            assertThat(messages("text", "from_client")).isZero();
        });
        client.close();
        server.close();
    }

    private double gauge(String name, String direction) {
        return of(name, direction).gauge().value();
    }

    private double pausedSeconds(String direction) {
        return of("holdfast.backpressure.paused.seconds", direction)
                .functionCounter()
                .count();
    }

    private double messages(String type, String direction) {
        return of("holdfast.tunnel.messages", direction)
                .tag("type", type)
                .functionCounter()
                .count();
    }

    /** Of the route; the other series are of requests that no route matched. */
    private RequiredSearch of(String name, String direction) {
        return front.meters.get(name).tag("direction", direction).tag("route", "chat");
    }
}
