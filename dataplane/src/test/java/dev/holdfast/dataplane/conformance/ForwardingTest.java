package dev.holdfast.dataplane.conformance;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.conformance.rig.Handshake;
import dev.holdfast.dataplane.conformance.rig.Head;
import dev.holdfast.dataplane.conformance.rig.ProxyRig;
import dev.holdfast.dataplane.conformance.rig.RawClient;
import dev.holdfast.dataplane.conformance.rig.RawResponse;
import dev.holdfast.dataplane.conformance.rig.ScriptedBackend;
import dev.holdfast.dataplane.conformance.rig.SeenRequest;
import dev.holdfast.dataplane.conformance.rig.Splits;
import dev.holdfast.dataplane.conformance.rig.Tables;
import dev.holdfast.dataplane.proxy.forwarded.Cidr;
import dev.holdfast.routetable.PathMatch;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** What of a request goes on to a backend. */
class ForwardingTest {
    private static final ProxyRig RIG = ProxyRig.start();

    @AfterAll
    static void stop() {
        RIG.close();
    }

    /** What a backend sees of a request, however it is cut; only the name that we give each request differs. */
    private static Head seen(ProxyRig rig, ScriptedBackend backend, String request, String status) throws Exception {
        String outcome =
                Splits.alike(rig, request, client -> "" + client.response().status());
        assertThat(outcome).isEqualTo(status);
        Head first = backend.requests().getFirst().head();
        assertThat(backend.requests())
                .hasSize(request.length() + 1)
                .extracting(one -> unnamed(one.head()))
                .containsOnly(unnamed(first));
        return first;
    }

    private static Head unnamed(Head head) {
        return new Head(
                head.startLine(),
                head.fields().stream()
                        .filter(field -> !field.name().equalsIgnoreCase("X-Request-ID"))
                        .toList());
    }

