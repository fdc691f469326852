package dev.holdfast.dataplane.sync;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.holdfast.routetable.update.ApplyReport;
import dev.holdfast.routetable.update.TableUpdate;
import dev.holdfast.routetable.wire.WireCodec;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** An operator that does whatever a test says: hands out each stream as a socket, collects reports. */
final class ScriptedOperator implements AutoCloseable {
    /** One stream that a data plane opened; the test writes what it likes. */
    record Stream(Map<String, String> fields, Socket socket) implements AutoCloseable {
        @Nullable
        String lastEventId() {
            return fields.get("last-event-id");
        }

        Stream accept() throws IOException {
            return write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
        }

        /** Says when the operator began to count. */
        Stream accept(long epoch) throws IOException {
            return write(head(epoch));
        }

        Stream write(String text) throws IOException {
            return write(text.getBytes(UTF_8));
        }

        Stream write(byte[] bytes) throws IOException {
            OutputStream out = socket.getOutputStream();
            out.write(bytes);
            out.flush();
            return this;
        }

        Stream send(TableUpdate update) throws IOException {
            return write(event(update));
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    private final ServerSocket server;
    private final BlockingQueue<Stream> streams = new LinkedBlockingQueue<>();
    private final BlockingQueue<ApplyReport> reports = new LinkedBlockingQueue<>();
    private final Queue<Socket> sockets = new ConcurrentLinkedQueue<>();
    private volatile String lastPlace = "";
    private volatile String reportAnswer = "204 No Content";

    ScriptedOperator() throws IOException {
        this(0);
    }

    ScriptedOperator(int port) throws IOException {
        server = new ServerSocket(port, 50, InetAddress.getLoopbackAddress());
        Thread.startVirtualThread(this::acceptAll);
    }

    static String head(long epoch) {
        return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\nHoldfast-Epoch: " + epoch
                + "\r\n\r\n";
    }

    static byte[] event(TableUpdate update) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(("id: " + update.version() + "\nevent: any\ndata: ").getBytes(US_ASCII));
        out.writeBytes(WireCodec.encode(update));
        out.writeBytes("\n\n".getBytes(US_ASCII));
        return out.toByteArray();
    }

    /** From now on every report is answered with that status line's end. */
    void answerReports(String status) {
        reportAnswer = status;
    }

    int port() {
        return server.getLocalPort();
    }

    URI uri() {
        return URI.create("http://127.0.0.1:" + port());
    }

    /** The next stream that is opened. */
    Stream stream() throws InterruptedException {
        Stream stream = streams.poll(20, TimeUnit.SECONDS);
        if (stream == null) {
            throw new AssertionError("no stream was opened");
        }
        return stream;
    }

    /** A stream that is open already. */
    Optional<Stream> streamNow() {
        return Optional.ofNullable(streams.poll());
    }

    /** Where the last report said that the stream is; empty for here. */
    String lastPlace() {
        return lastPlace;
    }

    /** The next report. */
    ApplyReport report() throws InterruptedException {
        ApplyReport report = reports.poll(20, TimeUnit.SECONDS);
        if (report == null) {
            throw new AssertionError("no report came");
        }
        return report;
    }

    private void acceptAll() {
        try {
            while (true) {
                Socket socket = server.accept();
                sockets.add(socket);
                Thread.startVirtualThread(() -> serve(socket));
            }
        } catch (IOException e) {
            // The test is over.
        }
    }

    private void serve(Socket socket) {
        try {
            InputStream in = socket.getInputStream();
            for (String line = line(in); !line.isEmpty(); line = line(in)) {
                Map<String, String> fields = new TreeMap<>();
                for (String field = line(in); !field.isEmpty(); field = line(in)) {
                    int colon = field.indexOf(':');
                    fields.put(
                            field.substring(0, colon).toLowerCase(java.util.Locale.ROOT),
                            field.substring(colon + 1).strip());
                }
                if (line.startsWith("GET /v1/tables ")) {
                    streams.add(new Stream(fields, socket));
                    return;
                }
                lastPlace = fields.getOrDefault("holdfast-stream", "");
                int length = Integer.parseInt(fields.getOrDefault("content-length", "0"));
                reports.add(WireCodec.decodeReport(in.readNBytes(length)));
                socket.getOutputStream().write(("HTTP/1.1 " + reportAnswer + "\r\n\r\n").getBytes(US_ASCII));
            }
        } catch (Exception e) {
            // The data plane went away, or the test is over.
        }
    }

    private static String line(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c >= 0 && c != '\n'; c = in.read()) {
            if (c != '\r') {
                line.append((char) c);
            }
        }
        return line.toString();
    }

    @Override
    public void close() throws IOException {
        server.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
