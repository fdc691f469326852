package dev.holdfast.e2e.traffic;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** The same GET, or POSTs, again and again over one keep-alive connection, so that a probe costs next to nothing. */
public final class RawGet implements AutoCloseable {
    private final Socket socket;
    private final InputStream in;
    private final String target;

    /** Connects to a port of loopback. */
    public RawGet(int port, String host, String path) throws IOException {
        this(new Socket(InetAddress.getLoopbackAddress(), port), host, path);
    }

    /** Asks over a connection, of TLS for instance, which it then owns. */
    public RawGet(Socket socket, String host, String path) throws IOException {
        this.socket = socket;
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(10_000);
        in = new BufferedInputStream(socket.getInputStream());
        target = " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n";
    }

    /** One answer; header names are in lower case. */
    public record Answer(int status, Map<String, String> headers, String body) {
        /** The value of a header, "-1" when it is absent. */
        public String header(String name) {
            return headers.getOrDefault(name, "-1");
        }
    }

    /** Asks for "/" once over a connection of its own: the status, 0 when there was no answer. */
    public static int status(int port, String host) {
        try (RawGet get = new RawGet(port, host, "/")) {
            return get.get().status();
        } catch (IOException e) {
            return 0;
        }
    }

    /** Asks once. */
    public Answer get() throws IOException {
        return ask("GET" + target + "\r\n");
    }

    /** Posts an ASCII text once. */
    public Answer post(String body) throws IOException {
        return ask("POST" + target + "Content-Length: " + body.length() + "\r\n\r\n" + body);
    }

    private Answer ask(String request) throws IOException {
        socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
        int status = Integer.parseInt(line().split(" ")[1]);
        Map<String, String> headers = new HashMap<>();
        for (String line = line(); !line.isEmpty(); line = line()) {
            int colon = line.indexOf(':');
            headers.put(
                    line.substring(0, colon).toLowerCase(Locale.ROOT),
                    line.substring(colon + 1).strip());
        }
        int length = Integer.parseInt(headers.getOrDefault("content-length", "0"));
        return new Answer(status, headers, new String(in.readNBytes(length), StandardCharsets.UTF_8));
    }

    private String line() throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new EOFException("the connection ended; so far: " + line);
            }
            if (c != '\r') {
                line.append((char) c);
            }
        }
        return line.toString();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
