package dev.holdfast.dataplane.sync;

import java.io.ByteArrayOutputStream;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads {@code text/event-stream} (WHATWG HTML §9.2.6) from chunks that end anywhere. Holds at most one event of a
 * bounded size. An event that the stream's end cuts off is never delivered. Comments and fields other than {@code id},
 * {@code event} and {@code data} are skipped.
 */
final class SseReader {
    /** One event; {@code id} is that of this event alone. */
    record Event(@Nullable String id, String type, EventData data) {}

    /** What a line is known to be. */
    private enum Field {
        /** Its name has not ended yet. */
        UNNAMED,
        ID,
        EVENT,
        DATA,
        /** A comment, retry, or a field of a later version. */
        OTHER
    }

    /** One character more than the longest name that is known. */
    private static final int NAME_CHARS_MAX = "event".length() + 1;

    private static final byte[] LINE_FEED = {'\n'};

    private final int eventBytesMax;
    private final StringBuilder name = new StringBuilder();
    private final ByteArrayOutputStream text = new ByteArrayOutputStream();
    private Field field = Field.UNNAMED;
    private boolean beforeValue;
    private int lineLength;
    private int heldBefore;
    private boolean afterCarriageReturn;
    private @Nullable String id;
    private String type = "message";
    private @Nullable EventData data;

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
            ByteBuffer part = chunk.slice(chunk.position(), end - chunk.position());
            chunk.position(end);
            append(part);
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

    private void append(ByteBuffer part) throws ProtocolException {
        if (!part.hasRemaining()) {
            return;
        }
        afterCarriageReturn = false;
        if ((long) heldBefore + lineLength + part.remaining() > eventBytesMax) {
            throw new ProtocolException("an event is larger than " + eventBytesMax + " bytes");
        }
        lineLength += part.remaining();
        while (field == Field.UNNAMED && part.hasRemaining()) {
            byte next = part.get();
            if (next == ':') {
                beginValue();
            } else if (name.length() < NAME_CHARS_MAX) {
                name.append((char) (next & 0xFF));
            }
        }
        if (beforeValue && part.hasRemaining()) {
            beforeValue = false;
            if (part.get(part.position()) == ' ') {
                part.get();
            }
        }
        EventData target = data;
        if (field == Field.DATA && target != null) {
            target.add(part);
        } else if (field == Field.ID || field == Field.EVENT) {
            byte[] bytes = new byte[part.remaining()];
            part.get(bytes);
            text.writeBytes(bytes);
        }
    }

    private void beginValue() {
        field = switch (name.toString()) {
            case "id" -> Field.ID;
            case "event" -> Field.EVENT;
            case "data" -> Field.DATA;
            default -> Field.OTHER;
        };
        beforeValue = true;
        EventData before = data;
        if (field == Field.DATA && before == null) {
            data = new EventData();
        } else if (field == Field.DATA && before != null) {
            before.add(ByteBuffer.wrap(LINE_FEED));
        }
    }

    private void endLine(Consumer<Event> events) {
        if (lineLength == 0) {
            EventData complete = data;
            data = null;
            if (complete != null) {
                events.accept(new Event(id, type, complete));
            }
            id = null;
            type = "message";
            heldBefore = 0;
            return;
        }
        if (field == Field.UNNAMED) {
            beginValue();
        }
        if (field == Field.ID) {
            id = text.toString(StandardCharsets.UTF_8);
        } else if (field == Field.EVENT) {
            type = text.toString(StandardCharsets.UTF_8);
        }
        text.reset();
        name.setLength(0);
        field = Field.UNNAMED;
        beforeValue = false;
        lineLength = 0;
        heldBefore = data == null ? 0 : data.length();
    }
}
