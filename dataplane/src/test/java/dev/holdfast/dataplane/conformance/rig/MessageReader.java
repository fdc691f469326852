package dev.holdfast.dataplane.conformance.rig;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads HTTP/1.1 messages strictly: what a careful peer would take for malformed is an error. */
final class MessageReader {
    private static final int LINE_BYTES_MAX = 1 << 18;

    private final InputStream in;

    MessageReader(InputStream in) {
        this.in = in;
    }

    /** How a body is delimited. */
    enum Framing {
        NONE,
        LENGTH,
        CHUNKED,
        CLOSE
    }

    /** A body as far as it came. */
    record Body(byte[] bytes, List<Head.Field> trailers, boolean complete) {}

    /** The next head, or null if the stream ends before its first byte. */
    @Nullable
    Head head() throws IOException {
        StringBuilder text = new StringBuilder();
        while (true) {
            String line = line(text.isEmpty());
            if (line == null) {
                return null;
            }
            if (line.isEmpty()) {
                return Head.parse(text.toString());
            }
            text.append(text.isEmpty() ? "" : "\r\n").append(line);
        }
    }

    Body body(Head head, Framing framing) throws IOException {
        return switch (framing) {
            case NONE -> new Body(new byte[0], List.of(), true);
            case LENGTH -> {
                long length = length(head);
                byte[] bytes = read(length);
                yield new Body(bytes, List.of(), bytes.length == length);
            }
            case CHUNKED -> chunked();
            case CLOSE -> {
                ByteArrayOutputStream bytes = new ByteArrayOutputStream();
                boolean complete = true;
                try {
                    in.transferTo(bytes);
                } catch (IOException e) {
                    complete = false;
                }
                yield new Body(bytes.toByteArray(), List.of(), complete);
            }
        };
    }

    static Framing requestFraming(Head head) throws MalformedMessage {
        return declared(head, Framing.NONE);
    }

    static Framing responseFraming(Head head, String method) throws MalformedMessage {
        int status = Integer.parseInt(head.word(1));
        Framing declared = declared(head, Framing.CLOSE);
        return method.equals("HEAD") || status < 200 || status == 204 || status == 304 ? Framing.NONE : declared;
    }

    private static Framing declared(Head head, Framing otherwise) throws MalformedMessage {
        List<String> codings = head.values("Transfer-Encoding");
        List<String> lengths = head.values("Content-Length");
        if (!codings.isEmpty() && !lengths.isEmpty() || codings.size() > 1 || lengths.size() > 1) {
            throw new MalformedMessage("framing " + codings + " and " + lengths);
        }
        if (!codings.isEmpty()) {
            if (!codings.getFirst().equals("chunked")) {
                throw new MalformedMessage("Transfer-Encoding " + codings);
            }
            return Framing.CHUNKED;
        }
        return lengths.isEmpty() ? otherwise : Framing.LENGTH;
    }

    private static long length(Head head) throws MalformedMessage {
        String value = head.values("Content-Length").getFirst();
        if (!value.matches("[0-9]{1,18}")) {
            throw new MalformedMessage("Content-Length " + value);
        }
        return Long.parseLong(value);
    }

    private Body chunked() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            while (true) {
                String line = line(false);
                if (line == null || !line.matches("[0-9A-Fa-f]{1,16}")) {
                    throw new MalformedMessage("chunk line \"" + line + "\"");
                }
                int length = Integer.parseInt(line, 16);
                if (length == 0) {
                    return new Body(bytes.toByteArray(), trailers(), true);
                }
                byte[] chunk = read(length);
                bytes.writeBytes(chunk);
                if (chunk.length < length) {
                    return new Body(bytes.toByteArray(), List.of(), false);
                }
                if (in.read() != '\r' || in.read() != '\n') {
                    throw new MalformedMessage("chunk without CRLF");
                }
            }
        } catch (MalformedMessage e) {
            throw e;
        } catch (IOException e) {
            return new Body(bytes.toByteArray(), List.of(), false);
        }
    }

    private List<Head.Field> trailers() throws IOException {
        StringBuilder text = new StringBuilder();
        for (String line = line(false); line != null && !line.isEmpty(); line = line(false)) {
            text.append("\r\n").append(line);
        }
        return Head.parse(text.toString()).fields();
    }

    private byte[] read(long length) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            while (bytes.size() < length) {
                int b = in.read();
                if (b < 0) {
                    break;
                }
                bytes.write(b);
            }
        } catch (IOException e) {
            // A reset: what came before it is what there is.
            return bytes.toByteArray();
        }
        return bytes.toByteArray();
    }

    private @Nullable String line(boolean mayEnd) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        while (bytes.size() < LINE_BYTES_MAX) {
            int b = in.read();
            if (b < 0) {
                if (mayEnd && bytes.size() == 0) {
                    return null;
                }
                throw new EOFException(
                        "the stream ended inside a head: \"" + bytes.toString(StandardCharsets.ISO_8859_1) + "\"");
            }
            if (b == '\n') {
                throw new MalformedMessage("bare LF after \"" + bytes.toString(StandardCharsets.ISO_8859_1) + "\"");
            }
            if (b == '\r') {
                if (in.read() != '\n') {
                    throw new MalformedMessage("bare CR");
                }
                return bytes.toString(StandardCharsets.ISO_8859_1);
            }
            bytes.write(b);
        }
        throw new MalformedMessage("endless line");
    }
}
