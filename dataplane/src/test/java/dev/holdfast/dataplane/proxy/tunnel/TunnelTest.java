package dev.holdfast.dataplane.proxy.tunnel;

import static dev.holdfast.dataplane.proxy.tunnel.ScriptedBackend.switching;
import static dev.holdfast.dataplane.proxy.tunnel.TestFront.REQUEST;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd.Initiator;
import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd.Reason;
import dev.holdfast.routetable.RouteTable;
import dev.holdfast.routetable.Timeouts;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufAllocatorMetricProvider;
import io.netty.buffer.PooledByteBufAllocator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** What a tunnel does with bytes, ends, silence and swaps, over real sockets. */
@ParameterizedClass
@EnumSource(Relaying.class)
class TunnelTest {
    private final TestFront front;
    private final ScriptedBackend backend = new ScriptedBackend();

    TunnelTest(Relaying relaying) {
        this.front = new TestFront(relaying);
    }

    /** Both ends of an open tunnel. */
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

    private TunnelEnd end() {
        await().until(() -> !front.closed.isEmpty());
        return front.closed.element();
    }

    @Test
    void everyByteArrivesAsItWasSentBothWays() throws Exception {
        // Given
        Ends ends = open();
        byte[] up = new byte[3_000_000];
        byte[] down = new byte[5_000_000];
        new Random(1).nextBytes(up);
        new Random(2).nextBytes(down);
        // When
        Thread sendsUp = Thread.ofVirtual().start(() -> ends.client().send(up));
        Thread sendsDown = Thread.ofVirtual().start(() -> ends.server().send(down));
        byte[][] received = new byte[2][];
        Thread readsUp =
                Thread.ofVirtual().start(() -> received[0] = ends.server().read(up.length));
        received[1] = ends.client().read(down.length);
        // Then
        readsUp.join();
        sendsUp.join();
        sendsDown.join();
        assertThat(received[0]).isEqualTo(up);
        assertThat(received[1]).isEqualTo(down);
        ends.client().close();
        ends.server().close();
        assertThat(end().bytesFromClient()).isEqualTo(up.length);
        assertThat(end().bytesFromBackend()).isEqualTo(down.length);
        await().untilAsserted(() -> assertThat(front.meters
                        .get("holdfast.tunnel.bytes")
                        .tag("direction", "from_backend")
                        .functionCounter()
                        .count())
                .isEqualTo(down.length));
    }

    @Test
    void aSwapTouchesNoTunnel() {
        // Given
        Ends ends = open();
        // When
        front.swap(RouteTable.EMPTY);
        // Then
        ends.client().send(Frames.maskedText("still"));
        assertThat(ends.server().read(11)).isEqualTo(Frames.maskedText("still"));
        ends.server().send(Frames.text("here"));
        assertThat(ends.client().read(6)).isEqualTo(Frames.text("here"));
        assertThat(front.closed).isEmpty();
        ends.client().close();
        ends.server().close();
    }

    @Test
    void aStoppedReaderStopsItsSenderWithinBoundedMemory() throws Exception {
        // Given
        Ends ends = open();
        long size = 200L << 20;
        AtomicLong sent = new AtomicLong();
        ends.server()
                .send(ByteBuffer.allocate(10)
                        .put((byte) 0x82)
                        .put((byte) 127)
                        .putLong(size)
                        .array());
        ends.client().read(10);
        Thread sender = Thread.ofVirtual().start(() -> {
            byte[] block = new byte[65_536];
            while (sent.get() < size) {
                ends.server().send(block);
                sent.addAndGet(block.length);
            }
        });
        // When
        boolean finished = sender.join(Duration.ofSeconds(2));
        // Then
        assertThat(finished).isFalse();
        long stuck = sent.get();
        assertThat(stuck).isLessThan(64L << 20);
        assertThat(directBytes()).isLessThan(64L << 20);
        long received = 0;
        byte[] block = new byte[1 << 16];
        while (received < size) {
            int read = ends.client().in().read(block);
            assertThat(read).isPositive();
            received += read;
        }
        sender.join();
        assertThat(received).isEqualTo(size);
        ends.client().close();
        ends.server().close();
    }

