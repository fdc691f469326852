package dev.holdfast.dataplane.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.conformance.NaiveFront.Mistake;
import dev.holdfast.dataplane.conformance.SmugglingTest.Worker;
import dev.holdfast.dataplane.conformance.UpgradeMatrix.Combination;
import dev.holdfast.dataplane.conformance.rig.RawClient;
import dev.holdfast.dataplane.conformance.rig.ScriptedBackend;
import dev.holdfast.dataplane.conformance.rig.StreamEnd;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Set;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The oracles of the upgrade matrix and of the smuggling corpus notice fronts that are wrong: a zero of theirs means something. */
@Timeout(120)
class OracleTest {
    private static final Set<String> REQUESTS = Set.of("valid", "Key doubled", "h2c and websocket", "HTTP/1.0", "POST");
    private static final Set<String> ANSWERS = Set.of(
            "101",
            "101 with a wrong Accept",
            "101 with Content-Length",
            "200 with upgrade fields",
            "403 with a body",
            "426");
    private static final String POST = "cl-static-path";

    @Test
    void aTunnelBeforeThe101IsNoticed() throws Exception {
        // When
        UpgradeMatrixTest.Result result = upgrades(Mistake.RELAYS_EVERYTHING);

        // Then
        assertThat(result.leakedBytes()).isPositive();
        assertThat(result.wrong())
                .anyMatch(finding -> finding.startsWith("valid / 101 / a frame: in the tunnel"))
                .anyMatch(finding -> finding.startsWith("valid / 101 with Content-Length / a frame: in the tunnel"))
                .anyMatch(finding -> finding.endsWith("Upgrade at the backend: [h2c, websocket]"))
                .anyMatch(finding -> finding.equals("POST / 101 / nothing: Upgrade at the backend: [websocket]"))
                .anyMatch(finding -> finding.equals("HTTP/1.0 / 101 / nothing: Upgrade at the backend: [websocket]"))
                .anyMatch(
                        finding -> finding.startsWith("Key doubled / ") && finding.contains("the backend heard of it"));
        assertThat(result.wrongTunnels()).isPositive();
    }

    @Test
    void a200ThatIsTakenForAnUpgradeIsNoticed() throws Exception {
        // When
        UpgradeMatrixTest.Result result = upgrades(Mistake.TAKES_ANY_ANSWER_FOR_AN_UPGRADE);

        // Then
        assertThat(result.wrongTunnels()).isPositive();
        assertThat(result.wrong())
                .anyMatch(finding -> finding.startsWith("valid / 200 with upgrade fields / a frame: leaked"))
                .anyMatch(finding -> finding.equals("valid / 101 with a wrong Accept / nothing: a wrong tunnel"));
    }

    @Test
    void bothFramingsOfOneRequestAtTheBackendAreNoticed() throws Exception {
        // When
        List<String> contaminated = attacks(
                Mistake.RELAYS_EVERYTHING, BackendBehaviour.KEEP_ALIVE, Set.of("cl-te-plain", "cl-te-no-space"));

        // Then
        assertThat(contaminated)
                .anyMatch(
                        finding -> finding.startsWith("cl-te-plain x KEEP_ALIVE: the backend saw [malformed: framing"))
                .anyMatch(finding ->
                        finding.startsWith("cl-te-no-space x KEEP_ALIVE: the backend saw [malformed: framing"));
    }

    @Test
    void anAnswerThatReachesAnotherClientIsNoticed() throws Exception {
        // When
        List<String> contaminated =
                attacks(Mistake.SHARES_ONE_CONNECTION, BackendBehaviour.GLUED, Set.of(firstForwarded()));

        // Then
        assertThat(contaminated)
                .anyMatch(finding -> finding.contains("the probe was answered 200 \"evil\""))
                .anyMatch(finding -> finding.contains("the canary was answered 200"));
    }

    @Test
    void aRequestThatIsDeliveredTwiceIsNoticed() throws Exception {
        // When
        List<String> contaminated = attacks(Mistake.DELIVERS_TWICE, BackendBehaviour.KEEP_ALIVE, Set.of(POST));

        // Then
        assertThat(contaminated)
                .isNotEmpty()
                .allMatch(finding -> finding.startsWith(POST + " x KEEP_ALIVE: the backend saw [/static/a.css with"));
    }

