package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.routetable.RouteAction;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Answers that their clients do not take, or take slowly. */
@Timeout(60)
class UntakenAnswerTest {
    private static final int BODY_BYTES = 1 << 20;
    private static final Duration BRIEF = Duration.ofSeconds(1);

    @Test
    void theEndOfTheLastAnswerReachesAClientThatPauses() throws Exception {
        // Given
        String answer = "HTTP/1.1 200 OK\r\nContent-Length: " + BODY_BYTES + "\r\n\r\n" + "x".repeat(BODY_BYTES);
        try (RawBackend backend = RawBackend.answering(answer);
                Rig rig = Rig.start()) {
            rig.serve(backend);

            // When
            List<CompletableFuture<Integer>> taken = new ArrayList<>();
            for (int left = 100_000; left < 300_000; left += 25_000) {
                int before = BODY_BYTES - left;
                taken.add(CompletableFuture.supplyAsync(
                        () -> takeWithAPause(rig, before),
                        task -> Thread.ofVirtual().start(task)));
            }

            // Then
            for (CompletableFuture<Integer> bytes : taken) {
                assertThat(bytes.get()).isGreaterThan(BODY_BYTES);
            }
        }
    }

    private static int takeWithAPause(Rig rig, int before) {
        try (Socket socket = connect(rig)) {
            RawBackend.write(socket, "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
            int first = socket.getInputStream().readNBytes(before).length;
            // Longer than a connection lingers after its last answer.
            Thread.sleep(3_500);
            return first + socket.getInputStream().readAllBytes().length;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aClientThatDoesNotTakeItsAnswerIsCutOff() throws Exception {
        // Given
        String answer =
                "HTTP/1.1 200 OK\r\nContent-Length: " + 8 * BODY_BYTES + "\r\n\r\n" + "x".repeat(8 * BODY_BYTES);
        try (RawBackend backend = RawBackend.answering(answer);
                Rig rig = brief();
                Socket socket = connect(rig)) {
            rig.serve(backend);

            // When
            RawBackend.write(socket, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
            while (rig.meters.get("holdfast.http.connections").gauge().value() > 0) {
                Thread.sleep(20);
            }

            // Then
            assertThatThrownBy(() -> socket.getInputStream().readAllBytes()).isInstanceOf(IOException.class);
        }
    }

    @Test
    void aClientThatSendsOnDoesNotKeepAnAnswerThatItDoesNotTake() throws Exception {
        // Given
        try (SlowBackend backend = SlowBackend.flooding();
                Rig rig = brief();
                Socket socket = connect(rig)) {
            rig.serve(Rig.route(RouteAction.Forward.to("u")), backend.port());
            RawBackend.write(socket, "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000000\r\n\r\n");

            // When
            Thread sender = Thread.ofVirtual().start(() -> sendOn(socket));
            while (rig.meters.get("holdfast.http.connections").gauge().value() > 0) {
                Thread.sleep(20);
            }

            // Then
            assertThat(sender.join(Duration.ofSeconds(10))).as("was cut off").isTrue();
        }
    }

    /** Until the connection ends. */
    private static void sendOn(Socket socket) {
        try {
            while (true) {
                RawBackend.write(socket, "x".repeat(2_000));
                Thread.sleep(100);
            }
        } catch (IOException e) {
            // It was cut off.
            return;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aClientThatOnlyAsksIsNotAnsweredForEver() throws Exception {
        // Given
        byte[] requests =
                "GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n".repeat(10_000).getBytes(StandardCharsets.US_ASCII);
        try (RawBackend backend = RawBackend.answering("");
                Rig rig = brief();
                Socket socket = connect(rig)) {
            rig.serve(backend);
            long[] sent = new long[1];

            // When
            assertThatThrownBy(() -> {
                        for (int i = 0; i < 1_000; i++) {
                            socket.getOutputStream().write(requests);
                            sent[0] += requests.length;
                        }
                    })
                    .isInstanceOf(IOException.class);

            // Then
            assertThat(sent[0]).as("bytes of requests taken").isLessThan(50L << 20);
        }
    }

    private static Rig brief() throws IOException {
        return new Rig(Rig.config().withLimits(HttpLimits.DEFAULT.withTimeouts(Duration.ofSeconds(10), BRIEF, BRIEF)));
    }

    private static Socket connect(Rig rig) throws IOException {
        Socket socket = new Socket();
        socket.setReceiveBufferSize(16 << 10);
        socket.setSoTimeout(30_000);
        socket.connect(new InetSocketAddress(Rig.ANY_PORT.getAddress(), rig.proxy.httpPort()));
        return socket;
    }
}
