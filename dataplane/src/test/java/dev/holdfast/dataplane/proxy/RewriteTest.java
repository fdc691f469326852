package dev.holdfast.dataplane.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.routetable.HeaderChanges;
import dev.holdfast.routetable.HeaderChanges.Header;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.Rewrite;
import dev.holdfast.routetable.Route;
import dev.holdfast.routetable.RouteAction;
import dev.holdfast.routetable.RouteMatch;
import dev.holdfast.routetable.Timeouts;
import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a route changes in requests and answers. */
@Timeout(30)
class RewriteTest {
    private static final String ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    private static final String UPGRADE =
            "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    private static final String GET = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    private static final String SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
            + "Upgrade: websocket\r\nSec-WebSocket-Accept: " + ACCEPT + "\r\n\r\n";
    private static final String REFUSAL = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";

    /** A table may hold it, and no head can. */
    private static final HeaderChanges UNSENDABLE =
            new HeaderChanges(List.of(new Header("X-Line", "Zürich → Bern")), List.of(), List.of());

    private Rig rig;
    private RawBackend backend;

    @BeforeEach
    void start() throws IOException {
        rig = Rig.start();
        backend = RawBackend.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: secret\r\nX-Old: 1\r\n\r\nhi");
    }

    @AfterEach
    void stop() {
        rig.close();
        backend.close();
    }

    private static Route route(PathMatch match, Rewrite rewrite, HeaderChanges request, HeaderChanges response) {
        return new Route(
                "r",
                new Route.Owner("Ingress", "ns", "r"),
                RouteMatch.ofPath(match),
                new RouteAction.Forward(
                        List.of(new RouteAction.WeightedUpstream("u", 1)),
                        rewrite,
                        request,
                        response,
                        Timeouts.DEFAULT),
                Route.Plaintext.SERVE);
    }

    private String target(Route route, String target) throws IOException {
        rig.serve(route, backend);
        try (RawClient client = rig.client()) {
            assertThat(client.send("GET " + target + " HTTP/1.1\r\nHost: a.test\r\n\r\n")
                            .answer())
                    .startsWith("HTTP/1.1 200");
        }
        String line = backend.requests.getLast().lines().findFirst().orElseThrow();
        return line.substring(4, line.length() - " HTTP/1.1".length());
    }

    @ParameterizedTest
    @CsvSource({
        "/a, /x, /a, /x",
        "/a, /x, /a/, /x/",
        "/a, /x, /a/b?q=/a, /x/b?q=/a",
        "/a, /x/, /a/b, /x/b",
        "/a, /x/, /a, /x",
        "/a, /, /a, /",
        "/a, /, /a/, /",
        "/a, /, /a?q, /?q",
        "/a, /, /a/b/c, /b/c",
        "/a/b, /x, /a/b/c%2Fd, /x/c%2Fd",
        "/, /x, /, /x/",
        "/, /x, /a, /x/a",
        "/, /, /a, /a",
        "/~a, /x, /%7Ea/b, /x/b"
    })
    void aPrefixIsReplacedElementByElement(String match, String prefix, String sent, String expected)
            throws IOException {
        // Given
        Route route = route(
                PathMatch.prefix(match),
                new Rewrite(new Rewrite.ReplacePrefix(prefix), null),
                HeaderChanges.NONE,
                HeaderChanges.NONE);
        // When
        String seen = target(route, sent);
        // Then
        assertThat(seen).isEqualTo(expected);
    }

    @Test
    void aWholePathIsReplacedAndTheQueryStays() throws IOException {
        // Given
        Route route = route(
                PathMatch.ALL,
                new Rewrite(new Rewrite.ReplaceFull("/other"), "inner.test:81"),
                HeaderChanges.NONE,
                HeaderChanges.NONE);
        // When
        String seen = target(route, "/a/b?q=1&q=%20");
        // Then
        assertThat(seen).isEqualTo("/other?q=1&q=%20");
        assertThat(backend.requests.getLast())
                .containsOnlyOnce("ost: inner.test:81\r\n")
                .contains("\r\nX-Forwarded-Host: a.test\r\n");
    }