    private static long directBytes() {
        return ((ByteBufAllocatorMetricProvider) ByteBufAllocator.DEFAULT)
                        .metric()
                        .usedDirectMemory()
                + PooledByteBufAllocator.DEFAULT.metric().usedDirectMemory();
    }

    @Test
    void aClientThatEndsItsStreamStillHearsTheBackend() {
        // Given
        Ends ends = open();
        // When
        ends.client().send(Frames.maskedText("last")).fin();
        // Then
        assertThat(ends.server().readToEnd()).isEqualTo(Frames.maskedText("last"));
        ends.server().send(Frames.text("answer")).fin();
        assertThat(ends.client().readToEnd()).isEqualTo(Frames.text("answer"));
        assertThat(end().initiator()).isEqualTo(Initiator.CLIENT);
        assertThat(end().reason()).isEqualTo(Reason.FIN);
        assertThat(end().closeCode()).isNull();
        ends.client().close();
        ends.server().close();
    }

    @Test
    void aBackendThatEndsItsStreamStillHearsTheClient() {
        // Given
        Ends ends = open();
        // When
        ends.server().send(Frames.text("last")).fin();
        // Then
        assertThat(ends.client().readToEnd()).isEqualTo(Frames.text("last"));
        ends.client().send(Frames.maskedText("answer")).fin();
        assertThat(ends.server().readToEnd()).isEqualTo(Frames.maskedText("answer"));
        assertThat(end().initiator()).isEqualTo(Initiator.BACKEND);
        ends.client().close();
        ends.server().close();
    }

    @RepeatedTest(5)
    void whatIsBufferedIsDeliveredBeforeTheEnd() throws Exception {
        // Given
        Ends ends = open();
        byte[] big = Frames.frame(0x82, new byte[8_000_000], false);
        // When
        Thread sender = Thread.ofVirtual().start(() -> ends.server().send(big).fin());
        // Then
        Thread.sleep(300);
        assertThat(ends.client().readToEnd()).isEqualTo(big);
        sender.join();
        ends.client().close();
        ends.server().close();
    }

    @Test
    void aResetOfTheClientReachesTheBackend() {
        // Given
        Ends ends = open();
        // When
        ends.client().reset();
        // Then
        assertThatThrownBy(ends.server()::readOne)
                .isInstanceOf(IOException.class)
                .hasMessageContaining("reset");
        assertThat(end().reason()).isEqualTo(Reason.RESET);
        assertThat(end().initiator()).isEqualTo(Initiator.CLIENT);
        ends.server().close();
    }

    @Test
    void aResetOfTheBackendReachesTheClient() {
        // Given
        Ends ends = open();
        // When
        ends.server().reset();
        // Then
        assertThatThrownBy(ends.client()::readOne)
                .isInstanceOf(IOException.class)
                .hasMessageContaining("reset");
        assertThat(end().initiator()).isEqualTo(Initiator.BACKEND);
        ends.client().close();
    }

    @Test
    void aResetOfASenderThatIsHeldBackIsNoticed() throws Exception {
        // Given
        Ends ends = open();
        AtomicLong sent = new AtomicLong();
        ends.server()
                .send(ByteBuffer.allocate(10)
                        .put((byte) 0x82)
                        .put((byte) 127)
                        .putLong(1L << 40)
                        .array());
        Thread sender = Thread.ofPlatform().start(() -> {
            byte[] block = new byte[65_536];
            try {
                while (true) {
                    ends.server().socket().getOutputStream().write(block);
                    sent.addAndGet(block.length);
                }
            } catch (IOException e) {
                // The reset below.
            }
        });
        sender.join(Duration.ofSeconds(1));
        // When
        ends.server().reset();
        // Then
        await().atMost(Duration.ofSeconds(3)).until(() -> !front.closed.isEmpty());
        assertThat(end().initiator()).isEqualTo(Initiator.BACKEND);
        assertThat(end().reason()).isEqualTo(Reason.RESET);
        sender.join();
        ends.client().close();
    }

