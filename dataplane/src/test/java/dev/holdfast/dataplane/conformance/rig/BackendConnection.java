package dev.holdfast.dataplane.conformance.rig;

import java.io.ByteArrayOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One connection of a scripted backend. Every byte that is read is recorded. */
public final class BackendConnection {
    private final int number;
    private final Socket socket;
    private final RecordingStream in;
    private final MessageReader reader;
    private final Consumer<SeenRequest> seen;

    BackendConnection(int number, Socket socket, Consumer<SeenRequest> seen) throws IOException {
        this.number = number;
        this.socket = socket;
        this.seen = seen;
        socket.setTcpNoDelay(true);
        this.in = new RecordingStream(socket.getInputStream());
        this.reader = new MessageReader(in);
    }

    /** Counted from 0. */
    public int number() {
        return number;
    }

    /** The next request with its body, recorded; null when the stream ends before one. */
    public @Nullable SeenRequest next() throws IOException {
        Head head = nextHead();
        return head == null ? null : body(head);
    }

    /** The next head, whose body is still to be read with {@link #body}; null when the stream ends before one. */
    public @Nullable Head nextHead() throws IOException {
        return reader.head();
    }

    /** Reads the body of a head and records the request. */
    public SeenRequest body(Head head) throws IOException {
        MessageReader.Body body = reader.body(head, MessageReader.requestFraming(head));
        SeenRequest request = new SeenRequest(number, head, body.bytes(), body.trailers(), body.complete());
        seen.accept(request);
        return request;
    }

    /** The next request, which must come. */
    public SeenRequest require() throws IOException {
        return Objects.requireNonNull(next(), "the proxy ended the connection before a request");
    }

    /** Sends in one write, a byte per character. */
    public BackendConnection send(String text) throws IOException {
        return send(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    /** Sends in one write. */
    public BackendConnection send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
        socket.getOutputStream().flush();
        return this;
    }

    /** Sends in two writes that are usually read apart. */
    public BackendConnection sendSplit(String text, int at) throws IOException {
        send(text.substring(0, at));
        RawClient.pause(1);
        return send(text.substring(at));
    }

    /** Sends every byte in a write of its own. */
    public BackendConnection sendEachByte(String text) throws IOException {
        for (int i = 0; i < text.length(); i++) {
            send(text.substring(i, i + 1));
            if (i % 8 == 0) {
                RawClient.pause(1);
            }
        }
        return this;
    }

    /** Exactly that many bytes; fewer when the stream ends. */
    public byte[] bytes(int count) throws IOException {
        return in.readNBytes(count);
    }

    /** Reads until the stream ends, at most so long. */
    public StreamEnd end(Duration wait) throws IOException {
        return RawClient.end(socket, in, wait);
    }

    /** Waits. */
    public BackendConnection pause(long millis) {
        RawClient.pause(millis);
        return this;
    }

    /** Ends the sending side. */
    public void finish() throws IOException {
        socket.shutdownOutput();
    }

    /** Closes with a reset. */
    public void reset() throws IOException {
        socket.setSoLinger(true, 0);
        socket.close();
    }

    /** Closes. */
    public void close() throws IOException {
        socket.close();
    }

    /** Everything that came so far. */
    public byte[] received() {
        return in.recorded();
    }

    private static final class RecordingStream extends FilterInputStream {
        private final ByteArrayOutputStream record = new ByteArrayOutputStream();

        RecordingStream(InputStream in) {
            super(in);
        }

        synchronized byte[] recorded() {
            return record.toByteArray();
        }

        @Override
        public int read() throws IOException {
            int b = super.read();
            if (b >= 0) {
                synchronized (this) {
                    record.write(b);
                }
            }
            return b;
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            int count = super.read(buffer, offset, length);
            if (count > 0) {
                synchronized (this) {
                    record.write(buffer, offset, count);
                }
            }
            return count;
        }
    }
}