    @Test
    @Conformance(value = "C01", rfc = "9110 §7.6.1")
    void whatConnectionNamesAndTheHopByHopFieldsStayBehind() throws Exception {
        // Given
        String hopByHop = "Connection: X-Secret, keep-alive, TE\r\n"
                + "connection: x-other\r\n"
                + "X-Secret: 1\r\n"
                + "X-Other: 2\r\n"
                + "Keep-Alive: timeout=5\r\n"
                + "Proxy-Connection: keep-alive\r\n"
                + "TE: trailers\r\n"
                + "HTTP2-Settings: AAMAAABk\r\n"
                + "X-Kept: 3\r\n";
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            Head head = seen(RIG, backend, "GET / HTTP/1.1\r\nHost: app.test\r\n" + hopByHop + "\r\n", "200");

            // Then
            assertStripped(head);
            assertThat(head.has("Upgrade")).isFalse();
            assertThat(head.value("X-Kept")).isEqualTo("3");
        }
    }

    @Test
    @Conformance(value = "C01", rfc = "9110 §7.6.1")
    void onAnUpgradeExactlyItsTwoFieldsAreRegenerated() throws Exception {
        // Given
        String fields = "X-Secret: 1\r\nX-Other: 2\r\nKeep-Alive: 5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\n"
                + "HTTP2-Settings: AAMAAABk\r\nConnection: x-secret , X-OTHER, HTTP2-Settings\r\nX-Kept: 3\r\n";
        try (ScriptedBackend backend = ScriptedBackend.answering(Handshake::accept)) {
            RIG.serve(backend);

            // When
            Head head = seen(RIG, backend, Handshake.request("/", fields), "101");

            // Then
            assertStripped(head);
            assertThat(Objects.requireNonNull(head.value("Connection")).toLowerCase(Locale.ROOT))
                    .isEqualTo("upgrade");
            assertThat(head.value("Upgrade")).isEqualTo("websocket");
            assertThat(head.value("X-Kept")).isEqualTo("3");
        }
    }

    private static void assertStripped(Head head) {
        for (String gone : List.of(
                "X-Secret", "X-Other", "Keep-Alive", "Proxy-Connection", "TE", "Transfer-Encoding", "HTTP2-Settings")) {
            assertThat(head.has(gone)).as(gone).isFalse();
        }
        assertThat(head.tokens("Connection")).doesNotContain("x-secret", "x-other", "te", "http2-settings");
    }

    @Test
    @Conformance(value = "C02", rfc = "9110 §7.6.1")
    void connectionCannotDeleteOurOwnFields() throws Exception {
        // Given
        String names =
                "X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, X-Real-IP, Forwarded, Via, Host, X-Request-ID";
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            Head head =
                    seen(RIG, backend, "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: " + names + "\r\n\r\n", "200");

            // Then
            assertThat(head.value("X-Forwarded-For")).isEqualTo("127.0.0.1");
            assertThat(head.value("X-Forwarded-Proto")).isEqualTo("http");
            assertThat(head.value("X-Forwarded-Host")).isEqualTo("app.test");
            assertThat(head.value("X-Real-IP")).isEqualTo("127.0.0.1");
            assertThat(head.value("Host")).isEqualTo("app.test");
            assertThat(head.has("Via")).isTrue();
            assertThat(head.value("Forwarded")).isEqualTo("for=127.0.0.1;host=app.test;proto=http");
            assertThat(head.value("X-Request-ID")).isNotBlank();
        }
    }

    @Test
    @Conformance(value = "C04", rfc = "9112 §2.3")
    void eachHopSpeaksItsOwnVersion() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.answering("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")) {
            RIG.serve(backend);

            // When
            RawResponse old = RIG.ask("GET /old HTTP/1.0\r\nHost: app.test\r\n\r\n");
            RawResponse current = RIG.ask("GET /new HTTP/1.1\r\nHost: app.test\r\n\r\n");

            // Then
            assertThat(backend.requests())
                    .extracting(request -> request.head().word(2))
                    .containsOnly("HTTP/1.1");
            assertThat(old.head().word(0)).isEqualTo("HTTP/1.1");
            assertThat(current.head().word(0)).isEqualTo("HTTP/1.1");
            assertThat(List.of(old.text(), current.text())).containsOnly("ok");
        }
    }

    @Test
    @Conformance(value = "C05", rfc = "9110 §7.6.3")
    void viaIsAddedBehindTheOnesThatAreThere() throws Exception {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            Head head = seen(RIG, backend, "GET / HTTP/1.0\r\nHost: app.test\r\nVia: 1.1 elsewhere\r\n\r\n", "200");

            // Then
            List<String> via = head.tokens("Via");
            assertThat(via).hasSize(2).first().isEqualTo("1.1 elsewhere");
            assertThat(via.getLast()).startsWith("1.0 ");
        }
    }

    @Test
    @Conformance(value = "C05", rfc = "9110 §7.6")
    void aRouteThatLeadsBackToUsEndsWithin5Passes() throws IOException {
        // Given
        AtomicInteger passes = new AtomicInteger();
        try (ScriptedBackend mirror = ScriptedBackend.answering(request -> sendBack(request, passes))) {
            RIG.serve(mirror);

            // When
            RawResponse response = RIG.ask("GET /loop HTTP/1.1\r\nHost: app.test\r\n\r\n");

            // Then
            assertThat(response.status()).isEqualTo(508);
            assertThat(passes).hasValueLessThanOrEqualTo(5);
        }
    }

    private static String sendBack(SeenRequest request, AtomicInteger passes) {
        if (passes.incrementAndGet() > 20) {
            return "HTTP/1.1 500 Endless\r\nContent-Length: 0\r\n\r\n";
        }
        try (RawClient client = RIG.client()) {
            RawResponse response = client.send(request.head().toString().replace("\n", "\r\n") + "\r\n\r\n")
                    .response();
            return "HTTP/1.1 " + response.status() + " Returned\r\nContent-Length: 0\r\n\r\n";
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    @Conformance(value = "C06", rfc = "7239 §8.1")
    void nobodyButATrustedProxySaysWhoTheClientIs() throws Exception {
        // Given
        String lies = "X-Forwarded-For: 1.2.3.4\r\nx-forwarded-for: 1.2.3.5\r\nX_Forwarded_For: 1.2.3.6\r\n"
                + "X-Real-IP: 1.2.3.4\r\nX_Real_IP: 1.2.3.4\r\nForwarded: for=1.2.3.4;host=evil\r\n"
                + "X-Forwarded-Host: evil\r\nX_Forwarded_Host: evil\r\nX-Forwarded-Proto: evil\r\n"
                + "X-Forwarded_For: 1.2.3.7\r\nX-Forwarded-Port: 6666\r\nX-Forwarded-Prefix: /evil\r\n";
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            Head head = seen(RIG, backend, "GET / HTTP/1.1\r\nHost: app.test\r\n" + lies + "\r\n", "200");

            // Then
            assertThat(head.value("X-Forwarded-For")).isEqualTo("127.0.0.1");
            assertThat(head.value("X-Real-IP")).isEqualTo("127.0.0.1");
            assertThat(head.toString()).doesNotContain("1.2.3.", "evil", "6666", "_");
        }
    }

    @Test
    @Conformance(value = "C06", rfc = "7239 §5.2")
    @Conformance(value = "C07", rfc = "7239 §6")
    void aTrustedProxyIsAppendedToAndIpv6IsQuoted() throws Exception {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo();
                ProxyRig trusting =
                        ProxyRig.start(config -> config.withTrustedProxies(List.of(Cidr.parse("127.0.0.0/8"))))) {
            trusting.serve(backend);

            // When
            String request = "GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 2001:db8::7\r\n"
                    + "X-Forwarded-Proto: https\r\nX-Real-IP: 6.6.6.6\r\n\r\n";
            Head head = seen(trusting, backend, request, "200");

            // Then
            assertThat(head.value("X-Forwarded-For")).isEqualTo("2001:db8::7, 127.0.0.1");
            assertThat(head.value("X-Real-IP")).isEqualTo("2001:db8::7");
            assertThat(head.value("X-Forwarded-Proto")).isEqualTo("https");
            assertThat(String.join(", ", head.values("Forwarded")).toLowerCase(Locale.ROOT))
                    .contains("for=\"[2001:db8::7]\"")
                    .contains("for=127.0.0.1");
        }
    }

    @Test
    @Conformance(value = "C12", rfc = "9110 §7.7")
    void theTargetGoesOnByteForByte() throws Exception {
        // Given
        List<String> targets = List.of(
                "/",
                "/a%20b;p=1/~x/%7Ex/%2F%2f/%e2%82%ac?q=%2F..%2f//../&&=+%20&[x]",
                "/?",
                "/a?",
                "/a/?a=b?c=d",
                "/%41?%41",
                "/a/b/",
                "/:@!$&'()*+,;=?/?:@!$&'()*+,;=");
        for (String target : targets) {
            try (ScriptedBackend backend = ScriptedBackend.echo()) {
                RIG.serve(backend);

                // When
                Head head = seen(RIG, backend, "GET " + target + " HTTP/1.1\r\nHost: app.test\r\n\r\n", "200");

                // Then
                assertThat(head.startLine()).isEqualTo("GET " + target + " HTTP/1.1");
            }
        }
    }

    /** Not of RFC 3986, but what curl and scripts send: UTF-8 as it is. */
    @Test
    @Conformance(value = "C12", rfc = "9110 §7.7")
    void octetsBeyondAsciiGoOnAsTheyCame() throws Exception {
        // Given
        List<String> targets = Stream.of("/é", "/?q=é", "/日本?q=日本", "/a?é=%C3%A9")
                .map(target -> new String(target.getBytes(UTF_8), ISO_8859_1))
                .toList();
        for (String target : targets) {
            try (ScriptedBackend backend = ScriptedBackend.echo()) {
                RIG.serve(backend);

                // When
                Head head = seen(RIG, backend, "GET " + target + " HTTP/1.1\r\nHost: app.test\r\n\r\n", "200");

                // Then
                assertThat(head.startLine()).isEqualTo("GET " + target + " HTTP/1.1");
            }
        }
    }

    @Test
    @Conformance(value = "C09", rfc = "9112 §3.2.2")
    void theAuthorityOfAnAbsoluteFormReplacesHost() throws Exception {
        // Given
        try (ScriptedBackend app = ScriptedBackend.echo();
                ScriptedBackend other = ScriptedBackend.echo()) {
            RIG.serve(new Tables()
                    .forward("app.test", PathMatch.ALL, app.port())
                    .forward("other.test", PathMatch.ALL, other.port())
                    .build());

            // When
            Head head = seen(RIG, app, "GET http://app.test/x?y HTTP/1.1\r\nHost: other.test\r\n\r\n", "200");

            // Then
            assertThat(head.startLine()).isEqualTo("GET /x?y HTTP/1.1");
            assertThat(head.value("Host")).isEqualTo("app.test");
            assertThat(head.value("X-Forwarded-Host")).isEqualTo("app.test");
            assertThat(other.requests()).isEmpty();
        }
    }
}
