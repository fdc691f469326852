import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SNIServerName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** The client's checks, the same for every Java library; ../README.md has the contract. */
final class Checks {
    static final int MESSAGE_BYTES_MAX = 64 << 20;
    static final int WAIT_SECONDS = 30;
    static final List<String> PROTOCOLS = List.of("chat.v2", "chat.v1");
    private static final byte[] CLOSED = new byte[0];

    /** Opens a connection of a library. */
    interface Library {
        Connection connect(URI uri, List<String> protocols, boolean deflate) throws Exception;
    }

    /** One connection of a library. */
    interface Connection {
        String protocol();

        String extensions();

        void send(boolean text, byte[] data) throws Exception;

        void sendParts(List<byte[]> parts) throws Exception;

        void ping(String payload) throws Exception;

        void end(int code, String reason) throws Exception;

        void abort() throws Exception;

        Inbox inbox();
    }

    /** What a connection has received. */
    static final class Inbox {
        private final BlockingQueue<byte[]> messages = new LinkedBlockingQueue<>();
        private final BlockingQueue<String> pongs = new LinkedBlockingQueue<>();
        private final CompletableFuture<String> end = new CompletableFuture<>();

        void message(byte[] data) {
            messages.add(data);
        }

        void pong(String payload) {
            pongs.add(payload);
        }

        void ended(String how) {
            end.complete(how);
            messages.add(CLOSED);
        }

        byte[] next() throws Exception {
            byte[] data = messages.poll(WAIT_SECONDS, TimeUnit.SECONDS);
            if (data == null || data == CLOSED) {
                throw new IllegalStateException(data == null ? "no message" : "closed " + end());
            }
            return data;
        }

        String end() throws Exception {
            return end.get(WAIT_SECONDS, TimeUnit.SECONDS);
        }
    }

    private interface Check {
        String run(String url) throws Exception;
    }

    private final String name;
    private final Library library;
    private int ids;

    Checks(String name, Library library) {
        this.name = name;
        this.library = library;
    }

    static void announce(int port) {
        System.out.println("{\"port\": " + port + "}");
    }

    static String end(int code, String reason) {
        return code == 1006 || code == -1 ? "abnormal" : code + " " + reason;
    }

    static String id(String target) {
        int at = target.indexOf("id=");
        return at < 0 ? "" : target.substring(at + 3).replaceAll("&.*", "");
    }

    static String json(Map<String, String> values) {
        List<String> members = new ArrayList<>();
        new TreeMap<>(values).forEach((key, value) -> members.add(quote(key) + ": " + quote(value)));
        return "{" + String.join(", ", members) + "}";
    }

    private static String quote(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\p{Cntrl}", " ") + '"';
    }