    @Test
    void fieldsAreRemovedSetAndAddedOnBothWays() throws IOException {
        // Given
        HeaderChanges request = new HeaderChanges(
                List.of(new Header("X-Set", "new"), new Header("Host", "evil.test"), new Header("Upgrade", "h2c")),
                List.of(new Header("X-Add", "2")),
                List.of("Cookie"));
        HeaderChanges response = new HeaderChanges(
                List.of(new Header("X-Old", "2"), new Header("Content-Length", "999")),
                List.of(new Header("X-New", "3")),
                List.of("Server"));
        rig.serve(route(PathMatch.ALL, Rewrite.NONE, request, response), backend);
        try (RawClient client = rig.client()) {
            // When
            String answer = client.send(
                            "GET / HTTP/1.1\r\nHost: a.test\r\nX-Set: a\r\nx-set: b\r\nX-Add: 1\r\nCookie: c\r\n\r\n")
                    .answer();
            // Then
            assertThat(backend.requests.getLast())
                    .contains("\r\nX-Set: new\r\n", "\r\nX-Add: 1\r\n", "\r\nX-Add: 2\r\n", "ost: a.test\r\n")
                    .doesNotContain("evil.test", "h2c", "Cookie", "X-Set: a");
            assertThat(answer)
                    .contains("\r\nX-Old: 2\r\n", "\r\nX-New: 3\r\n")
                    .containsIgnoringCase("\r\ncontent-length: 2\r\n")
                    .doesNotContain("Server", "999")
                    .endsWith("hi");
        }
    }

    @Test
    void a101ChangesTooButItsProofStays() throws IOException {
        // Given
        HeaderChanges response = new HeaderChanges(
                List.of(new Header("Sec-WebSocket-Accept", "forged"), new Header("X-New", "3")),
                List.of(),
                List.of("Server", "Upgrade"));
        backend.script((request, socket) -> RawBackend.write(
                socket,
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nServer: s\r\n"
                        + "Sec-WebSocket-Accept: " + ACCEPT + "\r\n\r\n"));
        rig.serve(route(PathMatch.ALL, Rewrite.NONE, HeaderChanges.NONE, response), backend);
        try (RawClient client = rig.client()) {
            // When
            String head = client.send(UPGRADE).head();
            // Then
            assertThat(head)
                    .startsWith("HTTP/1.1 101")
                    .contains("X-New: 3\r\n", ACCEPT)
                    .containsIgnoringCase("upgrade: websocket\r\n")
                    .doesNotContain("Server", "forged");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {GET, UPGRADE})
    void aRequestFieldThatCannotBeSentIsTheRoutesFaultAndNotTheClients(String request) throws IOException {
        // Given
        rig.serve(route(PathMatch.ALL, Rewrite.NONE, UNSENDABLE, HeaderChanges.NONE), backend);
        try (RawClient client = rig.client()) {
            // When
            String answer = client.send(request).answer();
            // Then
            assertThat(answer).startsWith("HTTP/1.1 502");
            assertThat(backend.requests).isEmpty();
        }
    }

    static Stream<Arguments> answers() {
        return Stream.of(
                Arguments.of(GET, REFUSAL, 0), Arguments.of(UPGRADE, REFUSAL, 1), Arguments.of(UPGRADE, SWITCHING, 1));
    }

    @ParameterizedTest
    @MethodSource("answers")
    void anAnswersFieldThatCannotBeSentIs502(String request, String answer, int handshakes) throws IOException {
        // Given
        backend.script((seen, socket) -> RawBackend.write(socket, answer));
        rig.serve(route(PathMatch.ALL, Rewrite.NONE, HeaderChanges.NONE, UNSENDABLE), backend);
        try (RawClient client = rig.client()) {
            // When
            String seen = client.send(request).answer();
            // Then
            assertThat(seen).startsWith("HTTP/1.1 502").doesNotContain("X-Line");
            assertThat(rig.meters.find("holdfast.handshakes").tag("result", "failed").counters().stream()
                            .mapToDouble(counter -> counter.count())
                            .sum())
                    .isEqualTo(handshakes);
        }
    }

    @Test
    void theAsteriskHasNoPrefixToReplace() throws IOException {
        // Given
        Rewrite rewrite = new Rewrite(new Rewrite.ReplacePrefix("/app"), null);
        rig.serve(route(PathMatch.ALL, rewrite, HeaderChanges.NONE, HeaderChanges.NONE), backend);
        try (RawClient client = rig.client()) {
            // When
            String answer =
                    client.send("OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n").answer();
            // Then
            assertThat(answer).startsWith("HTTP/1.1 200");
            assertThat(backend.requests.getLast()).startsWith("OPTIONS * HTTP/1.1\r\n");
        }
    }

    @Test
    void anUpgradeOnARedirectingHostIsToldTheRightUrl() throws IOException {
        // Given
        rig.serve(Rig.route(RouteAction.Forward.to("u"), Route.Plaintext.REDIRECT), backend);
        try (RawClient client = rig.client()) {
            // When
            String answer = client.send(UPGRADE).answer();
            // Then
            assertThat(answer)
                    .startsWith("HTTP/1.1 403")
                    .contains("wss://a.test:" + rig.proxy.httpsPort() + "/chat")
                    .doesNotContainIgnoringCase("location:");
            assertThat(client.isEnded()).isTrue();
        }
    }
}
