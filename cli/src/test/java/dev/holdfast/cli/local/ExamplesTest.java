package dev.holdfast.cli.local;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.cli.local.LocalConfig.Origin;
import dev.holdfast.cli.local.LocalConfig.Ports;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Serves {@code deploy/examples} as {@code holdfast local} does, and tries what their READMEs say. */
@SuppressWarnings("NullAway.Init")
@Timeout(120)
class ExamplesTest {
    private static final Path EXAMPLES =
            Path.of(Objects.requireNonNull(System.getProperty("holdfast.root")), "deploy", "examples");
    private static final Pattern BACKEND = Pattern.compile("\"backend\" : \"([^\"]*)\"");

    private static LocalMode mode;
    private static Ports ports;
    private static Browser browser;

    @BeforeAll
    static void serve() throws IOException, InterruptedException {
        mode = LocalMode.start(new LocalConfig(new Origin.Directory(EXAMPLES), Ports.ANY, Duration.ZERO), event -> {});
        ports = mode.ports();
        browser = new Browser();
    }

    @AfterAll
    static void stop() {
        browser.close();
        mode.close();
    }

    private static String http(String host, String path) {
        return "http://" + host + ".localhost:" + ports.http() + path;
    }

    private static String ws(String host, String path) {
        return "ws://" + host + ".localhost:" + ports.http() + path;
    }

    private static String backend(HttpResponse<String> response) {
        Matcher backend = BACKEND.matcher(response.body());
        assertThat(backend.find()).as(response.body()).isTrue();
        return backend.group(1);
    }

    @Test
    void nothingIsWrongWithThem() {
        // Given
        var compile = mode.lastCompile();

        // When
        var diagnostics = compile.result().diagnostics();

        // Then
        assertThat(diagnostics).isEmpty();
    }

    @Test
    void eachRunsAloneAndHasAReadme() throws IOException, InterruptedException {
        // Given
        List<Path> folders;
        try (Stream<Path> entries = Files.list(EXAMPLES)) {
            folders = entries.filter(Files::isDirectory).sorted().toList();
        }
        assertThat(folders).hasSizeGreaterThanOrEqualTo(5);

        for (Path folder : folders) {
            // When
            try (LocalMode alone = LocalMode.start(LocalConfig.of(folder), event -> {})) {
                // Then
                assertThat(alone.lastCompile().result().diagnostics())
                        .as(folder.toString())
                        .isEmpty();
                assertThat(alone.lastCompile().result().table().routeCount())
                        .as(folder.toString())
                        .isPositive();
                assertThat(folder.resolve("README.md")).exists();
            }
        }
    }

    @Test
    void thePlainIngressServesTunnelsAndRequests() throws IOException, InterruptedException {
        // Given
        Browser.Tab tab = browser.open(ws("chat", "/room/1"));

        // When
        String echo = tab.echo("hello");

        // Then
        assertThat(echo).isEqualTo("hello");
        assertThat(backend(browser.get(http("chat", "/room/1")))).isEqualTo("chat");
    }

    @Test
    void theRouteChoosesBySubprotocolAndRewritesThePath() throws IOException, InterruptedException {
        // Given
        Browser.Tab tab = browser.open(ws("live", "/v1/graphql"), "graphql-transport-ws");

        // When
        HttpResponse<String> plain = browser.get(http("live", "/v1/items?x=1"));

        // Then
        assertThat(tab.echo("hello")).isEqualTo("hello");
        assertThat(tab.socket().getSubprotocol()).isEqualTo("graphql-transport-ws");
        assertThat(backend(plain)).isEqualTo("live-app");
        assertThat(plain.body()).contains("\"path\" : \"/items\"").containsIgnoringCase("\"x-api-version\" : \"v1\"");
    }

    @Test
    void tlsPresentsTheCertificateOfTheHostAndRedirects() throws IOException, InterruptedException {
        // Given
        String secure = "secure.localhost:" + ports.https() + "/";

        // When
        HttpResponse<String> page = browser.get("https://" + secure);

        // Then
        assertThat(backend(page)).isEqualTo("secure");
        assertThat(Objects.requireNonNull(browser.certificate()).toString()).contains("secure.localhost");
        assertThat(browser.open("wss://" + secure).echo("hello")).isEqualTo("hello");
        HttpResponse<String> redirect = browser.get(http("secure", "/a?b=c"));
        assertThat(redirect.statusCode()).isEqualTo(308);
        assertThat(redirect.headers().firstValue("location")).hasValue("https://" + secure + "a?b=c");
    }

    @Test
    void aSocketIoClientStaysOnItsPod() throws IOException, InterruptedException {
        // Given
        HttpResponse<String> first = browser.get(http("socketio", "/socket.io/?transport=polling"));
        String cookie = first.headers().firstValue("set-cookie").orElseThrow().split(";")[0];

        // When
        Set<String> pods = new HashSet<>();
        for (int i = 0; i < 12; i++) {
            pods.add(backend(browser.get(http("socketio", "/socket.io/?transport=polling"), "Cookie", cookie)));
        }

        // Then
        assertThat(pods).containsExactly(backend(first));
        Set<String> strangers = new HashSet<>();
        for (int i = 0; i < 12; i++) {
            strangers.add(backend(browser.get(http("socketio", "/socket.io/"))));
        }
        assertThat(strangers).hasSize(3);
    }

    @Test
    void aCanaryGetsItsShare() throws IOException, InterruptedException {
        // Given
        int next = 0;

        // When
        for (int i = 0; i < 300; i++) {
            next += backend(browser.get(http("canary", "/"))).equals("next") ? 1 : 0;
        }

        // Then
        assertThat(next).isBetween(5, 80);
    }
}
