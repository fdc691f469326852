package dev.holdfast.dataplane.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.conformance.rig.ProxyRig;
import dev.holdfast.dataplane.conformance.rig.RawClient;
import dev.holdfast.dataplane.conformance.rig.ScriptedBackend;
import dev.holdfast.dataplane.conformance.rig.Splits;
import dev.holdfast.dataplane.conformance.rig.Tables;
import dev.holdfast.routetable.PathMatch;
import dev.holdfast.routetable.RouteAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** HTTP/2 and TLS early data are not offered, and nothing of them slips through HTTP/1.1. */
class NewerProtocolsTest {
    private static final ProxyRig RIG = ProxyRig.start();
    private static final Pattern TICKET =
            Pattern.compile("\"NewSessionTicket\": \\{.*?\\R\\}", Pattern.DOTALL | Pattern.MULTILINE);

    @AfterAll
    static void stop() {
        RIG.close();
    }

    @ParameterizedTest
    @Conformance(value = "C10", rfc = "9113 §8.3.1 for 1.1")
    @ValueSource(
            strings = {
                ":authority: other.test\r\nHost: app.test\r\n",
                "Host: app.test\r\n:authority: app.test\r\n",
                "Host: app.test\r\n:path: /other\r\n"
            })
    void aPseudoFieldIsNoField(String fields) throws Exception {
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            // Given
            RIG.serve(backend);

            // When
            String verdict = Splits.alike(RIG, "GET / HTTP/1.1\r\n" + fields + "\r\n", Splits::verdict);

            // Then
            assertThat(verdict).isEqualTo("400 closed");
            assertThat(backend.connections()).isEmpty();
        }
    }

    @Test
    @Conformance(value = "C10", rfc = "9113 §8.3.1 for 1.1")
    void anAuthorityThatDiffersFromHostLeavesOneHost() throws Exception {
        // Given
        String request = "GET http://app.test/x HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n";
        try (ScriptedBackend backend = ScriptedBackend.answering(seen -> {
            String hosts = String.join(" and ", seen.head().values("Host"));
            return "HTTP/1.1 200 OK\r\nContent-Length: " + hosts.length() + "\r\n\r\n" + hosts;
        })) {
            RIG.serve(backend);

            // When
            String hosts =
                    Splits.alike(RIG, request, client -> client.response().text());

            // Then
            assertThat(hosts).isEqualTo("app.test");
        }
    }

    @Test
    @Conformance(value = "C10", rfc = "9113 §3.4")
    void thePrefaceOfHttp2IsRefused() throws Exception {
        try (ScriptedBackend backend = ScriptedBackend.echo()) {
            // Given
            RIG.serve(backend);
            String settings = "\0\0\0\4\0\0\0\0\0";

            // When
            String verdict = Splits.alike(RIG, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings, Splits::verdict);

            // Then
            assertThat(verdict).isIn("505 closed", "400 closed");
            assertThat(backend.connections()).isEmpty();
        }
    }

    @Test
    @Conformance(value = "C10", rfc = "9113 §3.2")
    void tlsNeverAgreesOnHttp2() throws Exception {
        // Given
        serveTls();

        // When
        List<String> agreed = new ArrayList<>();
        agreed.add(RawClient.agreedProtocol(RIG.httpsPort(), "a.test", "h2", "http/1.1"));
        agreed.add(RawClient.agreedProtocol(RIG.httpsPort(), "a.test", "http/1.1"));
        agreed.add(RawClient.agreedProtocol(RIG.httpsPort(), "a.test", "h2"));

        // Then
        assertThat(agreed).containsExactly("http/1.1", "http/1.1", "");
    }

    @Test
    @Conformance(value = "C26", rfc = "8446 §4.6.1, 8470 §3")
    void noTicketAllowsEarlyData() throws Exception {
        // Given
        serveTls();
        Process probe = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx64m",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-Djavax.net.debug=ssl,handshake",
                        "-cp",
                        System.getProperty("java.class.path"),
                        EarlyDataProbe.class.getName(),
                        "" + RIG.httpsPort())
                .redirectErrorStream(true)
                .start();

        // When
        String output = new String(probe.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(probe.waitFor(60, TimeUnit.SECONDS)).isTrue();

        // Then
        List<String> tickets = new ArrayList<>();
        Matcher ticket = TICKET.matcher(output);
        while (ticket.find()) {
            tickets.add(ticket.group());
        }
        assertThat(output).contains("status 503", "TLSv1.3");
        assertThat(tickets).as(output).isNotEmpty().allMatch(text -> text.contains("\"extensions\""));
        assertThat(tickets).noneMatch(text -> text.contains("early_data"));
    }

    private static void serveTls() throws Exception {
        RIG.serve(new Tables()
                .route("a.test", PathMatch.ALL, new RouteAction.Reject(503, "closed"))
                .certificate("a.test", RoutingTest.certificate("a.test"))
                .build());
    }
}
