package dev.holdfast.dataplane.sync;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SseReaderTest {
    private static final String STREAM = ": comment\n\nid: 1-a\nevent: full\ndata: {\"x\":\"é\"}\n\n"
            + "id:2-b\nretry: 5\nevent:delta\ndata:one\ndata: two\n\n:\n\nid: 3\n\ndata\n\nevent: cut\ndata: never\n";

    private static final List<String> EVENTS = List.of("1-a|full|{\"x\":\"é\"}", "2-b|delta|one\ntwo", "null|message|");

    @ParameterizedTest
    @ValueSource(strings = {"\n", "\r\n", "\r"})
    void eventsAreReadWhateverEndsTheirLines(String ending) throws Exception {
        // Given
        byte[] stream = STREAM.replace("\n", ending).getBytes(UTF_8);

        // When
        List<String> whole = read(stream, stream.length);
        List<String> byByte = read(stream, 1);

        // Then
        assertThat(whole).isEqualTo(EVENTS);
        assertThat(byByte).isEqualTo(EVENTS);
    }

    @Test
    void chunksMayEndAnywhere() throws Exception {
        // Given
        byte[] stream = STREAM.replace("\n", "\r\n").getBytes(UTF_8);
        long seed = new Random().nextLong();
        Random random = new Random(seed);

        for (int run = 0; run < 500; run++) {
            // When
            List<String> events = read(stream, 1 + random.nextInt(20));

            // Then
            assertThat(events).as("seed " + seed).isEqualTo(EVENTS);
        }
    }

    @Test
    void anEventBeyondItsBoundIsRefused() {
        assertThatThrownBy(() -> read("data: 0123456789\n\n".getBytes(UTF_8), 4, 15))
                .isInstanceOf(ProtocolException.class);
        assertThatThrownBy(() -> read("data:0123456\ndata:0123456\n\n".getBytes(UTF_8), 100, 15))
                .isInstanceOf(ProtocolException.class);
        assertThatThrownBy(() -> read("x".repeat(100).getBytes(UTF_8), 3, 15)).isInstanceOf(ProtocolException.class);
    }

    @Test
    void anEventWithinItsBoundIsRead() throws Exception {
        assertThat(read("data:0123456789\n\ndata:0123456789\n\n".getBytes(UTF_8), 7, 15))
                .hasSize(2);
    }

    @Test
    void dataOfSeveralPiecesIsWhole() throws Exception {
        // Given
        Random random = new Random(1);
        StringBuilder text = new StringBuilder();
        while (text.length() < 5_000_000) {
            text.append(random.nextLong());
        }
        byte[] stream = ("id: 1-a\ndata: " + text + "\ndata: end\n\n").getBytes(UTF_8);

        // When
        List<String> events = read(stream, 100_003, 6_000_000);

        // Then
        assertThat(events).containsExactly("1-a|message|" + text + "\nend");
    }

    private static List<String> read(byte[] stream, int chunkBytes) throws ProtocolException {
        return read(stream, chunkBytes, 1_000);
    }

    private static List<String> read(byte[] stream, int chunkBytes, int eventBytesMax) throws ProtocolException {
        SseReader reader = new SseReader(eventBytesMax);
        List<String> events = new ArrayList<>();
        for (int from = 0; from < stream.length; from += chunkBytes) {
            byte[] chunk = Arrays.copyOfRange(stream, from, Math.min(stream.length, from + chunkBytes));
            reader.read(
                    ByteBuffer.wrap(chunk),
                    event -> events.add(
                            event.id() + "|" + event.type() + "|" + new String(SseReaderFuzz.bytes(event), UTF_8)));
        }
        return events;
    }
}
