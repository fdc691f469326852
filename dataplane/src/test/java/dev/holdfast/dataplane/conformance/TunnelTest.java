package dev.holdfast.dataplane.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.conformance.rig.BackendConnection;
import dev.holdfast.dataplane.conformance.rig.Handshake;
import dev.holdfast.dataplane.conformance.rig.ProxyRig;
import dev.holdfast.dataplane.conformance.rig.RawClient;
import dev.holdfast.dataplane.conformance.rig.ScriptedBackend;
import dev.holdfast.dataplane.conformance.rig.SeenRequest;
import dev.holdfast.dataplane.conformance.rig.SplitAnswers;
import dev.holdfast.dataplane.conformance.rig.StreamEnd;
import dev.holdfast.dataplane.proxy.tunnel.Relaying;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** What a tunnel does with bytes and with ends. */
@ParameterizedClass
@EnumSource(Relaying.class)
class TunnelTest {
    /** Far beyond what may be. */
    private static final Duration WAIT = Duration.ofSeconds(10);

    private static final int TRIES = 5;

    private final ProxyRig rig;

    TunnelTest(Relaying relaying) {
        this.rig = ProxyRig.start(relaying::of);
    }

    @AfterEach
    void stop() {
        rig.close();
    }

    /** What a backend does with a tunnel once it is open. */
    @FunctionalInterface
    private interface Behind {
        void play(BackendConnection connection) throws IOException;
    }

    private static ScriptedBackend tunnel(Behind behind) throws IOException {
        return ScriptedBackend.playing(connection -> {
            SeenRequest request = connection.require();
            connection.send(Handshake.accept(request));
            behind.play(connection);
        });
    }

    private RawClient open(ScriptedBackend backend) throws IOException {
        rig.serve(backend);
        RawClient client = rig.client();
        assertThat(client.send(Handshake.request("/")).response().status()).isEqualTo(101);
        return client;
    }

    @Test
    @Conformance(value = "W07", rfc = "6455 §4.2.2, 9110 §7.8")
    void bytesGluedToThe101ComeInOrderHoweverTheyAreCut() throws Exception {
        // Given
        String glued = Handshake.HELLO + "and the next";
        try (SplitAnswers answers = SplitAnswers.of(
                Handshake.acceptFor(Handshake.KEY, "") + glued, connection -> connection.send("last"))) {
            rig.serve(answers.backend());

            // When
            String outcome = answers.alike(rig, Handshake.request("/"), client -> {
                int status = client.response().status();
                return status + new String(client.bytes(glued.length() + 4), StandardCharsets.ISO_8859_1);
            });

            // Then
            assertThat(outcome).isEqualTo("101" + glued + "last");
        }
    }

    @Test
    @Conformance(value = "W13", rfc = "9113 §5.2 for 1.1")
    void tunnelsThatNobodyReadsStallNoOther() throws Exception {
        // Given
        int unread = 8;
        byte[] block = new byte[64 << 10];
        try (ScriptedBackend backend = ScriptedBackend.playing(connection -> {
            SeenRequest request = connection.require();
            connection.send(Handshake.accept(request));
            if (request.target().equals("/flood")) {
                // One binary frame of 2^40 bytes.
                connection.send("\u0082\u007f\0\0\1\0\0\0\0\0");
                while (true) {
                    connection.send(block);
                }
            }
            connection.send(connection.bytes(5));
        })) {
            rig.serve(backend);
            List<RawClient> stalled = new ArrayList<>();
            try {
                for (int i = 0; i < unread; i++) {
                    RawClient client = rig.client();
                    stalled.add(client);
                    assertThat(client.send(Handshake.request("/flood"))
                                    .response()
                                    .status())
                            .isEqualTo(101);
                }

                // When
                List<String> echoes = new ArrayList<>();
                for (int i = 0; i < unread; i++) {
                    try (RawClient sibling = rig.client()) {
                        assertThat(sibling.send(Handshake.request("/echo"))
                                        .response()
                                        .status())
                                .isEqualTo(101);
                        echoes.add(new String(sibling.send("hello").bytes(5), StandardCharsets.ISO_8859_1));
                    }
                }

                // Then
                assertThat(echoes).hasSize(unread).containsOnly("hello");
            } finally {
                for (RawClient client : stalled) {
                    client.reset();
                }
            }
        }
    }

