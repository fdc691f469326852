package dev.holdfast.dataplane.proxy;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;

/** A backend that decides between the head and the body of a request. */
final class SlowBackend implements AutoCloseable {
    private static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

    private interface Script {
        void serve(InputStream in, OutputStream out) throws IOException, InterruptedException;
    }

    private final ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final Script script;

    private SlowBackend(Script script) throws IOException {
        this.script = script;
        Thread.ofVirtual().start(this::accept);
    }

    /** Reads a body of {@code total} bytes once it may. */
    SlowBackend(CountDownLatch mayRead, AtomicLong received, long total) throws IOException {
        this((in, out) -> {
            head(in);
            mayRead.await();
            byte[] block = new byte[64 << 10];
            while (received.get() < total) {
                int read = in.read(block);
                if (read < 0) {
                    return;
                }
                received.addAndGet(read);
            }
            write(out, OK);
        });
    }

    /** Asks for a body of five bytes, then answers. */
    static SlowBackend continuing() throws IOException {
        return new SlowBackend((in, out) -> {
            if (head(in).toLowerCase(java.util.Locale.ROOT).contains("expect: 100-continue")) {
                write(out, "HTTP/1.1 100 Continue\r\n\r\n");
            }
            in.readNBytes(5);
            write(out, OK);
        });
    }

    /** Begins its answer with the head, and ends it behind a body of {@code total} bytes. */
    static SlowBackend echoingAtTheEnd(int total) throws IOException {
        return new SlowBackend((in, out) -> {
            head(in);
            write(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            int read = in.readNBytes(total).length;
            write(out, "5\r\n" + "%05d".formatted(read) + "\r\n0\r\n\r\n");
        });
    }

    /** Answers with a body that goes on for ever, whatever arrives meanwhile. */
    static SlowBackend flooding() throws IOException {
        return new SlowBackend((in, out) -> {
            head(in);
            write(out, "HTTP/1.1 200 OK\r\nContent-Length: " + (1L << 40) + "\r\n\r\n");
            byte[] block = new byte[64 << 10];
            while (true) {
                out.write(block);
            }
        });
    }

    /** Answers before the body has arrived. */
    static SlowBackend early() throws IOException {
        return new SlowBackend((in, out) -> {
            head(in);
            write(out, OK);
            in.readAllBytes();
        });
    }

    int port() {
        return server.getLocalPort();
    }

    private static String head(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int octet = in.read();
            if (octet < 0) {
                throw new IOException("no request");
            }
            head.append((char) octet);
        }
        return head.toString();
    }

    private static void write(OutputStream out, String text) throws IOException {
        out.write(text.getBytes(StandardCharsets.ISO_8859_1));
        out.flush();
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket socket = server.accept();
                Thread.ofVirtual().start(() -> serve(socket));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            script.serve(socket.getInputStream(), socket.getOutputStream());
        } catch (IOException e) {
            // The proxy ended the connection, as some stories want.
            return;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
