import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import javax.net.ssl.SSLParameters;
import org.java_websocket.WebSocket;
import org.java_websocket.WebSocketImpl;
import org.java_websocket.client.WebSocketClient;
import org.java_websocket.drafts.Draft;
import org.java_websocket.drafts.Draft_6455;
import org.java_websocket.enums.Opcode;
import org.java_websocket.exceptions.InvalidDataException;
import org.java_websocket.extensions.IExtension;
import org.java_websocket.extensions.permessage_deflate.PerMessageDeflateExtension;
import org.java_websocket.framing.CloseFrame;
import org.java_websocket.framing.Framedata;
import org.java_websocket.framing.PingFrame;
import org.java_websocket.handshake.ClientHandshake;
import org.java_websocket.handshake.ServerHandshake;
import org.java_websocket.protocols.IProtocol;
import org.java_websocket.protocols.Protocol;
import org.java_websocket.server.WebSocketServer;

/** Java-WebSocket as backend and as client. */
final class JavaWebSocketPeer {
    private JavaWebSocketPeer() {}

    static void serve() {
        new Server().start();
    }

    private static Draft_6455 draft(List<String> protocols, boolean deflate) {
        List<IProtocol> offered = new java.util.ArrayList<>();
        protocols.forEach(name -> offered.add(new Protocol(name)));
        offered.add(new Protocol(""));
        List<IExtension> extensions = deflate ? List.of(new PerMessageDeflateExtension()) : List.of();
        return new Draft_6455(extensions, offered, Checks.MESSAGE_BYTES_MAX);
    }

    /**
     * Keeps the close frame that came. The library reads in one thread and decodes in another: a client that ends its
     * stream right behind the close makes onClose tell 1006 at times.
     */
    private static final class RecordingDraft extends Draft_6455 {
        private final Map<String, String> ends;

        RecordingDraft(Draft_6455 draft, Map<String, String> ends) {
            super(draft.getKnownExtensions(), draft.getKnownProtocols(), Checks.MESSAGE_BYTES_MAX);
            this.ends = ends;
        }

        @Override
        public void processFrame(WebSocketImpl socket, Framedata frame) throws InvalidDataException {
            if (frame instanceof CloseFrame close) {
                ends.putIfAbsent(
                        Checks.id(socket.getResourceDescriptor()),
                        Checks.end(close.getCloseCode(), close.getMessage()));
            }
            super.processFrame(socket, frame);
        }

        @Override
        public Draft copyInstance() {
            return new RecordingDraft((Draft_6455) super.copyInstance(), ends);
        }
    }

    private static final class Server extends WebSocketServer {
        private static final Map<String, String> ENDS = new ConcurrentHashMap<>();
        private static final long FORGOTTEN_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
        private final Map<WebSocket, String> offers = new ConcurrentHashMap<>();

        Server() {
            super(
                    new InetSocketAddress("127.0.0.1", 0),
                    2,
                    List.of(new RecordingDraft(draft(Checks.PROTOCOLS, true), ENDS)));
            setReuseAddr(true);
            setConnectionLostTimeout(0);
        }

        @Override
        public void onStart() {
            Thread.ofPlatform().daemon().start(this::demandForgottenWrites);
            Checks.announce(getPort());
        }

        /**
         * Asks again for every write, and for every end, that waits. The thread that selects ends its interest in
         * writing after it found nothing to write, and at times after the thread that decodes has put something there:
         * without other traffic that would wait for ever (once in a million echoes on cores that are busy).
         */
        private void demandForgottenWrites() {
            while (true) {
                getConnections().stream()
                        .filter(one -> one.hasBufferedData() || one.isFlushAndClose())
                        .forEach(this::onWriteDemand);
                LockSupport.parkNanos(FORGOTTEN_NANOS);
            }
        }

        @Override
        public void onOpen(WebSocket socket, ClientHandshake handshake) {
            offers.put(socket, handshake.getFieldValue("Sec-WebSocket-Extensions"));
        }

        @Override
        public void onMessage(WebSocket socket, ByteBuffer data) {
            socket.send(data);
        }

