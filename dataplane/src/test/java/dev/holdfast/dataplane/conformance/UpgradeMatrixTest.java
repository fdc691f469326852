package dev.holdfast.dataplane.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.conformance.UpgradeMatrix.Combination;
import dev.holdfast.dataplane.conformance.UpgradeMatrix.Standing;
import dev.holdfast.dataplane.conformance.UpgradeMatrix.Verdict;
import dev.holdfast.dataplane.conformance.rig.BackendConnection;
import dev.holdfast.dataplane.conformance.rig.Front;
import dev.holdfast.dataplane.conformance.rig.Handshake;
import dev.holdfast.dataplane.conformance.rig.ProxyRig;
import dev.holdfast.dataplane.conformance.rig.RawClient;
import dev.holdfast.dataplane.conformance.rig.RawResponse;
import dev.holdfast.dataplane.conformance.rig.ScriptedBackend;
import dev.holdfast.dataplane.conformance.rig.SeenRequest;
import dev.holdfast.dataplane.conformance.rig.Splits;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.Test;

/** The upgrade matrix (scorecard R36): every request against every answer, with and without early bytes. */
class UpgradeMatrixTest {
    private static final int AT_ONCE = 16;
    private static final Duration NOTHING_WAITS = Duration.ofMillis(15);
    private static final Duration EARLY_BYTES_WAIT = Duration.ofMillis(100);
    private static final String LATER = "bytes of the tunnel";

    /** What the backend saw of one combination. */
    private record Seen(SeenRequest request, int bytesBefore101, String afterwards) {}

    private final List<Combination> combinations = UpgradeMatrix.combinations();
    private final Set<Integer> heard = ConcurrentHashMap.newKeySet();
    private final Map<Integer, Seen> seen = new ConcurrentHashMap<>();

    /** Combinations whose client heard a 101. */
    private final Set<Integer> switched = ConcurrentHashMap.newKeySet();

    @Test
    @Conformance(value = "W01", rfc = "6455 §4.2.1")
    @Conformance(value = "W03", rfc = "6455 §4.1")
    @Conformance(value = "W04", rfc = "6455 §4.2.2")
    @Conformance(value = "W05", rfc = "6455 §4.1, 9931")
    @Conformance(value = "W07", rfc = "6455 §4.2.2")
    @Conformance(value = "W10", rfc = "9931")
    void everyCombinationHasItsVerdict() throws Exception {
        // Given
        Result result;
        try (ProxyRig rig = ProxyRig.start();
                ScriptedBackend backend = ScriptedBackend.playing(this::play)) {
            rig.serve(backend);

            // When
            result = judge(rig, backend, combinations);
        }

        // Then
        System.out.printf(
                "figure: R36 upgrade matrix: %d combinations, wrong tunnels %d, bytes leaked before the 101: %d%n",
                combinations.size(), result.wrongTunnels(), result.leakedBytes());
        assertThat(result.wrong()).isEmpty();
        assertThat(result.leakedBytes()).isZero();
        assertThat(combinations).hasSizeGreaterThanOrEqualTo(400);
    }

    /**
     * What became of combinations.
     *
     * @param wrong what was not as the verdict says
     * @param leakedBytes that the backend saw before its 101
     */
    record Result(List<String> wrong, int leakedBytes) {
        long wrongTunnels() {
            return wrong.stream().filter(finding -> finding.contains("tunnel")).count();
        }
    }

    /** Every combination that the matrix has. */
    List<Combination> combinations() {
        return combinations;
    }

