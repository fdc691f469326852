package dev.holdfast.e2e.overload;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Honest clients that go on all the while: each connects, asks once, opens a tunnel, gets an echo, closes. */
final class Honest implements AutoCloseable {
    private static final byte[] CLOSE = {(byte) 0x88, (byte) 0x82, 0, 0, 0, 0, 0x03, (byte) 0xe8};
    private static final byte[] MESSAGE = {(byte) 0x82, (byte) 0x84, 0, 0, 0, 0, 'h', 'o', 'l', 'd'};

    private final int port;
    private final String host;
    private final Duration pace;
    private final List<Thread> threads = new ArrayList<>();
    private final List<Long> nanos = Collections.synchronizedList(new ArrayList<>());
    private final List<String> failures = Collections.synchronizedList(new ArrayList<>());
    private final AtomicReference<@Nullable String> first = new AtomicReference<>();
    private volatile boolean ending;

    private Honest(int port, String host, Duration pace) {
        this.port = port;
        this.host = host;
        this.pace = pace;
    }

    /** Starts so many, each with a pause between its rounds. */
    static Honest start(int clients, int port, String host, Duration pace) {
        Honest honest = new Honest(port, host, pace);
        for (int i = 0; i < clients; i++) {
            honest.threads.add(Thread.ofVirtual().start(honest::loop));
        }
        return honest;
    }

    private void loop() {
        while (!ending) {
            long began = System.nanoTime();
            try {
                get();
                tunnel();
                nanos.add(System.nanoTime() - began);
            } catch (IOException | RuntimeException e) {
                failures.add(e.toString());
                first.compareAndSet(null, e.toString());
            }
            try {
                Thread.sleep(pace);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private Socket connect() throws IOException {
        Socket socket = new Socket();
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(20_000);
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 20_000);
        return socket;
    }

    private void get() throws IOException {
        try (Socket socket = connect()) {
            write(socket, "GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
            String all = new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
            require(all.startsWith("HTTP/1.1 200"), all);
        }
    }

    private void tunnel() throws IOException {
        try (Socket socket = connect()) {
            write(
                    socket,
                    "GET /echo HTTP/1.1\r\nHost: " + host
                            + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
            DataInputStream in = new DataInputStream(new java.io.BufferedInputStream(socket.getInputStream()));
            String answer = head(in);
            require(answer.startsWith("HTTP/1.1 101"), answer);
            socket.getOutputStream().write(MESSAGE);
            byte[] echo = new byte[6];
            in.readFully(echo);
            require(echo[0] == MESSAGE[0] && echo[2] == 'h' && echo[5] == 'd', "another echo");
            socket.getOutputStream().write(CLOSE);
            require(in.read() == 0x88, "no close frame");
        }
    }

    private static String head(DataInputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int octet = in.read();
            if (octet < 0) {
                throw new EOFException("after \"" + head + "\"");
            }
            head.append((char) octet);
        }
        return head.toString();
    }

    private static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
    }

    private static void require(boolean holds, String otherwise) throws IOException {
        if (!holds) {
            throw new IOException(
                    otherwise.isEmpty()
                            ? "no answer"
                            : otherwise.lines().findFirst().orElse(""));
        }
    }

    /** Rounds that went well. */
    int served() {
        return nanos.size();
    }

    /** Rounds that did not. */
    int failed() {
        return failures.size();
    }

    /** What went wrong first. */
    @Nullable
    String firstFailure() {
        return first.get();
    }

    /** The share of rounds that went well, in percent. */
    double percent() {
        int all = served() + failed();
        return all == 0 ? 0 : 100.0 * served() / all;
    }

    /** A percentile of the time of a round, in milliseconds. */
    double millis(int percentile) {
        synchronized (nanos) {
            List<Long> sorted = nanos.stream().sorted().toList();
            return sorted.isEmpty() ? 0 : sorted.get((sorted.size() - 1) * percentile / 100) / 1e6;
        }
    }

    /** Ends, and waits for the rounds under way. */
    void finish() throws InterruptedException {
        ending = true;
        for (Thread thread : threads) {
            thread.join(Duration.ofSeconds(30));
        }
    }

    @Override
    public void close() {
        ending = true;
    }
}
