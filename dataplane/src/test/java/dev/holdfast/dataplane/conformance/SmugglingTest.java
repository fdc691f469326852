package dev.holdfast.dataplane.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.dataplane.conformance.rig.Front;
import dev.holdfast.dataplane.conformance.rig.ProxyRig;
import dev.holdfast.dataplane.conformance.rig.RawClient;
import dev.holdfast.dataplane.conformance.rig.RawResponse;
import dev.holdfast.dataplane.conformance.rig.ScriptedBackend;
import dev.holdfast.dataplane.conformance.rig.SeenRequest;
import dev.holdfast.dataplane.conformance.rig.Splits;
import dev.holdfast.dataplane.conformance.rig.StreamEnd;
import dev.holdfast.dataplane.conformance.rig.Tables;
import dev.holdfast.routetable.PathMatch;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/**
 * Request smuggling (scorecard R35). The oracle is the two-request probe: after each attack the same connection, if it
 * is still open, and another client ask for targets of their own, and must get their own answers; and what the backend
 * saw must be exactly what the verdict says.
 */
class SmugglingTest {
    private static final int WORKERS_PER_BEHAVIOUR = 2;

    /** One worker: a host and a backend of its own, so that what the backend sees belongs to one attack at a time. */
    record Worker(Front front, String host, BackendBehaviour behaviour, ScriptedBackend backend) {}

    @Test
    @Conformance(value = "C20", rfc = "9112 §6, §11.2")
    @Conformance(value = "C24", rfc = "9112 §9.3")
    void noAttackTouchesTheRequestOfAnother() throws Exception {
        // Given
        List<SmugglingVector> corpus = SmugglingVector.corpus();
        List<String> contaminated = new ArrayList<>();
        int runs = 0;
        try (ProxyRig rig = ProxyRig.start();
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Worker> workers = workers(rig);

            // When
            List<Future<List<String>>> findings = new ArrayList<>();
            for (int i = 0; i < workers.size(); i++) {
                int share = i % WORKERS_PER_BEHAVIOUR;
                Worker worker = workers.get(i);
                findings.add(threads.submit(() -> attackAll(worker, corpus, share)));
            }
            for (Future<List<String>> finding : findings) {
                contaminated.addAll(finding.get());
            }
            runs = corpus.size() * BackendBehaviour.values().length;
            for (Worker worker : workers) {
                worker.backend().close();
            }
        }

        // Then
        System.out.printf(
                "smuggling: %d vectors x %d backends, contaminated requests %d%n",
                corpus.size(), BackendBehaviour.values().length, contaminated.size());
        assertThat(contaminated).isEmpty();
        assertThat(corpus).hasSizeGreaterThanOrEqualTo(200);
        assertThat(runs).isGreaterThanOrEqualTo(1_600);
    }

    private static List<Worker> workers(ProxyRig rig) throws IOException {
        List<Worker> workers = new ArrayList<>();
        Tables tables = new Tables();
        for (BackendBehaviour behaviour : BackendBehaviour.values()) {
            for (int i = 0; i < WORKERS_PER_BEHAVIOUR; i++) {
                String host = String.format("s%02d%d.test", behaviour.ordinal(), i);
                ScriptedBackend backend = behaviour.start();
                tables.forward(host, PathMatch.ALL, backend.port());
                workers.add(new Worker(rig, host, behaviour, backend));
            }
        }
        rig.serve(tables.build());
        return workers;
    }

    static List<String> attackAll(Worker worker, List<SmugglingVector> corpus, int share) {
        List<String> findings = new ArrayList<>();
        for (int i = share; i < corpus.size(); i += WORKERS_PER_BEHAVIOUR) {
            SmugglingVector vector = corpus.get(i);
            try {
                attack(worker, vector, i).forEach(finding -> findings.add(label(worker, vector) + finding));
            } catch (IOException e) {
                findings.add(label(worker, vector) + e);
            }
        }
        return findings;
    }

    private static String label(Worker worker, SmugglingVector vector) {
        return vector.name() + " x " + worker.behaviour() + ": ";
    }

