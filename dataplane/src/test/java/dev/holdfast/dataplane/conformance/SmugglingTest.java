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
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
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
                "figure: R35 smuggling: %d vectors x %d backends, contaminated requests %d%n",
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
        int answered = 0;
        try {
            for (; answered < vector.targets().size(); answered++) {
                String of = answered == 0 ? method : "GET";
                RawResponse response = client.response(of);
                if (!isAnswer(response, of, vector.targets().get(answered), worker, vector)) {
                    findings.add("answered " + response.status() + " " + Splits.show(response.text()));
                }
            }
            if (vector.words().contains("then")) {
                expectRefusal(client, new SmugglingVector("", vector.kind(), vector.words(), ""), findings);
                return;
            }
            String target = "/probe-" + number;
            client.send("GET " + target + " HTTP/1.1\r\nHost: " + worker.host() + "\r\n\r\n");
            RawResponse probe = client.response();
            if (probe.status() != 200 || !probe.text().equals("GET " + target)) {
                findings.add("the probe was answered " + probe.status() + " " + Splits.show(probe.text()));
            }
        } catch (SocketTimeoutException swallowed) {
            findings.add("no answer, though the connection is open: taken for the body of an attack?");
        } catch (IOException ended) {
            // Behind the answers the connection may end, which hurts nobody; what the backend saw is judged below.
            if (vector.kind() == SmugglingVector.Kind.FORWARD
                    && answered < vector.targets().size()) {
                findings.add("the connection ended after " + answered + " of "
                        + vector.targets().size() + " answers: " + ended);
            }
        }
    }

    /** Whether an answer is the one to its own request, whole: nothing of an attack, of another request, of nobody. */
    private static boolean isAnswer(
            RawResponse response, String method, String target, Worker worker, SmugglingVector vector) {
        boolean foreign = response.text().contains("smuggled") && !target.contains("smuggled")
                || response.text().contains("evil");
        if (foreign || vector.kind() != SmugglingVector.Kind.FORWARD) {
            return !foreign;
        }
        if (worker.behaviour().dies()) {
            return response.status() == 502;
        }
        String own = method.equals("HEAD") ? "" : method + " " + target;
        int status = worker.behaviour() == BackendBehaviour.ERROR ? 500 : 200;
        return response.status() == status
                && response.complete()
                && response.text().equals(own);
    }

    private static void canary(Worker worker, int number, List<String> findings) throws IOException {
        String target = "/canary-" + number;
        RawResponse response = worker.front().ask("GET " + target + " HTTP/1.1\r\nHost: " + worker.host() + "\r\n\r\n");
        if (response.status() != 200 || !response.text().equals("GET " + target)) {
            findings.add("the canary was answered " + response.status() + " " + Splits.show(response.text()));
        }
    }

    private static void judge(Worker worker, SmugglingVector vector, int before, List<String> findings) {
        if (vector.kind() == SmugglingVector.Kind.FORWARD) {
            // A backend that answers before it reads the rest records the request behind its answer.
            ScriptedBackend.await(() -> fits(worker, vector, seen(worker, before)));
        }
        List<SeenRequest> seen = seen(worker, before);
        if (!fits(worker, vector, seen)) {
            findings.add("the backend saw " + show(seen) + " (expected: " + vector.kind() + " " + vector.words() + ")");
        }
        if (asked(worker, before).distinct().count() != asked(worker, before).count()) {
            findings.add("the backend saw a probe or a canary twice");
        }
        if (seen.stream()
                .anyMatch(request -> request.head().has("HTTP2-Settings")
                        || request.head().tokens("Upgrade").contains("h2c"))) {
            findings.add("the backend saw h2c");
        }
    }

    private static List<SeenRequest> seen(Worker worker, int before) {
        return worker.backend().requests().stream()
                .skip(before)
                .filter(request -> !isOurs(request.target()))
                .toList();
    }

    /** The targets of probe and canary, as often as the backend saw them. */
    private static Stream<String> asked(Worker worker, int before) {
        return worker.backend().requests().stream()
                .skip(before)
                .map(SeenRequest::target)
                .filter(SmugglingTest::isOurs);
    }

    private static boolean isOurs(String target) {
        return target.startsWith("/canary") || target.startsWith("/probe");
    }

    private static boolean fits(Worker worker, SmugglingVector vector, List<SeenRequest> seen) {
        return switch (vector.kind()) {
            case REFUSE -> seen.isEmpty();
            case FORWARD -> isExactly(worker, vector, seen);
            case EITHER, TUNNEL -> seen.isEmpty() || isExactly(worker, vector, seen);
            case BREAK, ABANDON -> seen.stream().noneMatch(SeenRequest::complete);
        };
    }

    /** Each target once, in order, with its own body; twice only where the backend died before it answered. */
    private static boolean isExactly(Worker worker, SmugglingVector vector, List<SeenRequest> all) {
        List<String> targets = vector.targets();
        // One that is answered early and broken off is recorded when the next vector is at work.
        List<SeenRequest> seen = all.stream()
                .filter(one -> one.complete() || !worker.behaviour().answersEarly())
                .toList();
        int at = 0;
        for (int i = 0; i < targets.size(); i++) {
            String body = vector.bodyOf(i, worker.host());
            int times = 0;
            while (at < seen.size() && times < (worker.behaviour().dies() ? 2 : 1)) {
                SeenRequest one = seen.get(at);
                if (!one.target().equals(targets.get(i))
                        || !one.complete()
                        || !one.text().equals(body)) {
                    break;
                }
                at++;
                times++;
            }
            if (times == 0) {
                return false;
            }
        }
        return at == seen.size();
    }

    private static String show(List<SeenRequest> seen) {
        return seen.stream()
                .map(one -> one.target() + (one.complete() ? "" : " (cut)") + " with " + Splits.show(one.text()))
                .toList()
                .toString();
    }
}
