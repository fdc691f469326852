package dev.holdfast.dataplane.conformance;

import dev.holdfast.dataplane.conformance.rig.Front;
import dev.holdfast.dataplane.conformance.rig.Handshake;
import dev.holdfast.dataplane.conformance.rig.RawClient;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A front with a mistake that real ones made, so that an oracle can show that it would notice. */
final class NaiveFront implements Front, AutoCloseable {
    /** The mistake. */
    enum Mistake {
        /** Bytes pass as they are from the first one on: a tunnel before the 101, both framings of one request. */
        RELAYS_EVERYTHING,
        /** Whatever answer mentions the upgrade is taken for one (CVE-2024-23326: a 200). */
        TAKES_ANY_ANSWER_FOR_AN_UPGRADE,
        /** All clients share one backend connection; only Content-Length frames. */
        SHARES_ONE_CONNECTION,
        /** So it does, and sends every POST twice. */
        DELIVERS_TWICE,
        /** So it does, and fills every body with another one of the same length. */
        CHANGES_BODIES,
        /** So it does, and ends the client's connection where the answer to a POST belongs. */
        KEEPS_THE_ANSWER,
        /** So it does, and takes whatever follows a POST for a part of it. */
        SWALLOWS_WHAT_FOLLOWS
    }

    private static final int BACKEND_WAIT_MILLIS = 2_000;
    private static final Pattern LENGTH = Pattern.compile("\r\ncontent-length: *([0-9]{1,6})");
    private static final Pattern KEY = Pattern.compile("\r\nsec-websocket-key: *(\\S+)", Pattern.CASE_INSENSITIVE);

    private final Mistake mistake;
    private final int backendPort;
    private final ServerSocket listener;
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private @Nullable Socket shared;

    private NaiveFront(Mistake mistake, int backendPort) throws IOException {
        this.mistake = mistake;
        this.backendPort = backendPort;
        this.listener = new ServerSocket(0, 200, InetAddress.getByName("127.0.0.1"));
    }

    static NaiveFront before(int backendPort, Mistake mistake) throws IOException {
        NaiveFront front = new NaiveFront(mistake, backendPort);
        Thread.startVirtualThread(front::accept);
        return front;
    }

    @Override
    public RawClient client() throws IOException {
        return RawClient.plain(listener.getLocalPort());
    }

    private void accept() {
        try {
            while (true) {
                Socket client = listener.accept();
                sockets.add(client);
                Thread.startVirtualThread(() -> serve(client));
            }
        } catch (IOException e) {
            // The test is over.
        }
    }

    private void serve(Socket client) {
        try (client) {
            switch (mistake) {
                case RELAYS_EVERYTHING -> {
                    try (Socket backend = connect()) {
                        pipe(client, backend);
                    }
                }
                case TAKES_ANY_ANSWER_FOR_AN_UPGRADE -> {
                    try (Socket backend = connect()) {
                        takeAnyAnswer(client, backend);
                    }
                }
                case SHARES_ONE_CONNECTION, DELIVERS_TWICE, CHANGES_BODIES, KEEPS_THE_ANSWER, SWALLOWS_WHAT_FOLLOWS -> {
                    while (true) {
                        exchange(client);
                    }
                }
            }
        } catch (IOException e) {
            // One of both went away.
        }
    }

    private Socket connect() throws IOException {
        Socket backend = new Socket(InetAddress.getByName("127.0.0.1"), backendPort);
        sockets.add(backend);
        return backend;
    }

    private static void pipe(Socket client, Socket backend) throws IOException {
        Thread.startVirtualThread(() -> copy(client, backend));
        backend.getInputStream().transferTo(client.getOutputStream());
    }

    private static void copy(Socket from, Socket to) {
        try {
            from.getInputStream().transferTo(to.getOutputStream());
            to.shutdownOutput();
        } catch (IOException e) {
            // One of both went away.
        }
    }

    private static void takeAnyAnswer(Socket client, Socket backend) throws IOException {
        String request = head(client.getInputStream());
        write(backend, request);
        String answer = head(backend.getInputStream());
        if (answer.toLowerCase(Locale.ROOT).contains("\r\nupgrade: websocket\r\n")) {
            Matcher key = KEY.matcher(request);
            answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Accept: " + Handshake.acceptOf(key.find() ? key.group(1) : "") + "\r\n\r\n";
        }
        write(client, answer);
        pipe(client, backend);
    }

    private void exchange(Socket client) throws IOException {
        String head = head(client.getInputStream());
        String body = body(head, client.getInputStream());
        boolean post = head.startsWith("POST ");
        String request = head + (mistake == Mistake.CHANGES_BODIES ? "x".repeat(body.length()) : body);
        synchronized (this) {
            Socket backend = shared;
            if (backend == null) {
                backend = connect();
                backend.setSoTimeout(BACKEND_WAIT_MILLIS);
                shared = backend;
            }
            try {
                write(backend, request);
                String answer = answer(backend);
                if (post && mistake == Mistake.DELIVERS_TWICE) {
                    write(backend, request);
                    answer = answer(backend);
                }
                if (post && mistake == Mistake.KEEPS_THE_ANSWER) {
                    throw new EOFException();
                }
                write(client, answer);
            } catch (IOException e) {
                shared = null;
                backend.close();
                throw e;
            }
        }
        if (post && mistake == Mistake.SWALLOWS_WHAT_FOLLOWS) {
            client.getInputStream().transferTo(OutputStream.nullOutputStream());
        }
    }

    private static String answer(Socket backend) throws IOException {
        String head = head(backend.getInputStream());
        return head + body(head, backend.getInputStream());
    }

    private static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private static String head(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (!head.toString().endsWith("\r\n\r\n")) {
            int b = in.read();
            if (b < 0) {
                throw new EOFException();
            }
            head.append((char) b);
        }
        return head.toString();
    }

    private static String body(String head, InputStream in) throws IOException {
        Matcher length = LENGTH.matcher(head.toLowerCase(Locale.ROOT));
        int bytes = length.find() ? Integer.parseInt(length.group(1)) : 0;
        return new String(in.readNBytes(bytes), StandardCharsets.ISO_8859_1);
    }

    @Override
    public void close() throws IOException {
        listener.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