    private static List<String> attack(Worker worker, SmugglingVector vector, int number) throws IOException {
        List<String> findings = new ArrayList<>();
        int before = worker.backend().requests().size();
        int malformed = worker.backend().malformed().size();
        try (RawClient client = worker.front().client()) {
            client.sendIfOpen(vector.against(worker.host()));
            switch (vector.kind()) {
                case REFUSE -> expectRefusal(client, vector, findings);
                case FORWARD, EITHER -> expectAnswers(client, worker, vector, number, findings);
                case BREAK, TUNNEL -> {
                    StreamEnd end = client.end();
                    if (!end.ended()) {
                        findings.add("the connection stays open after " + Splits.show(end.text()));
                    }
                }
                case ABANDON -> {
                    StreamEnd end = client.end(Duration.ofMillis(20));
                    if (end.text().contains("/smuggled")) {
                        findings.add("answered " + Splits.show(end.text()));
                    }
                }
            }
        }
        canary(worker, number, findings);
        judge(worker, vector, before, findings);
        List<String> bad = worker.backend().malformed();
        if (bad.size() > malformed) {
            findings.add("the backend saw " + bad.subList(malformed, bad.size()));
        }
        return findings;
    }

    private static void expectRefusal(RawClient client, SmugglingVector vector, List<String> findings) {
        try {
            RawResponse response = client.response();
            StreamEnd end = client.end();
            if (!vector.statuses().contains(response.status()) || !end.ended() || end.bytes().length > 0) {
                findings.add(response.status() + ", then " + end.how() + " " + Splits.show(end.text()) + " (expected: "
                        + vector.statuses() + ", then the end)");
            }
        } catch (IOException e) {
            findings.add(e + " (expected: " + vector.statuses() + ")");
        }
    }

    /** Reads an answer per target, then probes the same connection while it is open. */
    private static void expectAnswers(
            RawClient client, Worker worker, SmugglingVector vector, int number, List<String> findings) {
        String method = vector.template().substring(0, vector.template().indexOf(' '));
        try {
            for (int i = 0; i < vector.targets().size(); i++) {
                RawResponse response = client.response(i == 0 ? method : "GET");
                if (response.text().contains("smuggled")
                                && !vector.targets().get(i).contains("smuggled")
                        || response.text().contains("evil")) {
                    findings.add("answered " + Splits.show(response.text()));
                }
            }
            if (vector.words().contains("then")) {
                expectRefusal(client, new SmugglingVector("", vector.kind(), vector.words(), ""), findings);
                return;
            }
            String target = "/probe-" + number;
            client.send("GET " + target + " HTTP/1.1\r\nHost: " + worker.host() + "\r\n\r\n");
            RawResponse probe = client.response();
            if (probe.status() == 200 && !probe.text().equals("GET " + target)) {
                findings.add("the probe was answered " + Splits.show(probe.text()));
            }
        } catch (IOException ended) {
            // The connection ended instead, which hurts nobody; what the backend saw is judged below.
        }
    }

    private static void canary(Worker worker, int number, List<String> findings) throws IOException {
        String target = "/canary-" + number;
        RawResponse response = worker.front().ask("GET " + target + " HTTP/1.1\r\nHost: " + worker.host() + "\r\n\r\n");
        if (response.status() != 200 || !response.text().equals("GET " + target)) {
            findings.add("the canary was answered " + response.status() + " " + Splits.show(response.text()));
        }
    }

    private static void judge(Worker worker, SmugglingVector vector, int before, List<String> findings) {
        List<SeenRequest> seen = worker.backend().requests().stream()
                .skip(before)
                .filter(request -> !request.target().startsWith("/canary")
                        && !request.target().startsWith("/probe"))
                .toList();
        // A request on a connection that turned out dead may be sent once more: the order is what counts.
        List<String> targets = new ArrayList<>(
                new LinkedHashSet<>(seen.stream().map(SeenRequest::target).toList()));
        List<String> expected = vector.targets();
        boolean fits = switch (vector.kind()) {
            case REFUSE -> targets.isEmpty();
            case FORWARD -> targets.equals(expected) || !worker.behaviour().answersAll() && isStart(targets, expected);
            case EITHER, TUNNEL -> targets.isEmpty() || targets.equals(expected);
            case BREAK, ABANDON -> seen.stream().noneMatch(SeenRequest::complete);
        };
        if (!fits) {
            findings.add("the backend saw " + targets + " (expected: " + vector.kind() + " " + expected + ")");
        }
        if (seen.stream()
                .anyMatch(request -> request.head().has("HTTP2-Settings")
                        || request.head().tokens("Upgrade").contains("h2c"))) {
            findings.add("the backend saw h2c");
        }
    }

    private static boolean isStart(List<String> targets, List<String> expected) {
        return !targets.isEmpty()
                && targets.size() <= expected.size()
                && expected.subList(0, targets.size()).equals(targets);
    }
}