    /** Plays combinations through a front whose backend plays {@link #play}. */
    Result judge(Front front, ScriptedBackend backend, List<Combination> played) throws Exception {
        List<String> wrong = new ArrayList<>();
        Semaphore slots = new Semaphore(AT_ONCE);
        List<Future<List<String>>> findings = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Combination combination : played) {
                slots.acquire();
                findings.add(threads.submit(() -> {
                    try {
                        return run(front, combination);
                    } finally {
                        slots.release();
                    }
                }));
            }
        }
        for (Future<List<String>> finding : findings) {
            wrong.addAll(finding.get());
        }
        wrong.addAll(backend.malformed());
        return new Result(
                wrong, seen.values().stream().mapToInt(Seen::bytesBefore101).sum());
    }

    /** Answers a combination as it says, and records what comes before and after. */
    void play(BackendConnection connection) throws IOException {
        SeenRequest request;
        while ((request = connection.next()) != null) {
            if (!request.target().startsWith("/m/")) {
                connection.send(ScriptedBackend.echoOf(request));
                continue;
            }
            Combination combination =
                    combinations.get(Integer.parseInt(request.target().substring(3)));
            heard.add(combination.number());
            String answer = combination.answer().to(request);
            // On the connection of an upgrade or of a 101 nothing may come before the answer, nor behind an interim
            // one.
            boolean watched = request.head().has("Upgrade") || answer.contains(" 101 ");
            Duration watch = combination.early().text().isEmpty() ? NOTHING_WAITS : EARLY_BYTES_WAIT;
            int before = 0;
            for (String part : answer.split("(?=HTTP/1.1 101)")) {
                before += watched ? connection.end(watch).bytes().length : 0;
                connection.send(part);
            }
            String after = "";
            if (watched || answer.isEmpty()) {
                if (answer.isEmpty()) {
                    connection.finish();
                }
                after = connection.end(Duration.ofMillis(3_000)).text();
                connection.close();
            }
            seen.put(combination.number(), new Seen(request, before, after));
            if (watched || answer.isEmpty()) {
                return;
            }
        }
    }

    private List<String> run(Front front, Combination combination) {
        List<String> findings = new ArrayList<>();
        try (RawClient client = front.client()) {
            client.send(combination.bytes());
            String method = combination.bytes().substring(0, combination.bytes().indexOf(' '));
            RawResponse response = client.response(method);
            if (response.status() == 101) {
                switched.add(combination.number());
            }
            switch (combination.request().standing()) {
                case CANDIDATE -> candidate(client, response, combination, findings);
                case BAD -> expect(response.status() == 400, "status " + response.status(), findings);
                case VERSION ->
                    expect(
                            response.status() == 426
                                    && "13".equals(response.head().value("Sec-WebSocket-Version")),
                            "status " + response.head(),
                            findings);
                case PLAIN ->
                    expect(response.status() == plainStatus(combination), "status " + response.status(), findings);
                case NO_TUNNEL ->
                    expect(
                            response.status() == plainStatus(combination)
                                    || List.of(400, 405, 426).contains(response.status()),
                            "status " + response.status(),
                            findings);
            }
            expect(response.status() != 101 || isCandidate(combination), "a wrong tunnel", findings);
        } catch (IOException e) {
            findings.add(e.toString());
        }
        backendSide(combination, findings);
        return findings.stream().map(finding -> combination + ": " + finding).toList();
    }

    private static boolean isCandidate(Combination combination) {
        return combination.request().standing() == Standing.CANDIDATE;
    }

    /** Whatever answers 101 to a plain request is a bad gateway. */
    private static int plainStatus(Combination combination) {
        return combination.answer().verdict() == Verdict.RELAYED
                ? combination.answer().status()
                : 502;
    }

    private static void candidate(
            RawClient client, RawResponse response, Combination combination, List<String> findings) throws IOException {
        int status = response.status();
        switch (combination.answer().verdict()) {
            case TUNNEL -> {
                expect(status == 101, "status " + status + " (expected: a tunnel)", findings);
                if (status == 101) {
                    throughTheTunnel(client, combination, findings);
                }
            }
            case TUNNEL_OR_BAD_GATEWAY -> {
                boolean unframed = !response.head().has("Content-Length");
                expect(status == 101 && unframed || status == 502, "status " + status, findings);
                if (status == 101) {
                    throughTheTunnel(client, combination, findings);
                } else {
                    expectEnd(client, combination, findings);
                }
            }
            case RELAYED -> {
                expect(status == combination.answer().status(), "status " + status, findings);
                expect(response.text().equals("body"), "body " + Splits.show(response.text()), findings);
                expectEnd(client, combination, findings);
            }
            case BAD_GATEWAY -> {
                expect(status == 502, status == 101 ? "a wrong tunnel" : "status " + status, findings);
                expectEnd(client, combination, findings);
            }
        }
    }

    private static void throughTheTunnel(RawClient client, Combination combination, List<String> findings)
            throws IOException {
        if (combination.answer().text().endsWith(Handshake.HELLO)) {
            String glued = new String(client.bytes(Handshake.HELLO.length()), StandardCharsets.ISO_8859_1);
            expect(glued.equals(Handshake.HELLO), "glued " + Splits.show(glued), findings);
        }
        client.send(LATER).finish();
        client.end();
    }

    private static void expectEnd(RawClient client, Combination combination, List<String> findings) throws IOException {
        if (!combination.early().text().isEmpty()) {
            var end = client.end();
            expect(end.ended() && end.bytes().length == 0, "then " + end.how() + Splits.show(end.text()), findings);
        }
    }

    private void backendSide(Combination combination, List<String> findings) {
        boolean refused = combination.request().standing() == Standing.BAD
                || combination.request().standing() == Standing.VERSION;
        if (refused) {
            expect(!heard.contains(combination.number()), "the backend heard of it", findings);
            return;
        }
        if (combination.request().standing() == Standing.NO_TUNNEL && !heard.contains(combination.number())) {
            return; // Refused, as it may be.
        }
        ScriptedBackend.await(() -> seen.containsKey(combination.number()));
        Seen here = seen.get(combination.number());
        if (here == null) {
            findings.add("the backend heard nothing, or not the end");
            return;
        }
        List<String> upgrade = here.request().head().tokens("Upgrade");
        List<String> expectedUpgrade = isCandidate(combination) ? List.of("websocket") : List.of();
        expect(upgrade.equals(expectedUpgrade), "Upgrade at the backend: " + upgrade, findings);
        expect(!here.request().head().has("Authorization"), "the backend saw a field that Connection names", findings);
        if (isTunnel(combination)) {
            String expected = combination.early().text().replace("{number}", "" + combination.number()) + LATER;
            expect(here.afterwards().equals(expected), "in the tunnel " + Splits.show(here.afterwards()), findings);
        } else {
            expect(here.afterwards().isEmpty(), "leaked " + Splits.show(here.afterwards()), findings);
        }
    }

    private boolean isTunnel(Combination combination) {
        return isCandidate(combination)
                && switch (combination.answer().verdict()) {
                    case TUNNEL -> true;
                    case TUNNEL_OR_BAD_GATEWAY -> switched.contains(combination.number());
                    case RELAYED, BAD_GATEWAY -> false;
                };
    }

    private static void expect(boolean holds, String otherwise, List<String> findings) {
        if (!holds) {
            findings.add(otherwise);
        }
    }
}
