package dev.holdfast.dataplane.sync;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * An event stream as bytes. A naive reading of the whole (WHATWG HTML §9.2.6) says which events it has and whether one
 * is too large; the reader must say the same, wherever chunks end.
 */
public final class SseReaderFuzz {
    private static final int EVENT_BYTES_MAX = 96;

    private SseReaderFuzz() {}

    /** One run. */
    public static void fuzzerTestOneInput(byte[] input) {
        Expected expected = Expected.of(new String(input, StandardCharsets.ISO_8859_1));
        SplittableRandom random = new SplittableRandom(Arrays.hashCode(input));
        for (int pieceBytesMax : new int[] {1, 16, Integer.MAX_VALUE}) {
            List<String> events = new ArrayList<>();
            SseReader reader = new SseReader(EVENT_BYTES_MAX);
            boolean tooLarge = false;
            try {
                for (int at = 0; at < input.length; ) {
                    int length = Math.min(input.length - at, 1 + random.nextInt(pieceBytesMax));
                    length = pieceBytesMax == Integer.MAX_VALUE ? input.length : length;
                    reader.read(ByteBuffer.wrap(input, at, length), event -> events.add(show(event)));
                    at += length;
                }
            } catch (ProtocolException e) {
                tooLarge = true;
            }
            assertThat(events).as("pieces of %d", pieceBytesMax).isEqualTo(expected.events);
            assertThat(tooLarge).as("too large").isEqualTo(expected.tooLarge);
            if (!tooLarge) {
                assertThat(reader.isInsideEvent()).as("inside an event").isEqualTo(expected.inside);
            }
        }
    }

    private static String show(SseReader.Event event) {
        return event.type() + " " + event.id() + " " + new String(bytes(event), StandardCharsets.ISO_8859_1);
    }

    static byte[] bytes(SseReader.Event event) {
        try (InputStream data = event.data().read()) {
            return data.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private record Expected(List<String> events, boolean tooLarge, boolean inside) {
        static Expected of(String text) {
            List<String> events = new ArrayList<>();
            String id = null;
            String type = "message";
            String data = null;
            String[] lines = text.replace("\r\n", "\n").replace('\r', '\n').split("\n", -1);
            for (int i = 0; i < lines.length; i++) {
                String line = lines[i];
                if ((data == null ? 0 : data.length()) + line.length() > EVENT_BYTES_MAX && !line.isEmpty()) {
                    return new Expected(events, true, true);
                }
                if (i == lines.length - 1) {
                    return new Expected(events, false, !line.isEmpty() || data != null || id != null);
                }
                int colon = line.indexOf(':');
                String name = colon < 0 ? line : line.substring(0, colon);
                String value = colon < 0 ? "" : line.substring(colon + 1).replaceFirst("^ ", "");
                if (line.isEmpty()) {
                    if (data != null) {
                        events.add(type + " " + id + " " + data);
                    }
                    id = null;
                    type = "message";
                    data = null;
                } else if (name.equals("data")) {
                    data = data == null ? value : data + "\n" + value;
                } else if (name.equals("id")) {
                    id = utf8(value);
                } else if (name.equals("event")) {
                    type = utf8(value);
                }
            }
            throw new AssertionError("the last line has no end");
        }

        private static String utf8(String octets) {
            return new String(octets.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
        }
    }
}
