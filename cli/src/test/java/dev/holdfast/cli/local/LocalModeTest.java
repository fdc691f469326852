package dev.holdfast.cli.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.holdfast.cli.echo.EchoServer;
import dev.holdfast.cli.local.LocalConfig.Origin;
import dev.holdfast.cli.local.LocalConfig.Ports;
import dev.holdfast.cli.local.TextPrintout.Ink;
import dev.holdfast.cli.manifest.FileNotice;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class LocalModeTest {
    private static final Duration SOON = Duration.ofSeconds(10);

    @TempDir
    private Path temp;

    private final Browser browser = new Browser();
    private final List<LocalEvent> events = new CopyOnWriteArrayList<>();
    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
    private @Nullable LocalMode mode;

    @AfterEach
    void stop() {
        browser.close();
        if (mode != null) {
            mode.close();
        }
    }

    private Ports start(Origin origin) throws IOException, InterruptedException {
        return start(origin, Duration.ofSeconds(1));
    }

    private Ports start(Origin origin, Duration drain) throws IOException, InterruptedException {
        TextPrintout text = new TextPrintout(new PrintStream(printed, true, StandardCharsets.UTF_8), Ink.PLAIN);
        LocalMode started = LocalMode.start(new LocalConfig(origin, Ports.ANY, drain), event -> {
            events.add(event);
            text.accept(event);
        });
        mode = started;
        return started.ports();
    }

    private String text() {
        return printed.toString(StandardCharsets.UTF_8);
    }

    private static String ingress(String name, String host) {
        return """
                apiVersion: networking.k8s.io/v1
                kind: Ingress
                metadata: {name: %s}
                spec:
                  ingressClassName: holdfast
                  rules:
                  - host: %s
                    http:
                      paths:
                      - path: /
                        pathType: Prefix
                        backend: {service: {name: app, port: {number: 80}}}
                ---
                """.formatted(name, host);
    }

    private static final String COMMON = """
            apiVersion: networking.k8s.io/v1
            kind: IngressClass
            metadata: {name: holdfast}
            spec: {controller: holdfast.dev/ingress-controller}
            ---
            apiVersion: v1
            kind: Service
            metadata:
              name: app
              annotations: {holdfast.dev/local-endpoints: builtin:echo/app}
            spec: {ports: [{port: 80}]}
            ---
            """;

    private void replace(String file, String content) throws IOException {
        Path fresh = Files.writeString(temp.resolve("." + file), content);
        Files.move(fresh, temp.resolve(file), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private int status(Ports ports, String host) {
        try {
            return browser.get("http://" + host + ":" + ports.http() + "/").statusCode();
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private <T extends LocalEvent> List<T> events(Class<T> type) {
        return events.stream().filter(type::isInstance).map(type::cast).toList();
    }

    @Test
    void tunnelsAndRequestsAreServedWithAndWithoutTls() throws IOException, InterruptedException {
        // Given
        replace("a.yaml", COMMON + ingress("chat", "chat.localhost"));
        Ports ports = start(new Origin.Directory(temp));

        // When
        String plain =
                browser.open("ws://chat.localhost:" + ports.http() + "/x").echo("one");
        String secure =
                browser.open("wss://chat.localhost:" + ports.https() + "/x").echo("two");

        // Then
        assertThat(plain).isEqualTo("one");
        assertThat(secure).isEqualTo("two");
        assertThat(browser.get("http://chat.localhost:" + ports.http() + "/x?y=1")
                        .body())
                .contains("\"backend\" : \"app\"");
        assertThat(browser.get("https://chat.localhost:" + ports.https() + "/x", "Accept", "text/html")
                        .body())
                .contains("Holdfast test page");
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(text())
                        .contains("▸ ws://chat.localhost:" + ports.http() + "/  →  echo backend app")
                        .contains("open  #"));
    }

    @Test
    void anEditIsServedAndAffectsNoTunnel() throws IOException, InterruptedException {
        // Given
        replace("a.yaml", COMMON + ingress("chat", "chat.localhost"));
        Ports ports = start(new Origin.Directory(temp));
        Browser.Tab tab = browser.open("ws://chat.localhost:" + ports.http() + "/");
        assertThat(status(ports, "fresh.localhost")).isEqualTo(404);

        // When
        replace("b.yaml", ingress("fresh", "fresh.localhost"));

        // Then
        await().atMost(SOON).until(() -> status(ports, "fresh.localhost") == 200);
        assertThat(tab.echo("still here")).isEqualTo("still here");
        await().atMost(SOON).until(() -> !events(LocalEvent.Changed.class).isEmpty());
        LocalEvent.Changed changed = events(LocalEvent.Changed.class).getFirst();
        assertThat(changed.difference().routesAdded()).hasSize(1);
        assertThat(changed.tunnelsOpen()).isEqualTo(1);
        assertThat(changed.tunnelsAffected()).isZero();
        await().atMost(SOON).untilAsserted(() -> assertThat(text()).contains("+1 route; 0 tunnels affected of 1 open"));
    }

    @Test
    void aRouteThatGoesKeepsItsTunnels() throws IOException, InterruptedException {
        // Given
        replace("a.yaml", COMMON);
        replace("b.yaml", ingress("chat", "chat.localhost"));
        Ports ports = start(new Origin.Directory(temp));
        Browser.Tab tab = browser.open("wss://chat.localhost:" + ports.https() + "/");

        // When
        Files.delete(temp.resolve("b.yaml"));

        // Then
        await().atMost(SOON).until(() -> status(ports, "chat.localhost") == 404);
        assertThat(tab.echo("still here")).isEqualTo("still here");
    }

    @Test
    void aBrokenFileLeavesWhatIsServed() throws IOException, InterruptedException {
        // Given
        replace("a.yaml", COMMON + ingress("chat", "chat.localhost"));
        Ports ports = start(new Origin.Directory(temp));

        // When
        replace("a.yaml", COMMON + "kind: Ingress\n  metadata: {\n");

        // Then
        await().atMost(SOON).until(() -> !events(LocalEvent.Noticed.class).isEmpty());
        assertThat(events(LocalEvent.Noticed.class).getFirst().notice()).isInstanceOf(FileNotice.Broken.class);
        assertThat(status(ports, "chat.localhost")).isEqualTo(200);
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(text())
                        .contains("✗ a.yaml:14: ")
                        .contains("its last good objects (3) stay in force"));
    }

    @Test
    void aProblemIsToldWithItsRemedyAndWhenItIsSolved() throws IOException, InterruptedException {
        // Given
        replace("a.yaml", COMMON + ingress("chat", "chat.localhost").replace("name: app", "name: ap"));
        Ports ports = start(new Origin.Directory(temp));
        await().atMost(SOON).until(() -> !events(LocalEvent.Appeared.class).isEmpty());
        assertThat(status(ports, "chat.localhost")).isEqualTo(503);

        // When
        replace("a.yaml", COMMON + ingress("chat", "chat.localhost"));

        // Then
        await().atMost(SOON).until(() -> status(ports, "chat.localhost") == 200);
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(text())
                        .contains("✗ Ingress default/chat spec.rules[0].http.paths[0].backend")
                        .contains("✓ solved: Ingress default/chat"));
    }

    @Test
    void oneBackendNeedsNoManifest() throws IOException, InterruptedException {
        // Given
        try (EchoServer backend = new EchoServer()) {
            // When
            Ports ports = start(Origin.Backend.parse("localhost:" + backend.port("mine")));

            // Then
            assertThat(browser.open("wss://localhost:" + ports.https() + "/any").echo("hello"))
                    .isEqualTo("hello");
            assertThat(browser.get("http://chat.localhost:" + ports.http() + "/any")
                            .body())
                    .contains("\"mine\"");
            await().atMost(SOON).untilAsserted(() -> assertThat(text()).contains("✓ backend reachable"));
        }
    }

    @Test
    void theEndIsSaidToEveryTunnel() throws IOException, InterruptedException {
        // Given
        replace("a.yaml", COMMON + ingress("chat", "chat.localhost"));
        Ports ports = start(new Origin.Directory(temp));
        Browser.Tab tab = browser.open("ws://chat.localhost:" + ports.http() + "/");

        // When
        var result = java.util.Objects.requireNonNull(mode).drain();

        // Then
        assertThat(tab.next()).startsWith("close 1001");
        assertThat(result.drained()).isEqualTo(1);
        assertThat(text()).contains("ended: 1 drained, 0 cut");
    }

    @Test
    void aSecondSignalCutsAndSaysSo() throws IOException, InterruptedException {
        // Given
        replace("a.yaml", COMMON + ingress("chat", "chat.localhost"));
        Ports ports = start(new Origin.Directory(temp), Duration.ofMinutes(1));
        List<Socket> silent = List.of(RawUpgrade.open(ports.http()), RawUpgrade.open(ports.http()));
        LocalMode running = java.util.Objects.requireNonNull(mode);
        await().atMost(SOON).until(() -> running.tunnelsOpen() == 2);
        Thread drain = Thread.ofPlatform().start(() -> {
            try {
                running.drain();
            } catch (InterruptedException e) {
                running.close();
            }
        });
        await().atMost(SOON).until(() -> !events(LocalEvent.Draining.class).isEmpty());

        // When
        drain.interrupt();

        // Then
        assertThat(drain.join(SOON)).isTrue();
        assertThat(text()).contains("draining 2 → 2").contains("ended: 0 drained, 2 cut");
        assertThat(events(LocalEvent.Closed.class)).as("close lines").hasSize(2);
        for (Socket socket : silent) {
            socket.close();
        }
    }

    /** An upgrade without a client behind it: it answers no close frame. */
    private static final class RawUpgrade {
        static Socket open(int port) throws IOException {
            Socket socket = new Socket(java.net.InetAddress.ofLiteral("127.0.0.1"), port);
            socket.getOutputStream().write("""
                            GET / HTTP/1.1\r
                            Host: chat.localhost\r
                            Upgrade: websocket\r
                            Connection: Upgrade\r
                            Sec-WebSocket-Version: 13\r
                            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
                            \r
                            """.getBytes(StandardCharsets.US_ASCII));
            return socket;
        }
    }

    @Test
    void aPortThatIsTakenIsNamed() throws IOException {
        // Given
        replace("a.yaml", COMMON);
        try (ServerSocket taken = new ServerSocket(0, 1, java.net.InetAddress.ofLiteral("127.0.0.1"))) {
            LocalConfig config =
                    new LocalConfig(new Origin.Directory(temp), new Ports(taken.getLocalPort(), 0, 0), Duration.ZERO);

            // When
            // Then
            assertThatThrownBy(() -> LocalMode.start(config, events::add))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining(String.valueOf(taken.getLocalPort()));
        }
    }
}
