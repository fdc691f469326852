package dev.holdfast.dataplane.sync;

import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads {@code text/event-stream} (WHATWG HTML §9.2.6) from chunks that end anywhere. Holds at most one event of a
 * bounded size. An event that the stream's end cuts off is never delivered. Comments and fields other than {@code id},
 * {@code event} and {@code data} are skipped.
 */
final class SseReader {
    /** One event; {@code id} is that of this event alone. */
    @SuppressWarnings("ArrayRecordComponent")
    record Event(@Nullable String id, String type, byte[] data) {}

    private static final int SMALL = 8 << 10;

    private final int eventBytesMax;
    private byte[] line = new byte[SMALL];
    private int lineLength;
    private boolean afterCarriageReturn;
    private @Nullable String id;
    private String type = "message";
    private byte @Nullable [] data;
    private int dataLength;

    SseReader(int eventBytesMax) {
        this.eventBytesMax = eventBytesMax;
    }

    /** Whether an event has begun and not ended. */
    boolean isInsideEvent() {
        return lineLength > 0 || data != null || id != null;
    }

    /**
     * Reads a chunk and delivers the events that end in it.
     *
     * @throws ProtocolException if an event is larger than its bound
     */
    void read(ByteBuffer chunk, Consumer<Event> events) throws ProtocolException {
        while (chunk.hasRemaining()) {
            int end = lineEnd(chunk);
            int length = end - chunk.position();
            append(chunk, length);
            if (chunk.hasRemaining()) {
                byte ending = chunk.get();
                boolean secondHalf = ending == '\n' && afterCarriageReturn && lineLength == 0;
                afterCarriageReturn = ending == '\r';
                if (!secondHalf) {
                    endLine(events);
                }
            }
        }
    }

    private static int lineEnd(ByteBuffer chunk) {
        int end = chunk.position();
        while (end < chunk.limit() && chunk.get(end) != '\n' && chunk.get(end) != '\r') {
            end++;
        }
        return end;
    }

    private void append(ByteBuffer chunk, int length) throws ProtocolException {
        if (length == 0) {
            return;
        }
        afterCarriageReturn = false;
        int held = data == null ? 0 : dataLength;
        if ((long) held + lineLength + length > eventBytesMax) {
            throw new ProtocolException("an event is larger than " + eventBytesMax + " bytes");
        }
        if (line.length - lineLength < length) {
            long grown = Math.max(line.length * 2L, (long) lineLength + length);
            line = Arrays.copyOf(line, (int) Math.min(grown, Math.max(eventBytesMax, lineLength + length)));
        }
        chunk.get(line, lineLength, length);
        lineLength += length;
    }

    private void endLine(Consumer<Event> events) throws ProtocolException {
        if (lineLength == 0) {
            byte[] complete = data;
            if (complete != null) {
                events.accept(new Event(id, type, Arrays.copyOf(complete, dataLength)));
            }
            id = null;
            type = "message";
            data = null;
            return;
        }
        int colon = 0;
        while (colon < lineLength && line[colon] != ':') {
            colon++;
        }
        int value = colon + 1 < lineLength && line[colon + 1] == ' ' ? colon + 2 : Math.min(colon + 1, lineLength);
        if (colon > 0 && colon <= "event".length()) {
            switch (text(0, colon)) {
                case "id" -> id = text(value, lineLength);
                case "event" -> type = text(value, lineLength);
                case "data" -> appendData(value);
                default -> {
                    // A field of a later version, or retry: our own backoff decides.
                }
            }
        }
        lineLength = 0;
        if (line.length > SMALL) {
            line = new byte[SMALL];
        }
    }

    private void appendData(int from) {
        byte[] before = data;
        int length = lineLength - from;
        if (before == null) {
            data = Arrays.copyOfRange(line, from, lineLength);
            dataLength = length;
            return;
        }
        int joinedLength = dataLength + 1 + length;
        byte[] joined = before.length < joinedLength ? Arrays.copyOf(before, joinedLength * 2) : before;
        joined[dataLength] = '\n';
        System.arraycopy(line, from, joined, dataLength + 1, length);
        data = joined;
        dataLength = joinedLength;
    }

    private String text(int from, int to) {
        return new String(line, from, to - from, StandardCharsets.UTF_8);
    }
}