    /** Trusts the authority of the tests alone. */
    static SSLContext tls() throws Exception {
        TrustManagerFactory trust = trust();
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    static TrustManagerFactory trust() throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream in = Files.newInputStream(Path.of(System.getenv("PEERS_CA")))) {
            store.setCertificateEntry(
                    "ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        return trust;
    }

    /** What to name in TLS. The JDK names no host without a dot by itself, and Holdfast chooses the certificate by it. */
    static List<SNIServerName> serverNames(URI uri) {
        return List.of(new SNIHostName(uri.getHost()));
    }

    void run(String role, List<String> targets) {
        Map<String, Check> checks = role.equals("client") ? all() : Map.of(role, this::watch);
        for (String target : targets) {
            String label = target.substring(0, target.indexOf('='));
            String url = target.substring(label.length() + 1);
            checks.forEach((check, body) -> {
                String result = limited(() -> body.run(url));
                System.out.println(json(Map.of("target", label, "check", check, "result", result)));
            });
        }
        System.exit(0);
    }

    private static String limited(Callable<String> body) {
        CompletableFuture<String> result = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                result.complete(body.call());
            } catch (Exception | Error e) {
                result.complete("error: " + e);
            }
        });
        thread.setDaemon(true);
        thread.start();
        try {
            return result.get(2 * WAIT_SECONDS, TimeUnit.SECONDS);
        } catch (Exception e) {
            return "error: timeout";
        }
    }

    private Map<String, Check> all() {
        Map<String, Check> checks = new LinkedHashMap<>();
        checks.put("handshake", url -> info(url, List.of("chat.v1", "chat.v2", "other")));
        checks.put("no-protocol", url -> info(url, List.of()));
        checks.put("text", url -> once(url, "hÖld fäst ✓ 𝄞"));
        checks.put("large", this::large);
        checks.put("fragmented", this::fragmented);
        checks.put("server-fragmented", url -> once(url, "/frag 5"));
        checks.put("compressed", this::compressed);
        checks.put("ping", this::ping);
        checks.put("server-ping", url -> once(url, "/ping"));
        checks.put("abort", url -> "server saw " + ending(url, Connection::abort)[1]);
        checks.put("server-abort", url -> "client saw " + ending(url, one -> text(one, "/abort"))[0]);
        Map<Integer, String> codes = new TreeMap<>(Map.of(1000, "bye", 1001, "", 3000, "reason of 3000 ✓"));
        codes.forEach((code, reason) -> {
            checks.put("close-" + code, url -> both(ending(url, one -> one.end(code, reason))));
            checks.put(
                    "server-close-" + code,
                    url -> both(ending(url, one -> text(one, "/close " + code + " " + reason))));
        });
        return checks;
    }

    /** Says something and tells what came until the end. */
    private String watch(String url) throws Exception {
        Connection connection = library.connect(URI.create(url), List.of(), false);
        text(connection, "hold");
        String end = connection.inbox().end();
        MessageDigest sum = MessageDigest.getInstance("SHA-1");
        int count = 0;
        int size = 0;
        for (byte[] data : connection.inbox().messages) {
            if (data != CLOSED) {
                count++;
                size += data.length;
                sum.update(data);
            }
        }
        String sha = HexFormat.of().formatHex(sum.digest());
        return count + " messages, " + size + " bytes, sha1 " + sha + ", client saw " + end;
    }

    private static String both(String[] seen) {
        return "client saw " + seen[0] + ", server saw " + seen[1];
    }

    private interface Step {
        void take(Connection connection) throws Exception;
    }

    /** Ends a connection somehow; what the client saw, and the server. */
    private String[] ending(String url, Step step) throws Exception {
        String id = name + "-" + ProcessHandle.current().pid() + "-" + ++ids;
        Connection connection = library.connect(URI.create(url + "?id=" + id + "&x=%20a"), List.of(), false);
        ask(connection, "before");
        step.take(connection);
        String own = connection.inbox().end();
        for (int i = 0; i < 500; i++) {
            String seen = once(url, "/closed " + id);
            if (!seen.equals("none")) {
                return new String[] {own, seen};
            }
            Thread.sleep(20);
        }
        return new String[] {own, "none"};
    }

    private Connection open(String url, List<String> protocols, boolean deflate) throws Exception {
        String id = name + "-" + ProcessHandle.current().pid() + "-" + ++ids;
        return library.connect(URI.create(url + "?id=" + id + "&x=%20a"), protocols, deflate);
    }

    private static void close(Connection connection) throws Exception {
        connection.end(1000, "");
        connection.inbox().end();
    }

    private static void text(Connection connection, String text) throws Exception {
        connection.send(true, text.getBytes(StandardCharsets.UTF_8));
    }

    private static String ask(Connection connection, String text) throws Exception {
        text(connection, text);
        return new String(connection.inbox().next(), StandardCharsets.UTF_8);
    }

    private String once(String url, String text) throws Exception {
        Connection connection = open(url, List.of(), false);
        String answer = ask(connection, text);
        close(connection);
        return answer;
    }

    private String info(String url, List<String> protocols) throws Exception {
        Connection connection = open(url, protocols, false);
        String result = connection.protocol() + " [" + connection.extensions() + "] " + ask(connection, "/info");
        close(connection);
        return result;
    }

    private static byte[] random(int size) {
        byte[] data = new byte[size];
        ThreadLocalRandom.current().nextBytes(data);
        return data;
    }

    private static String same(byte[] sent, byte[] got) {
        return Arrays.equals(sent, got) ? "echo of " + sent.length : "other: " + got.length + " of " + sent.length;
    }

    private String large(String url) throws Exception {
        Connection connection = open(url, List.of(), false);
        List<String> results = new ArrayList<>();
        for (int size : new int[] {0, 125, 126, 65_535, 65_536, 1 << 20, 8 << 20}) {
            byte[] data = random(size);
            connection.send(false, data);
            results.add(same(data, connection.inbox().next()));
        }
        close(connection);
        return String.join(", ", results);
    }

    private String fragmented(String url) throws Exception {
        Connection connection = open(url, List.of(), false);
        List<byte[]> parts = List.of(random(70_000), random(1), random(0), random(300));
        connection.sendParts(parts);
        byte[] whole = new byte[70_301];
        int at = 0;
        for (byte[] part : parts) {
            System.arraycopy(part, 0, whole, at, part.length);
            at += part.length;
        }
        String result = same(whole, connection.inbox().next());
        close(connection);
        return result;
    }

    private String compressed(String url) throws Exception {
        Connection connection = open(url, List.of("chat.v1"), true);
        byte[] text = "hold fast, whatever moves. ".repeat(40_000).getBytes(StandardCharsets.UTF_8);
        byte[] noise = random(100_000);
        for (int i = 0; i < noise.length; i++) {
            noise[i] = (byte) (64 + (noise[i] & 31)); // Without the slash, which in front would be a command.
        }
        List<String> results = new ArrayList<>(List.of("[" + connection.extensions() + "]", ask(connection, "/info")));
        for (byte[] message : List.of(text, noise, text)) {
            connection.send(true, message);
            results.add(same(message, connection.inbox().next()));
        }
        close(connection);
        return String.join(" ", results);
    }

    private String ping(String url) throws Exception {
        Connection connection = open(url, List.of(), false);
        connection.ping("fast");
        String pong = connection.inbox().pongs.poll(WAIT_SECONDS, TimeUnit.SECONDS);
        close(connection);
        return "pong " + pong;
    }
}
