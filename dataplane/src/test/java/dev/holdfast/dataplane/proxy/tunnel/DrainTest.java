package dev.holdfast.dataplane.proxy.tunnel;

import static dev.holdfast.dataplane.proxy.tunnel.ScriptedBackend.switching;
import static dev.holdfast.dataplane.proxy.tunnel.TestFront.REQUEST;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.holdfast.dataplane.proxy.tunnel.TunnelEnd.Reason;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** A drain ends every tunnel with a word, over real sockets. */
@ParameterizedClass
@EnumSource(Relaying.class)
class DrainTest {
    private static final CloseFrame WORD = new CloseFrame(1001, "server is shutting down; reconnect");
    private static final int WORD_BYTES = 4 + WORD.reason().length();
    /** A tunnel is told at some moment of the first half; the peers have the second half to answer. */
    private static final Duration WINDOW_OF_A_PATIENT_DRAIN = Duration.ofSeconds(6);

    private static final int SPREAD_MILLIS = 3_000;

    private final Relaying relaying;
    private final TestFront front;
    private final ScriptedBackend backend = new ScriptedBackend();

    DrainTest(Relaying relaying) {
        this.relaying = relaying;
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
        return open(front);
    }

    private Ends open(TestFront through) {
        Wire client = through.client().send(REQUEST);
        Wire server = backend.accept();
        server.send(switching(server.head()));
        client.head();
        return new Ends(client, server);
    }

    private static DrainResult result(Drain drain) throws Exception {
        return drain.result().toCompletableFuture().get(20, TimeUnit.SECONDS);
    }

    @Test
    void anIdleTunnelHearsACloseAndItsAnswerReachesTheBackend() throws Exception {
        // Given
        Ends ends = open();
        // When
        Drain drain = front.registry.drain(Duration.ofSeconds(5), WORD, () -> 0);
        // Then
        byte[] word = ends.client().read(WORD_BYTES);
        assertThat(word).startsWith(0x88, WORD_BYTES - 2, 1001 >>> 8, 1001 & 0xff);
        ends.client().send(Frames.maskedClose(1001));
        assertThat(ends.client().readToEnd()).isEmpty();
        assertThat(ends.server().read(8)).isEqualTo(Frames.maskedClose(1001));
        ends.server().send(Frames.close(1001)).close();
        ends.client().close();
        assertThat(result(drain)).isEqualTo(new DrainResult(1, 0));
        assertThat(front.closed.element().reason()).isEqualTo(Reason.DRAIN);
        assertThat(drain.remaining()).isZero();
    }

    @Test
    void theCloseWaitsForTheEndOfTheFrameUnderWay() throws Exception {
        // Given
        TestFront patient =
                new TestFront(relaying.of(new TunnelSettings(Duration.ofSeconds(4), Duration.ofSeconds(2), null)));
        patient.route(backend.port());
        Ends ends = open(patient);
        byte[] frame = Frames.text("a frame of some length");
        ends.server().send(Arrays.copyOf(frame, 5));
        ends.client().read(5);
        // When
        Drain drain = patient.registry.drain(WINDOW_OF_A_PATIENT_DRAIN, WORD, () -> 0);
        Thread.sleep(SPREAD_MILLIS + 300);
        ends.server().send(Arrays.copyOfRange(frame, 5, frame.length), Frames.text("too late"));
        // Then
        assertThat(ends.client().read(frame.length - 5)).isEqualTo(Arrays.copyOfRange(frame, 5, frame.length));
        assertThat(ends.client().read(WORD_BYTES)).startsWith(0x88, WORD_BYTES - 2);
        ends.client().send(Frames.maskedClose(1001));
        assertThat(ends.client().readToEnd()).isEmpty();
        ends.client().close();
        ends.server().close();
        assertThat(result(drain)).isEqualTo(new DrainResult(1, 0));
        patient.close();
    }

    @Test
    void aTunnelThatIsMidFrameAtTheDeadlineIsCut() throws Exception {
        // Given
        Ends ends = open();
        ends.server().send(Arrays.copyOf(Frames.text("never whole"), 5));
        ends.client().read(5);
        // When
        Drain drain = front.registry.drain(Duration.ofSeconds(1), WORD, () -> 0);
        // Then
        assertThat(result(drain)).isEqualTo(new DrainResult(0, 1));
        assertThat(ends.client().readToEnd()).isEmpty();
        ends.client().close();
        ends.server().close();
    }

    @Test
    void aClientThatDoesNotAnswerIsNotWaitedForLong() throws Exception {
        // Given
        Ends ends = open();
        // When
        Drain drain = front.registry.drain(Duration.ofSeconds(10), WORD, () -> 0);
        // Then
        assertThat(ends.client().readToEnd()).hasSize(WORD_BYTES);
        assertThat(ends.server().readToEnd()).hasSize(WORD_BYTES + 4);
        assertThat(result(drain)).isEqualTo(new DrainResult(1, 0));
        ends.client().close();
        ends.server().close();
    }

    @Test
    void anUpgradeUnderWayBecomesATunnelThatIsDrainedToo() throws Exception {
        // Given
        Wire client = front.client().send(REQUEST);
        Wire server = backend.accept();
        String head = server.head();
        // When
        Drain drain = front.registry.drain(Duration.ofSeconds(5), WORD, () -> 0);
        server.send(switching(head));
        // Then
        assertThat(client.head()).startsWith("HTTP/1.1 101 ");
        assertThat(client.read(WORD_BYTES)).startsWith(0x88);
        client.close();
        server.close();
        assertThat(result(drain)).isEqualTo(new DrainResult(1, 0));
    }

    @Test
    void tunnelsAreToldOneAfterTheOther() throws Exception {
        // Given
        List<Ends> all = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            all.add(open());
        }
        List<CompletableFuture<Long>> told = all.stream()
                .map(ends -> CompletableFuture.supplyAsync(
                        () -> {
                            ends.client().read(WORD_BYTES);
                            long at = System.nanoTime();
                            ends.client().send(Frames.maskedClose(1001));
                            ends.client().close();
                            ends.server().close();
                            return at;
                        },
                        task -> Thread.ofVirtual().start(task)))
                .toList();
        // When
        long start = System.nanoTime();
        Drain drain = front.registry.drain(Duration.ofSeconds(4), WORD, () -> 0);
        // Then
        assertThat(result(drain)).isEqualTo(new DrainResult(40, 0));
        int[] perQuarter = new int[4];
        for (CompletableFuture<Long> moment : told) {
            long millis = (moment.get() - start) / 1_000_000;
            perQuarter[(int) Math.min(3, millis / 700)]++;
        }
        assertThat(Arrays.stream(perQuarter).boxed())
                .allSatisfy(count -> assertThat(count).isBetween(3, 20));
        await().untilAsserted(() -> assertThat(
                        front.meters.get("holdfast.drain.remaining").gauge().value())
                .isZero());
    }
}
