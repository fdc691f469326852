package dev.holdfast.dataplane.conformance.rig;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A backend on loopback that plays a script on each connection and records everything it hears. */
public final class ScriptedBackend implements AutoCloseable {
    /** What happens on one connection. */
    @FunctionalInterface
    public interface Script {
        /** Plays; what the peer sends after the return is still recorded, unless the script closed the connection. */
        void play(BackendConnection connection) throws IOException;
    }

    private static final Duration SETTLE = Duration.ofSeconds(5);

    private final ServerSocket listener;
    private final Script script;
    private final List<BackendConnection> connections = new CopyOnWriteArrayList<>();
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final List<SeenRequest> requests = new CopyOnWriteArrayList<>();
    private final List<String> malformed = new CopyOnWriteArrayList<>();

    private ScriptedBackend(Script script) throws IOException {
        this.script = script;
        this.listener = new ServerSocket(0, 512, InetAddress.getByName("127.0.0.1"));
    }

    /** Starts on a free port. */
    public static ScriptedBackend playing(Script script) throws IOException {
        ScriptedBackend backend = new ScriptedBackend(script);
        Thread.ofVirtual().name("backend").start(backend::accept);
        return backend;
    }

    /** Answers every request with the same bytes. */
    public static ScriptedBackend answering(String response) throws IOException {
        return answering(request -> response);
    }

    /** Answers every complete request with bytes made of it. */
    public static ScriptedBackend answering(Function<SeenRequest, String> response) throws IOException {
        return playing(connection -> {
            SeenRequest request;
            while ((request = connection.next()) != null && request.complete()) {
                connection.send(response.apply(request));
            }
        });
    }

    /** Answers every request 200 with its method and target in the body. */
    public static ScriptedBackend echo() throws IOException {
        return answering(ScriptedBackend::echoOf);
    }

    /** A 200 that names the method and the target in its body. */
    public static String echoOf(SeenRequest request) {
        String text = request.method() + " " + request.target();
        return "HTTP/1.1 200 OK\r\nContent-Length: " + text.length() + "\r\n\r\n"
                + (request.method().equals("HEAD") ? "" : text);
    }

    /** The port on loopback. */
    public int port() {
        return listener.getLocalPort();
    }

    /** Every connection so far. */
    public List<BackendConnection> connections() {
        return connections;
    }

    /** Every request so far. */
    public List<SeenRequest> requests() {
        return requests;
    }

    /** The only request so far; waits for it. */
    public SeenRequest onlyRequest() {
        await(() -> !requests.isEmpty());
        if (requests.size() != 1) {
            throw new AssertionError("requests at the backend: " + requests.size() + " (expected: 1)");
        }
        return requests.getFirst();
    }

    /** What came that was no message. */
    public List<String> malformed() {
        return malformed;
    }

    /** Every byte that came on any connection, a character per byte. */
    public String received() {
        StringBuilder all = new StringBuilder();
        connections.forEach(connection -> all.append(new String(connection.received(), StandardCharsets.ISO_8859_1)));
        return all.toString();
    }

    /** Waits up to 5 s until something holds, and tells whether it does. */
    public static boolean await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + SETTLE.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                return false;
            }
            RawClient.pause(2);
        }
        return true;
    }

    @Override
    public void close() throws IOException {
        listener.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }

    private void accept() {
        while (!listener.isClosed()) {
            Socket socket = next();
            if (socket != null) {
                sockets.add(socket);
                try {
                    BackendConnection connection = new BackendConnection(connections.size(), socket, requests::add);
                    connections.add(connection);
                    Thread.ofVirtual().name("backend-connection").start(() -> serve(connection, socket));
                } catch (IOException e) {
                    malformed.add("accept: " + e);
                }
            }
        }
    }

    private @Nullable Socket next() {
        try {
            return listener.accept();
        } catch (IOException closed) {
            return null;
        }
    }

    private void serve(BackendConnection connection, Socket socket) {
        try (socket) {
            play(connection, socket);
        } catch (IOException e) {
            // The proxy ended the connection: what it sent before is recorded.
        }
    }

    /** Records what is malformed before the connection ends, so that who sees the end finds it recorded. */
    private void play(BackendConnection connection, Socket socket) throws IOException {
        try {
            script.play(connection);
            if (!socket.isClosed()) {
                connection.end(Duration.ofMinutes(1));
            }
        } catch (MalformedMessage e) {
            malformed.add(String.valueOf(e.getMessage()));
        }
    }
}