        @Override
        public void onMessage(WebSocket socket, String text) {
            String[] words = text.split(" ", 3);
            switch (words[0]) {
                case "/close" -> socket.close(Integer.parseInt(words[1]), words[2]);
                case "/ping" -> {
                    PingFrame ping = new PingFrame();
                    ping.setPayload(ByteBuffer.wrap("hold".getBytes(StandardCharsets.UTF_8)));
                    socket.sendFrame(ping);
                }
                case "/abort" -> socket.closeConnection(1006, "");
                case "/closed" -> socket.send(ENDS.getOrDefault(words[1], "none"));
                case "/info" ->
                    socket.send(Checks.json(Map.of(
                            "protocol", socket.getProtocol().getProvidedProtocol(),
                            "offered", offers.getOrDefault(socket, ""),
                            "path", socket.getResourceDescriptor().replaceAll("id=[^&]*", "id="))));
                case "/frag" -> {
                    int parts = Integer.parseInt(words[1]);
                    for (int i = 0; i < parts; i++) {
                        byte[] part = ("part-" + i + " ").getBytes(StandardCharsets.UTF_8);
                        socket.sendFragmentedFrame(Opcode.TEXT, ByteBuffer.wrap(part), i == parts - 1);
                    }
                }
                default -> socket.send(text);
            }
        }

        @Override
        public void onWebsocketPong(WebSocket socket, Framedata frame) {
            socket.send("pong " + StandardCharsets.UTF_8.decode(frame.getPayloadData()));
        }

        @Override
        public void onClose(WebSocket socket, int code, String reason, boolean remote) {
            offers.remove(socket);
            ENDS.putIfAbsent(Checks.id(socket.getResourceDescriptor()), Checks.end(code, reason));
        }

        @Override
        public void onError(WebSocket socket, Exception e) {
            // What matters of it shows as the end of the connection.
        }
    }

    static Checks.Connection connect(URI uri, List<String> protocols, boolean deflate) throws Exception {
        Client client = new Client(uri, draft(protocols, deflate));
        client.setConnectionLostTimeout(0);
        if (uri.getScheme().equals("wss")) {
            client.setSocketFactory(Checks.tls().getSocketFactory());
        }
        if (!client.connectBlocking(Checks.WAIT_SECONDS, TimeUnit.SECONDS)) {
            throw new IllegalStateException("not opened: " + client.inbox.end() + " " + client.failure);
        }
        return client;
    }

    private static final class Client extends WebSocketClient implements Checks.Connection {
        final Checks.Inbox inbox = new Checks.Inbox();
        private volatile String extensions = "";
        private volatile Exception failure;

        Client(URI uri, Draft draft) {
            super(uri, draft);
        }

        @Override
        protected void onSetSSLParameters(SSLParameters parameters) {
            super.onSetSSLParameters(parameters);
            parameters.setServerNames(Checks.serverNames(getURI()));
        }

        @Override
        public void onOpen(ServerHandshake handshake) {
            extensions = handshake.getFieldValue("Sec-WebSocket-Extensions");
        }

        @Override
        public void onMessage(String text) {
            inbox.message(text.getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public void onMessage(ByteBuffer data) {
            inbox.message(Arrays.copyOfRange(
                    data.array(), data.arrayOffset() + data.position(), data.arrayOffset() + data.limit()));
        }

        @Override
        public void onWebsocketPong(WebSocket socket, Framedata frame) {
            inbox.pong(StandardCharsets.UTF_8.decode(frame.getPayloadData()).toString());
        }

        @Override
        public void onClose(int code, String reason, boolean remote) {
            inbox.ended(Checks.end(code, reason));
        }

        @Override
        public void onError(Exception e) {
            failure = e; // Matters only before the handshake is over; later it shows as the end of the connection.
        }

        @Override
        public String protocol() {
            return getProtocol() == null ? "" : getProtocol().getProvidedProtocol();
        }

        @Override
        public String extensions() {
            return extensions;
        }

        @Override
        public void send(boolean text, byte[] data) {
            if (text) {
                send(new String(data, StandardCharsets.UTF_8));
            } else {
                send(data);
            }
        }

        @Override
        public void sendParts(List<byte[]> parts) {
            for (int i = 0; i < parts.size(); i++) {
                sendFragmentedFrame(Opcode.BINARY, ByteBuffer.wrap(parts.get(i)), i == parts.size() - 1);
            }
        }

        @Override
        public void ping(String payload) {
            PingFrame ping = new PingFrame();
            ping.setPayload(ByteBuffer.wrap(payload.getBytes(StandardCharsets.UTF_8)));
            sendFrame(ping);
        }

        @Override
        public void end(int code, String reason) {
            close(code, reason);
        }

        @Override
        public void abort() {
            closeConnection(1006, "");
        }

        @Override
        public Checks.Inbox inbox() {
            return inbox;
        }
    }
}