    @Test
    @Conformance(value = "W08", rfc = "6455 §5")
    void everyByteOfEveryFramePassesAsItIs() throws Exception {
        // Given
        byte[] up = frames(new Random(1), true);
        byte[] down = frames(new Random(2), false);
        CompletableFuture<byte[]> atBackend = new CompletableFuture<>();
        try (ScriptedBackend backend = tunnel(connection -> {
                    Thread writer = Thread.ofVirtual().start(() -> write(connection, down, new Random(3)));
                    atBackend.complete(connection.bytes(up.length));
                    join(writer);
                });
                RawClient client = open(backend)) {
            // When
            Thread writer = Thread.ofVirtual().start(() -> write(client, up, new Random(4)));
            byte[] atClient = client.bytes(down.length);
            join(writer);

            // Then
            assertThat(atClient).isEqualTo(down);
            assertThat(atBackend.get(10, TimeUnit.SECONDS)).isEqualTo(up);
        }
    }

    /** Frames of every opcode, of reserved bits, of every length form, fragmented, and a Close at the end. */
    private static byte[] frames(Random random, boolean masked) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int i = 0; i < 400; i++) {
            int first = random.nextInt(256);
            // A Close frame would begin the end of the tunnel: it stands last.
            first = (first & 0x0f) == 8 ? first & 0xf0 | 2 : first;
            int[] lengths = {0, 1, 125, 126, 127, 1_000, 65_535, 65_536, 100_000};
            int length = (first & 8) != 0 ? random.nextInt(126) : lengths[random.nextInt(i % 20 == 0 ? 9 : 6)];
            out.write(first);
            frameLength(out, length, masked);
            byte[] rest = new byte[length + (masked ? 4 : 0)];
            random.nextBytes(rest);
            out.writeBytes(rest);
        }
        out.write(0x88);
        frameLength(out, 4, masked);
        out.writeBytes(
                masked ? new byte[] {0, 0, 0, 0, 0x0f, (byte) 0xa1, 'o', 'k'} : new byte[] {3, (byte) 0xe9, 'o', 'k'});
        return out.toByteArray();
    }

    private static void frameLength(ByteArrayOutputStream out, int length, boolean masked) {
        int mask = masked ? 0x80 : 0;
        if (length < 126) {
            out.write(mask | length);
        } else if (length < 1 << 16) {
            out.write(mask | 126);
            out.write(length >> 8);
            out.write(length);
        } else {
            out.write(mask | 127);
            out.writeBytes(new byte[4]);
            out.write(length >> 24);
            out.write(length >> 16);
            out.write(length >> 8);
            out.write(length);
        }
    }

    private interface Sink {
        Object send(byte[] bytes) throws IOException;
    }

    private static void write(RawClient client, byte[] bytes, Random random) {
        write(client::send, bytes, random);
    }

    private static void write(BackendConnection connection, byte[] bytes, Random random) {
        write(connection::send, bytes, random);
    }

    private static void write(Sink sink, byte[] bytes, Random random) {
        try {
            for (int at = 0; at < bytes.length; ) {
                int count = Math.min(bytes.length - at, 1 + random.nextInt(random.nextInt(10) == 0 ? 70_000 : 3_000));
                sink.send(Arrays.copyOfRange(bytes, at, at + count));
                at += count;
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Close frames of every kind: no code, half a code, codes that may be sent, that never may, that nobody has; no UTF-8. */
    private static List<byte[]> closePayloads() {
        List<byte[]> payloads = new ArrayList<>();
        payloads.add(new byte[0]);
        payloads.add(new byte[] {3});
        for (int code :
                new int[] {1000, 1001, 1011, 3000, 4001, 4999, 1004, 1005, 1006, 1015, 0, 999, 2999, 5000, 65535}) {
            payloads.add(new byte[] {(byte) (code >> 8), (byte) code, 'w', 'h', 'y'});
        }
        payloads.add(new byte[] {3, (byte) 0xe8, (byte) 0xc3, (byte) 0x28});
        byte[] longest = new byte[125];
        longest[0] = 3;
        longest[1] = (byte) 0xe9;
        payloads.add(longest);
        return payloads;
    }

    private static byte[] closeFrame(byte[] payload, boolean masked) {
        ByteArrayOutputStream frame = new ByteArrayOutputStream();
        byte[] mask = masked ? new byte[] {0x11, 0x22, 0x33, 0x44} : new byte[0];
        frame.write(0x88);
        frameLength(frame, payload.length, masked);
        frame.writeBytes(mask);
        for (int i = 0; i < payload.length; i++) {
            frame.write(masked ? payload[i] ^ mask[i % 4] : payload[i]);
        }
        return frame.toByteArray();
    }

    /** RFC 6455 §7.4: whether a code is a good one is between the peers. */
    @Test
    @Conformance(value = "W08", rfc = "6455 §5.5.1, §7.4")
    void aCloseFramePassesAsItIsWhateverItsCode() throws Exception {
        // Given
        for (byte[] payload : closePayloads()) {
            byte[] up = closeFrame(payload, true);
            byte[] down = closeFrame(payload, false);
            CompletableFuture<byte[]> atBackend = new CompletableFuture<>();
            try (ScriptedBackend backend = tunnel(connection -> {
                        connection.send(down).finish();
                        atBackend.complete(connection.end(WAIT).bytes());
                    });
                    RawClient client = open(backend)) {
                // When
                client.send(up).finish();
                StreamEnd atClient = client.end(WAIT);

                // Then
                assertThat(atClient.bytes()).isEqualTo(down);
                assertThat(atClient.how()).isEqualTo(StreamEnd.How.FIN);
                assertThat(atBackend.get(WAIT.toSeconds(), TimeUnit.SECONDS)).isEqualTo(up);
            }
        }
    }

    /** How a stream ended, and when. */
    private record Heard(StreamEnd end, long atNanos) {
        static Heard on(BackendConnection connection) throws IOException {
            StreamEnd end = connection.end(WAIT);
            return new Heard(end, System.nanoTime());
        }
    }

    /** The middle of some tries, because the machine is shared and may stop for a second. */
    private static void assertWithinASecond(String what, List<Duration> took) {
        Duration middle = took.stream().sorted().toList().get(took.size() / 2);
        System.out.printf("W09: %s after %.1f ms%n", what, middle.toNanos() / 1e6);
        assertThat(middle).as(what).isLessThan(Duration.ofSeconds(1));
    }

    @Test
    @Conformance(value = "W09", rfc = "6455 §7.1.1")
    void aFinOfTheClientIsAHalfClose() throws Exception {
        // Given
        List<Duration> took = new ArrayList<>();
        for (int i = 0; i < TRIES; i++) {
            CompletableFuture<Heard> atBackend = new CompletableFuture<>();
            try (ScriptedBackend backend = tunnel(connection -> {
                        atBackend.complete(Heard.on(connection));
                        connection.send("still here").finish();
                    });
                    RawClient client = open(backend)) {
                // When
                long began = System.nanoTime();
                client.send("bye").finish();
                Heard heard = atBackend.get(WAIT.toSeconds(), TimeUnit.SECONDS);
                StreamEnd end = client.end(WAIT);
                took.add(Duration.ofNanos(heard.atNanos() - began));

                // Then
                assertThat(heard.end().text()).isEqualTo("bye");
                assertThat(heard.end().how()).isEqualTo(StreamEnd.How.FIN);
                assertThat(end.text()).isEqualTo("still here");
                assertThat(end.how()).isEqualTo(StreamEnd.How.FIN);
            }
        }
        assertWithinASecond("the client's FIN at the backend", took);
    }

    @Test
    @Conformance(value = "W09", rfc = "6455 §7.1.1")
    void aFinOfTheBackendIsAHalfClose() throws Exception {
        // Given
        List<Duration> took = new ArrayList<>();
        for (int i = 0; i < TRIES; i++) {
            CompletableFuture<Long> began = new CompletableFuture<>();
            CompletableFuture<Heard> atBackend = new CompletableFuture<>();
            try (ScriptedBackend backend = tunnel(connection -> {
                        connection.pause(10);
                        began.complete(System.nanoTime());
                        connection.send("bye").finish();
                        atBackend.complete(Heard.on(connection));
                    });
                    RawClient client = open(backend)) {
                // When
                StreamEnd end = client.end(WAIT);
                took.add(Duration.ofNanos(System.nanoTime() - began.get()));
                client.send("still here").finish();

                // Then
                assertThat(end.text()).isEqualTo("bye");
                assertThat(end.how()).isEqualTo(StreamEnd.How.FIN);
                assertThat(atBackend
                                .get(WAIT.toSeconds(), TimeUnit.SECONDS)
                                .end()
                                .text())
                        .isEqualTo("still here");
            }
        }
        assertWithinASecond("the backend's FIN at the client", took);
    }

    @Test
    @Conformance(value = "W09", rfc = "6455 §7.1.1")
    void aFinOfTheBackendIsAHalfCloseBehindItsBufferedBytes() throws Exception {
        // Given
        byte[] megabyte = new byte[1 << 20];
        new Random(7).nextBytes(megabyte);
        CompletableFuture<String> atBackend = new CompletableFuture<>();
        try (ScriptedBackend backend = tunnel(connection -> {
            connection.send(megabyte).finish();
            atBackend.complete(new String(connection.bytes(5), StandardCharsets.ISO_8859_1));
        })) {
            rig.serve(backend);
            try (RawClient client = RawClient.withWindow(rig.httpPort(), 4096)) {
                client.send(Handshake.request("/")).response();
                Thread.sleep(100);

                // When
                StreamEnd end = client.end(Duration.ofSeconds(10));
                client.send("reply");

                // Then
                assertThat(end.bytes()).isEqualTo(megabyte);
                assertThat(end.how()).isEqualTo(StreamEnd.How.FIN);
                assertThat(atBackend.get(5, TimeUnit.SECONDS)).isEqualTo("reply");
            }
        }
    }

    @Test
    @Conformance(value = "W09", rfc = "6455 §7.1.1")
    void aResetOfTheClientAbortsTheBackend() throws Exception {
        // Given
        List<Duration> took = new ArrayList<>();
        for (int i = 0; i < TRIES; i++) {
            CompletableFuture<Heard> atBackend = new CompletableFuture<>();
            try (ScriptedBackend backend = tunnel(connection -> atBackend.complete(Heard.on(connection)));
                    RawClient client = open(backend)) {
                // When
                long began = System.nanoTime();
                client.reset();
                Heard heard = atBackend.get(WAIT.toSeconds(), TimeUnit.SECONDS);
                took.add(Duration.ofNanos(heard.atNanos() - began));

                // Then
                assertThat(heard.end().how()).isEqualTo(StreamEnd.How.RESET);
            }
        }
        assertWithinASecond("the client's reset at the backend", took);
    }

    @Test
    @Conformance(value = "W09", rfc = "6455 §7.1.1")
    void aResetOfTheBackendAbortsTheClient() throws Exception {
        // Given
        List<Duration> took = new ArrayList<>();
        for (int i = 0; i < TRIES; i++) {
            CompletableFuture<Long> began = new CompletableFuture<>();
            try (ScriptedBackend backend = tunnel(connection -> {
                        connection.send("x").pause(50);
                        began.complete(System.nanoTime());
                        connection.reset();
                    });
                    RawClient client = open(backend)) {
                // When
                StreamEnd end = client.end(WAIT);
                took.add(Duration.ofNanos(System.nanoTime() - began.get()));

                // Then
                assertThat(end.how()).isEqualTo(StreamEnd.How.RESET);
            }
        }
        assertWithinASecond("the backend's reset at the client", took);
    }

    @Test
    @Conformance(value = "W10", rfc = "6455 §4.1")
    void theConnectionOfATunnelServesNobodyElse() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.playing(connection -> {
            SeenRequest request;
            while ((request = connection.next()) != null) {
                connection.send(
                        request.head().has("Upgrade") ? Handshake.accept(request) : ScriptedBackend.echoOf(request));
            }
        })) {
            for (int i = 0; i < 5; i++) {
                // When
                try (RawClient client = open(backend)) {
                    client.finish();
                    client.end(Duration.ofMillis(500));
                }
                rig.ask("GET /plain HTTP/1.1\r\nHost: app.test\r\n\r\n");
            }

            // Then
            List<Integer> tunnels = backend.requests().stream()
                    .filter(request -> request.head().has("Upgrade"))
                    .map(SeenRequest::connection)
                    .toList();
            assertThat(tunnels).hasSize(5).doesNotHaveDuplicates();
            assertThat(backend.requests())
                    .filteredOn(request -> request.target().equals("/plain"))
                    .extracting(SeenRequest::connection)
                    .doesNotContainAnyElementsOf(tunnels);
        }
    }
}
