package dev.holdfast.dataplane.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.conformance.rig.Handshake;
import dev.holdfast.dataplane.conformance.rig.ProxyRig;
import dev.holdfast.dataplane.conformance.rig.RawClient;
import dev.holdfast.dataplane.conformance.rig.RawResponse;
import dev.holdfast.dataplane.conformance.rig.ScriptedBackend;
import dev.holdfast.dataplane.conformance.rig.Splits;
import dev.holdfast.dataplane.proxy.HttpLimits;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which request heads are taken, and what becomes of the others. */
class RequestHeadTest {
    private static final ProxyRig RIG = ProxyRig.start();
    private static final HttpLimits LIMITS = HttpLimits.DEFAULT;
    /** Field lines of a head: more are 431 as well. */
    private static final int FIELDS_MAX = 512;

    private static final String FIELDS = "Host: app.test\r\nConnection: close\r\n";

    @AfterAll
    static void stop() {
        RIG.close();
    }

    @Test
    @Conformance(value = "C03", rfc = "9110 §7.8")
    void anUpgradeOfAnOldVersionOrWithoutItsConnectionTokenIsIgnored() throws Exception {
        // Given
        String valid = Handshake.request("/");
        List<String> noUpgrades = List.of(
                valid.replace("HTTP/1.1", "HTTP/1.0"),
                valid.replace("Connection: Upgrade\r\n", ""),
                valid.replace("Connection: Upgrade\r\n", "Connection: keep-alive\r\n"));
        for (String request : noUpgrades) {
            try (ScriptedBackend backend = ScriptedBackend.echo()) {
                RIG.serve(backend);

                // When
                String outcome =
                        Splits.alike(RIG, request, client -> client.response().text());

                // Then
                assertThat(outcome).isEqualTo("GET /");
                assertThat(backend.requests()).hasSize(request.length() + 1).allSatisfy(seen -> {
                    assertThat(seen.head().has("Upgrade")).isFalse();
                    assertThat(seen.head().tokens("Connection")).doesNotContain("upgrade");
                });
            }
        }
    }

    @ParameterizedTest
    @Conformance(value = "C08", rfc = "9112 §3.2")
    @ValueSource(
            strings = {
                "",
                "Host: app.test\r\nHost: app.test\r\n",
                "Host: app.test\r\nhost: other.test\r\n",
                "Host: app.test, other.test\r\n",
                "Host: app.test/x\r\n",
                "Host: app test\r\n",
                "Host: user@app.test\r\n",
                "Host: app.test:http\r\n",
                "Host: app.test:99999\r\n",
                "Host: [::1\r\n",
                "Host: app.test?x\r\n",
                "Host: app.test#x\r\n",
                "Host: app\\.test\r\n"
            })
    void aRequestNamesOneValidHost(String host) throws Exception {
        assertRefusedHoweverCut("GET / HTTP/1.1\r\n" + host + "X: y\r\n\r\n", "400 closed");
    }