    @RepeatedTest(5)
    void aClientThatEndedItsStreamMayReadSlowly() throws Exception {
        // Given
        Ends ends = open();
        byte[] big = Frames.frame(0x82, new byte[8_000_000], false);
        Thread sender = Thread.ofVirtual().start(() -> ends.server().send(big).close());
        // When
        ends.client().fin();
        // Then
        Thread.sleep(500);
        assertThat(ends.client().readToEnd()).isEqualTo(big);
        sender.join();
        await().untilAsserted(() -> assertThat(front.closed).hasSize(1));
        ends.client().close();
    }

    @Test
    void aResetAfterAHalfCloseIsNoticedToo() {
        // Given
        Ends ends = open();
        ends.client().fin();
        ends.server().readToEnd();
        // When
        ends.server().reset();
        // Then
        assertThatThrownBy(ends.client()::readOne).isInstanceOf(IOException.class);
        await().untilAsserted(() -> assertThat(front.closed).hasSize(1));
        ends.client().close();
    }

    @Test
    void aClosingHandshakeIsRecordedWithItsInitiatorAndCode() {
        // Given
        Ends ends = open();
        // When
        ends.server().send(Frames.close(4000));
        // Then
        assertThat(ends.client().read(4)).isEqualTo(Frames.close(4000));
        ends.client().send(Frames.maskedClose(4000));
        ends.server().read(8);
        ends.server().close();
        ends.client().close();
        assertThat(end().initiator()).isEqualTo(Initiator.BACKEND);
        assertThat(end().reason()).isEqualTo(Reason.CLOSE_FRAME);
        assertThat(end().closeCode()).isEqualTo(4000);
        assertThat(front.counter(
                        "holdfast.tunnels.closed",
                        "initiator",
                        "backend",
                        "reason",
                        "close_frame",
                        "code_class",
                        "4xxx"))
                .isEqualTo(1);
    }

    @Test
    void silenceEndsATunnelWithAWordToBothSides() {
        // Given
        front.route(new Timeouts(Duration.ofSeconds(1), Duration.ofSeconds(1), Duration.ofSeconds(1)), backend.port());
        Ends ends = open();
        // When
        byte[] toClient = ends.client().readToEnd();
        byte[] toBackend = ends.server().readToEnd();
        // Then
        assertThat(toClient).startsWith(0x88, 14, 1001 >>> 8, 1001 & 0xff).hasSize(16);
        assertThat(toBackend[0] & 0xff).isEqualTo(0x88);
        assertThat(toBackend[1] & 0xff).isEqualTo(0x80 | 14);
        assertThat((toBackend[6] ^ toBackend[2]) & 0xff).isEqualTo(1001 >>> 8);
        assertThat((toBackend[7] ^ toBackend[3]) & 0xff).isEqualTo(1001 & 0xff);
        assertThat(end().reason()).isEqualTo(Reason.IDLE);
        assertThat(end().closeCode()).isEqualTo(1001);
        ends.client().close();
        ends.server().close();
    }

    @Test
    void aByteInEitherDirectionKeepsATunnelAlive() throws Exception {
        // Given
        front.route(new Timeouts(Duration.ofSeconds(1), Duration.ofSeconds(1), Duration.ofSeconds(1)), backend.port());
        Ends ends = open();
        // When
        for (int i = 0; i < 6; i++) {
            Thread.sleep(400);
            ends.server().send(Frames.text("x"));
            ends.client().read(3);
        }
        // Then
        assertThat(front.closed).isEmpty();
        ends.client().close();
        ends.server().close();
    }

    @Test
    void openedLessClosedIsActive() {
        // Given
        Ends first = open();
        Ends second = open();
        // When
        first.client().close();
        first.server().close();
        // Then
        await().untilAsserted(() -> {
            double opened = front.meters
                    .get("holdfast.tunnels.opened")
                    .functionCounter()
                    .count();
            double closed = front.counter("holdfast.tunnels.closed");
            assertThat(closed).isEqualTo(1);
            assertThat(front.meters.get("holdfast.tunnels.active").gauge().value())
                    .isEqualTo(opened - closed);
        });
        assertThat(front.registry.open()).isEqualTo(1);
        second.client().close();
        second.server().close();
        await().untilAsserted(() -> assertThat(
                        front.meters.get("holdfast.tunnels.active").gauge().value())
                .isZero());
    }
}
