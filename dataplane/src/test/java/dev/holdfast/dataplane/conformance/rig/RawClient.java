package dev.holdfast.dataplane.conformance.rig;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import org.jspecify.annotations.Nullable;

/** A client that sends exactly the bytes it is given, in exactly the writes it is told. Reads time out after 10 s. */
public final class RawClient implements AutoCloseable {
    private static final int TIMEOUT_MILLIS = 10_000;

    private final Socket socket;
    private final InputStream in;
    private final MessageReader reader;

    private RawClient(Socket socket) throws IOException {
        this.socket = socket;
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(TIMEOUT_MILLIS);
        this.in = new BufferedInputStream(socket.getInputStream());
        this.reader = new MessageReader(in);
    }

    /** Connects to a port of the IPv4 loopback. */
    public static RawClient plain(int port) throws IOException {
        return plain(new InetSocketAddress("127.0.0.1", port));
    }

    /** Connects to an address. */
    public static RawClient plain(InetSocketAddress address) throws IOException {
        Socket socket = new Socket();
        socket.connect(address, TIMEOUT_MILLIS);
        return new RawClient(socket);
    }

    /** A client with a receive window of about that size, set before the connection. */
    public static RawClient withWindow(int port, int windowBytes) throws IOException {
        Socket socket = new Socket();
        socket.setReceiveBufferSize(windowBytes);
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), TIMEOUT_MILLIS);
        return new RawClient(socket);
    }

    /** Connects with TLS, trusting whatever certificate comes; null sends no server name. */
    public static RawClient tls(int port, @Nullable String serverName) throws IOException {
        SSLSocket socket = (SSLSocket) trustingEverything().getSocketFactory().createSocket();
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), TIMEOUT_MILLIS);
        if (serverName != null) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setServerNames(List.of(new SNIHostName(serverName)));
            socket.setSSLParameters(parameters);
        }
        socket.setSoTimeout(TIMEOUT_MILLIS);
        socket.startHandshake();
        return new RawClient(socket);
    }

    /** The application protocol that TLS agrees on when these are offered; empty for none. */
    public static String agreedProtocol(int port, String serverName, String... offered) throws IOException {
        try (SSLSocket socket =
                (SSLSocket) trustingEverything().getSocketFactory().createSocket()) {
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), TIMEOUT_MILLIS);
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setServerNames(List.of(new SNIHostName(serverName)));
            parameters.setApplicationProtocols(offered);
            socket.setSSLParameters(parameters);
            socket.setSoTimeout(TIMEOUT_MILLIS);
            socket.startHandshake();
            return socket.getApplicationProtocol();
        }
    }

    /** Sends in one write, a byte per character. */
    public RawClient send(String text) throws IOException {
        return send(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    /** Sends in one write. */
    public RawClient send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
        socket.getOutputStream().flush();
        return this;
    }

    /**
     * Sends in two writes, far enough apart that they are usually read apart. A client that hears an answer stops
     * sending: bytes on the way to a closed connection would turn into a reset that destroys the answer.
     */
    public RawClient sendSplit(String text, int at) throws IOException {
        send(text.substring(0, at));
        pause(2);
        return in.available() > 0 ? this : sendIfOpen(text.substring(at));
    }

    /** Sends every byte in a write of its own, until there is an answer. */
    public RawClient sendEachByte(String text) throws IOException {
        for (int i = 0; i < text.length() && in.available() == 0; i++) {
            sendIfOpen(text.substring(i, i + 1));
            if (i % 8 == 0) {
                pause(1);
            }
        }
        return this;
    }

    /** Sends, and is not surprised when the peer closes meanwhile. */
    public RawClient sendIfOpen(String text) {
        try {
            return send(text);
        } catch (IOException closedByPeer) {
            return this;
        }
    }

    /** The next head, an interim answer for instance. */
    public Head nextHead() throws IOException {
        Head head = reader.head();
        if (head == null) {
            throw new EOFException("the connection ended before an answer");
        }
        return head;
    }

    /** The final answer to a GET, with the interim ones before it. A 101 is final. */
    public RawResponse response() throws IOException {
        return response("GET");
    }

    /** The final answer to a request of that method. */
    public RawResponse response(String method) throws IOException {
        List<Head> interim = new ArrayList<>();
        while (true) {
            Head head = reader.head();
            if (head == null) {
                throw new EOFException("the connection ended before an answer, after " + interim);
            }
            if (!head.startLine().matches("HTTP/1\\.[01] [1-9][0-9]{2} ?.*")) {
                throw new MalformedMessage("status line \"" + head.startLine() + "\"");
            }
            int status = Integer.parseInt(head.word(1));
            if (status >= 200 || status == 101) {
                MessageReader.Framing framing = MessageReader.responseFraming(head, method);
                MessageReader.Body body = reader.body(head, framing);
                boolean closeDelimited = framing == MessageReader.Framing.CLOSE;
                return new RawResponse(head, body.bytes(), body.trailers(), interim, body.complete(), closeDelimited);
            }
            interim.add(head);
        }
    }

    /** Exactly that many bytes. */
    public byte[] bytes(int count) throws IOException {
        byte[] bytes = in.readNBytes(count);
        if (bytes.length < count) {
            throw new EOFException("the stream ended after " + bytes.length + " of " + count + " bytes");
        }
        return bytes;
    }

    /** Reads until the stream ends, at most so long. */
    public StreamEnd end(Duration wait) throws IOException {
        return end(socket, in, wait);
    }

    /** Reads until the stream ends, for up to 5 s. */
    public StreamEnd end() throws IOException {
        return end(Duration.ofSeconds(5));
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

    @Override
    public void close() throws IOException {
        socket.close();
    }

    static StreamEnd end(Socket socket, InputStream in, Duration wait) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        long deadline = System.nanoTime() + wait.toNanos();
        try {
            while (true) {
                long left = Duration.ofNanos(deadline - System.nanoTime()).toMillis();
                if (left <= 0) {
                    return new StreamEnd(bytes.toByteArray(), StreamEnd.How.OPEN);
                }
                socket.setSoTimeout((int) left);
                int b = in.read();
                if (b < 0) {
                    return new StreamEnd(bytes.toByteArray(), StreamEnd.How.FIN);
                }
                bytes.write(b);
            }
        } catch (SocketTimeoutException e) {
            return new StreamEnd(bytes.toByteArray(), StreamEnd.How.OPEN);
        } catch (SocketException | SSLException e) {
            return new StreamEnd(bytes.toByteArray(), StreamEnd.How.RESET);
        } finally {
            if (!socket.isClosed()) {
                socket.setSoTimeout(TIMEOUT_MILLIS);
            }
        }
    }

    static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static SSLContext trustingEverything() {
        X509TrustManager all = new X509TrustManager() {
            @Override
            public void checkClientTrusted(X509Certificate[] chain, String authType) {}

            @Override
            public void checkServerTrusted(X509Certificate[] chain, String authType) {}

            @Override
            public X509Certificate[] getAcceptedIssuers() {
                return new X509Certificate[0];
            }
        };
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[] {all}, null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }
}