    @Test
    void aBodyThatIsAnotherOneIsNoticed() throws Exception {
        // When
        List<String> contaminated = attacks(Mistake.CHANGES_BODIES, BackendBehaviour.KEEP_ALIVE, Set.of(POST));

        // Then
        assertThat(contaminated)
                .isNotEmpty()
                .allMatch(finding ->
                        finding.startsWith(POST + " x KEEP_ALIVE: the backend saw [/static/a.css with \"xxx"));
    }

    @Test
    void aForwardedRequestWithoutItsAnswerIsNoticed() throws Exception {
        // When
        List<String> contaminated = attacks(Mistake.KEEPS_THE_ANSWER, BackendBehaviour.KEEP_ALIVE, Set.of(POST));

        // Then
        assertThat(contaminated)
                .isNotEmpty()
                .allMatch(finding ->
                        finding.startsWith(POST + " x KEEP_ALIVE: the connection ended after 0 of 1 answers"));
    }

    @Test
    void aRequestThatIsTakenForTheBodyOfAnotherIsNoticed() throws Exception {
        // When
        List<String> contaminated = attacks(Mistake.SWALLOWS_WHAT_FOLLOWS, BackendBehaviour.KEEP_ALIVE, Set.of(POST));

        // Then
        assertThat(contaminated)
                .isNotEmpty()
                .allMatch(finding ->
                        finding.startsWith(POST + " x KEEP_ALIVE: no answer, though the connection is open"));
    }

    @Test
    void anEndOfTlsThatIsNotAnnouncedIsNoticed() throws Exception {
        // Given a server that ends its connections without close_notify
        X509Bundle bundle = new CertificateBuilder()
                .subject("CN=a.test")
                .setIsCertificateAuthority(true)
                .buildSelfSigned();
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(bundle.toKeyManagerFactory().getKeyManagers(), null, null);
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Thread.startVirtualThread(() -> {
                try (Socket connection = server.accept();
                        SSLSocket secured =
                                (SSLSocket) tls.getSocketFactory().createSocket(connection, null, 0, false)) {
                    secured.setUseClientMode(false);
                    secured.startHandshake();
                    connection.shutdownOutput();
                    connection.shutdownInput();
                } catch (IOException e) {
                    // The client sees whatever came of it.
                }
            });

            // When
            try (RawClient client = RawClient.tls(server.getLocalPort(), "a.test")) {
                StreamEnd end = client.end();

                // Then
                assertThat(end.how()).isEqualTo(StreamEnd.How.RESET);
            }
        }
    }

    private static UpgradeMatrixTest.Result upgrades(Mistake mistake) throws Exception {
        UpgradeMatrixTest matrix = new UpgradeMatrixTest();
        List<Combination> some = matrix.combinations().stream()
                .filter(combination -> REQUESTS.contains(combination.request().name())
                        && ANSWERS.contains(combination.answer().name()))
                .toList();
        try (ScriptedBackend backend = ScriptedBackend.playing(matrix::play);
                NaiveFront front = NaiveFront.before(backend.port(), mistake)) {
            UpgradeMatrixTest.Result result = matrix.judge(front, backend, some);
            System.out.printf(
                    "oracle of the upgrade matrix: %s: wrong tunnels %d, bytes leaked before the 101: %d, findings %d%n",
                    mistake,
                    result.wrongTunnels(),
                    result.leakedBytes(),
                    result.wrong().size());
            return result;
        }
    }

    private static List<String> attacks(Mistake mistake, BackendBehaviour behaviour, Set<String> names)
            throws Exception {
        List<SmugglingVector> some = SmugglingVector.corpus().stream()
                .filter(vector -> names.contains(vector.name()))
                // Twice each, because a worker takes every second one.
                .flatMap(vector -> List.of(vector, vector).stream())
                .toList();
        try (ScriptedBackend backend = behaviour.start();
                NaiveFront front = NaiveFront.before(backend.port(), mistake)) {
            List<String> findings = SmugglingTest.attackAll(new Worker(front, "s.test", behaviour, backend), some, 0);
            System.out.printf(
                    "oracle of the smuggling corpus: %s: contaminated requests %d%n", mistake, findings.size());
            return findings;
        }
    }

    private static String firstForwarded() throws Exception {
        return SmugglingVector.corpus().stream()
                .filter(vector -> vector.kind() == SmugglingVector.Kind.FORWARD
                        && vector.targets().size() == 1
                        && vector.words().size() == 1
                        && vector.template().startsWith("GET "))
                .findFirst()
                .orElseThrow()
                .name();
    }
}