    @Test
    @Conformance(value = "C09", rfc = "9112 §3.2.4")
    void theAsteriskIsForOptionsOnly() throws Exception {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            String get = Splits.alike(RIG, "GET * HTTP/1.1\r\nHost: app.test\r\n\r\n", Splits::verdict);
            String options = Splits.alike(
                    RIG,
                    "OPTIONS * HTTP/1.1\r\nHost: app.test\r\n\r\n",
                    client -> "" + client.response("OPTIONS").status());

            // Then
            assertThat(get).isEqualTo("400 closed");
            assertThat(options).isEqualTo("200");
            assertThat(backend.requests())
                    .isNotEmpty()
                    .allSatisfy(seen -> assertThat(seen.head().startLine()).isEqualTo("OPTIONS * HTTP/1.1"));
        }
    }

    @ParameterizedTest
    @Conformance(value = "C13", rfc = "9110 §4.2.3")
    @Conformance(value = "C12", rfc = "9110 §7.7")
    @ValueSource(
            strings = {
                "/a/../b",
                "/..",
                "/a/.",
                "/./a",
                "/a/..",
                "/a/%2e%2e/b",
                "/a/%2E./b",
                "/a/.%2e",
                "/%2e",
                "//a",
                "/a//b",
                "/a/b//",
                "/a\\b",
                "/a%5cb",
                "/a%5Cb",
                "/a%00b",
                "/a%0ab",
                "/a%0D%0Ab",
                "/a#b",
                "/a?b#c",
                "/%ff",
                "/%C0%AF",
                "/%ED%A0%80",
                "/%",
                "/%4",
                "/%zz",
                "/a\u00ffb",
                "/a\tb"
            })
    void anAmbiguousPathIsRefusedNotRepaired(String target) throws Exception {
        assertRefusedHoweverCut("GET " + target + " HTTP/1.1\r\nHost: app.test\r\n\r\n", "400 closed");
    }

    @Test
    @Conformance(value = "C15", rfc = "9112 §3")
    void arequestLineOfEightThousandOctetsWorks() throws IOException {
        // Given
        String target = "/" + "a".repeat(8_000 - "GET / HTTP/1.1".length());
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            RawResponse response = RIG.ask("GET " + target + " HTTP/1.1\r\nHost: app.test\r\n\r\n");

            // Then
            assertThat(response.status()).isEqualTo(200);
            assertThat(backend.onlyRequest().target()).isEqualTo(target);
        }
    }

    @Test
    @Conformance(value = "C15", rfc = "9110 §15.5.15, 6585 §5")
    void beyondTheLimitsThereIsA414OrA431AndNoBackendConnection() throws IOException {
        // Given
        String line = "GET /" + "a".repeat(70_000) + " HTTP/1.1\r\nHost: app.test\r\n\r\n";
        String field = "GET / HTTP/1.1\r\nHost: app.test\r\nX: " + "a".repeat(300_000) + "\r\n\r\n";
        String fields = "GET / HTTP/1.1\r\nHost: app.test\r\n" + "X: 1\r\n".repeat(50_000) + "\r\n";
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            List<String> verdicts = List.of(verdict(line), verdict(field), verdict(fields));

            // Then
            assertThat(verdicts).containsExactly("414 closed", "431 closed", "431 closed");
            assertThat(backend.connections()).isEmpty();
        }
    }

    @Test
    @Conformance(value = "C15", rfc = "9110 §15.5.15, 6585 §5")
    void exactlyAtTheLimitsAHeadIsServed() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            List<Set<String>> verdicts = List.of(
                    verdictsHoweverCut(withLine(LIMITS.requestLineBytesMax())),
                    verdictsHoweverCut(withFields(LIMITS.headBytesMax())),
                    verdictsHoweverCut(withFieldLines(FIELDS_MAX)));

            // Then
            assertThat(verdicts).containsOnly(Set.of("200 closed"));
            assertThat(backend.malformed()).isEmpty();
        }
    }

    @Test
    @Conformance(value = "C15", rfc = "9110 §15.5.15, 6585 §5")
    void oneBeyondTheLimitsAHeadIsRefusedWithoutABackendConnection() throws IOException {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            List<Set<String>> verdicts = List.of(
                    verdictsHoweverCut(withLine(LIMITS.requestLineBytesMax() + 1)),
                    verdictsHoweverCut(withFields(LIMITS.headBytesMax() + 1)),
                    verdictsHoweverCut(withFieldLines(FIELDS_MAX + 1)));

            // Then
            assertThat(verdicts).containsExactly(Set.of("414 closed"), Set.of("431 closed"), Set.of("431 closed"));
            assertThat(backend.connections()).isEmpty();
        }
    }

    /** A head whose request line, without its end, has so many octets. */
    private static String withLine(int octets) {
        return "GET /" + "a".repeat(octets - "GET / HTTP/1.1".length()) + " HTTP/1.1\r\n" + FIELDS + "\r\n";
    }

    /** A head whose field lines, with their ends, have so many octets. */
    private static String withFields(int octets) {
        return "GET / HTTP/1.1\r\n" + FIELDS + "X: " + "a".repeat(octets - FIELDS.length() - "X: \r\n".length())
                + "\r\n\r\n";
    }

    /** A head of so many field lines. */
    private static String withFieldLines(int lines) {
        return "GET / HTTP/1.1\r\n" + FIELDS + "X: 1\r\n".repeat(lines - 2) + "\r\n";
    }

    /** Whole, and cut at every octet around the end of the request line and around the end of the head. */
    private static Set<String> verdictsHoweverCut(String request) throws IOException {
        Set<String> verdicts = new TreeSet<>(Set.of(verdict(request)));
        int line = request.indexOf("\r\n");
        for (int at : new int[] {line - 1, line, line + 1, line + 2}) {
            verdicts.add(verdictCut(request, at));
        }
        for (int at = request.length() - 5; at < request.length(); at++) {
            verdicts.add(verdictCut(request, at));
        }
        return verdicts;
    }

    private static String verdictCut(String request, int at) throws IOException {
        try (RawClient client = RIG.client()) {
            return Splits.verdict(client.sendSplit(request, at));
        }
    }

    private static String verdict(String request) throws IOException {
        try (RawClient client = RIG.client()) {
            return Splits.verdict(client.sendIfOpen(request));
        }
    }

    @ParameterizedTest
    @Conformance(value = "C21", rfc = "9112 §2.2, §5")
    @ValueSource(
            strings = {
                "GET / HTTP/1.1\nHost: app.test\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: app.test\n\r\n",
                "GET / HTTP/1.1\r\nHost: app.test\r\n\n",
                "GET / HTTP/1.1\rHost: app.test\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: app.test\rX: y\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: app.test\r\nX: a\rb\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: app.test\r\nX: a\nb: c\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: app.test\r\nX: a\0b\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: app.test\r\nX: a\u0001b\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: app.test\r\nX: a\u007fb\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: app.test\r\nX: a\r\n b\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: app.test\r\nX: a\r\n\tb\r\n\r\n",
                "GET / HTTP/1.1\r\n Host: app.test\r\n\r\n",
                "GET / HTTP/1.1\r\nHost : app.test\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: app.test\r\nX\t: y\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: app.test\r\nX y: z\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: app.test\r\n: y\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: app.test\r\nX\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: app.test\r\nX\0: y\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: app.test\r\nX\u00e9: y\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: app.test\r\nX(y): z\r\n\r\n",
                "\0GET / HTTP/1.1\r\nHost: app.test\r\n\r\n",
                "\u0001GET / HTTP/1.1\r\nHost: app.test\r\n\r\n",
                " GET / HTTP/1.1\r\nHost: app.test\r\n\r\n",
                "\nGET / HTTP/1.1\r\nHost: app.test\r\n\r\n",
                "\u000bGET / HTTP/1.1\r\nHost: app.test\r\n\r\n",
                "GET  / HTTP/1.1\r\nHost: app.test\r\n\r\n",
                "GET /  HTTP/1.1\r\nHost: app.test\r\n\r\n",
                "GET\t/\tHTTP/1.1\r\nHost: app.test\r\n\r\n",
                "GET / HTTP/1.1 \r\nHost: app.test\r\n\r\n",
                "GET / HTTP/1.1 x\r\nHost: app.test\r\n\r\n",
                "GET /a b HTTP/1.1\r\nHost: app.test\r\n\r\n",
                "GET /\0 HTTP/1.1\r\nHost: app.test\r\n\r\n",
                "GET /\u000c HTTP/1.1\r\nHost: app.test\r\n\r\n",
                "G(T / HTTP/1.1\r\nHost: app.test\r\n\r\n",
                "GET / http/1.1\r\nHost: app.test\r\n\r\n",
                "GET / HTTP/1.1a\r\nHost: app.test\r\n\r\n",
                "GET / HTTP/1.10\r\nHost: app.test\r\n\r\n",
                "GET /\r\nHost: app.test\r\n\r\n",
                "GET HTTP/1.1\r\nHost: app.test\r\n\r\n",
                "GET app.test/ HTTP/1.1\r\nHost: app.test\r\n\r\n"
            })
    void aHeadOutOfGrammarIsRefused(String request) throws Exception {
        assertRefusedHoweverCut(request, "400 closed");
    }

    @Test
    @Conformance(value = "C04", rfc = "9110 §2.5")
    void aHigherMinorVersionIsServedAsTheHighestWeSpeak() throws Exception {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            String outcome =
                    Splits.alike(RIG, "GET / HTTP/1.2\r\nHost: app.test\r\nConnection: close\r\n\r\n", Splits::verdict);

            // Then
            assertThat(outcome).isEqualTo("200 closed");
            assertThat(backend.requests())
                    .extracting(seen -> seen.head().word(2))
                    .containsOnly("HTTP/1.1");
        }
    }

    @ParameterizedTest
    @Conformance(value = "C21", rfc = "9110 §15.6.6")
    @ValueSource(strings = {"HTTP/2.0", "HTTP/0.9", "HTTP/3.0"})
    void anotherVersionIsNotGuessed(String version) throws Exception {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            String verdict = Splits.alike(RIG, "GET / " + version + "\r\nHost: app.test\r\n\r\n", Splits::verdict);

            // Then
            assertThat(verdict).isIn("400 closed", "505 closed");
            assertThat(backend.connections()).isEmpty();
        }
    }

    @Test
    @Conformance(value = "C12", rfc = "9112 §2.1")
    @Conformance(value = "C21", rfc = "9112 §2.2")
    void aValidHeadMeansTheSameHoweverItIsCut() throws Exception {
        // Given
        String request = "GET /x?y=z HTTP/1.1\r\nHost: app.test\r\nX-A:  b \t\r\nx-a:\r\nConnection: close\r\n\r\n";
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            String outcome =
                    Splits.alike(RIG, request, client -> client.response().text());

            // Then
            assertThat(outcome).isEqualTo("GET /x?y=z");
            assertThat(backend.malformed()).isEmpty();
            assertThat(backend.requests())
                    .hasSize(request.length() + 1)
                    .allSatisfy(seen -> assertThat(seen.head().values("X-A")).containsExactly("b", ""));
        }
    }

    private static void assertRefusedHoweverCut(String request, String verdict) throws Exception {
        // Given
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            RIG.serve(backend);

            // When
            String outcome = Splits.alike(RIG, request, Splits::verdict);

            // Then
            assertThat(outcome).isEqualTo(verdict);
            assertThat(backend.connections()).as("backend connections").isEmpty();
        }
    }
}
