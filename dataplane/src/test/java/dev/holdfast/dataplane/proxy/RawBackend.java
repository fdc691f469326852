package dev.holdfast.dataplane.proxy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A backend that answers from a script and records, byte for byte, what it is sent. */
final class RawBackend implements AutoCloseable {
    /** Answers one request on an open connection; closes the socket to end it. */
    interface Script {
        void answer(String request, Socket socket) throws IOException;
    }

    private final ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    final List<String> requests = new CopyOnWriteArrayList<>();
    final AtomicInteger connections = new AtomicInteger();
    private volatile Script script;
    private volatile @Nullable CountDownLatch endAfterHead;

    RawBackend(Script script) throws IOException {
        this.script = script;
        Thread.ofVirtual().start(this::accept);
    }

    static RawBackend answering(String response) throws IOException {
        return new RawBackend((request, socket) -> write(socket, response));
    }

    void script(Script next) {
        script = next;
    }

    /** The next request is cut behind its head, and its connection ended. */
    void endAfterNextHead(CountDownLatch ended) {
        endAfterHead = ended;
    }

    /** Connections that the proxy has not ended. */
    long open() {
        return sockets.size();
    }

    int port() {
        return server.getLocalPort();
    }

    static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
        socket.getOutputStream().flush();
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket socket = server.accept();
                connections.incrementAndGet();
                sockets.add(socket);
                Thread.ofVirtual().start(() -> serve(socket));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void serve(Socket socket) {
        try {
            InputStream in = socket.getInputStream();
            String request = read(in);
            while (request != null) {
                requests.add(request);
                script.answer(request, socket);
                request = socket.isClosed() ? null : read(in);
            }
            CountDownLatch ended = endAfterHead;
            endAfterHead = null;
            socket.close();
            sockets.remove(socket);
            if (ended != null) {
                ended.countDown();
            }
        } catch (IOException e) {
            // The proxy ended the connection, as some stories want.
            sockets.remove(socket);
        }
    }

    private @Nullable String read(InputStream in) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        String head = "";
        while (!head.endsWith("\r\n\r\n")) {
            int octet = in.read();
            if (octet < 0) {
                return null;
            }
            bytes.write(octet);
            head = octet == '\n' ? bytes.toString(StandardCharsets.ISO_8859_1) : "";
        }
        if (endAfterHead != null) {
            return null;
        }
        String fields = head.toLowerCase(Locale.ROOT);
        int at = fields.indexOf("\r\ncontent-length: ");
        if (at >= 0) {
            int length = Integer.parseInt(fields.substring(at + 18, fields.indexOf("\r\n", at + 2)));
            bytes.write(in.readNBytes(length));
        } else if (fields.contains("\r\ntransfer-encoding: chunked")) {
            while (!bytes.toString(StandardCharsets.ISO_8859_1).matches("(?s).*\r\n0\r\n(.*\r\n)?\r\n")) {
                int octet = in.read();
                if (octet < 0) {
                    return null;
                }
                bytes.write(octet);
            }
        }
        return bytes.toString(StandardCharsets.ISO_8859_1);
    }

    @Override
    public void close() {
        try {
            server.close();
            for (Socket socket : sockets) {
                socket.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
