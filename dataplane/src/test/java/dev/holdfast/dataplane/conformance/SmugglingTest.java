package dev.holdfast.dataplane.conformance;

import static java.util.stream.Collectors.toSet;
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
import java.util.Set;
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

    /** One worker: a domain and a backend of its own. */
    record Worker(Front front, String domain, BackendBehaviour behaviour, ScriptedBackend backend) {}

    /** One attack: a host of its own, which tells what of all that the backend saw, early or late, belongs to it. */
    private record Attack(Worker worker, SmugglingVector vector, int number) {
        String host() {
            return "n" + number + "." + worker.domain();
        }

        List<SeenRequest> seen() {
            return worker.backend().requests().stream()
                    .filter(request -> host().equals(hostOf(request)))
                    .toList();
        }

        /** The host without a port, which some attacks name. */
        static String hostOf(SeenRequest request) {
            return String.valueOf(request.head().value("Host")).replaceFirst(":[0-9]+$", "");
        }
    }

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
                String domain = String.format("s%02d%d.test", behaviour.ordinal(), i);
                ScriptedBackend backend = behaviour.start();
                tables.forward("*." + domain, PathMatch.ALL, backend.port());
                workers.add(new Worker(rig, domain, behaviour, backend));
            }
        }
        rig.serve(tables.build());
        return workers;
    }

    /** Attacks one by one; what the backend saw is judged behind the last, when nothing more can come. */
    static List<String> attackAll(Worker worker, List<SmugglingVector> corpus, int share) {
        List<String> findings = new ArrayList<>();
        List<Attack> attacks = new ArrayList<>();
        for (int i = share; i < corpus.size(); i += WORKERS_PER_BEHAVIOUR) {
            Attack attack = new Attack(worker, corpus.get(i), i);
            attacks.add(attack);
            try {
                attack(attack).forEach(finding -> findings.add(label(attack) + finding));
            } catch (IOException e) {
                findings.add(label(attack) + e);
            }
        }
        attacks.forEach(attack -> judge(attack).forEach(finding -> findings.add(label(attack) + finding)));
        Set<String> hosts = attacks.stream().map(Attack::host).collect(toSet());
        worker.backend().requests().stream()
                .filter(request -> !hosts.contains(Attack.hostOf(request)))
                .forEach(request -> findings.add(worker.behaviour() + ": the backend saw " + request.head()
                        + " (expected: the host of an attack)"));
        return findings;
    }

    private static String label(Attack attack) {
        return attack.vector().name() + " x " + attack.worker().behaviour() + ": ";
    }

    private static List<String> attack(Attack attack) throws IOException {
        List<String> findings = new ArrayList<>();
        Worker worker = attack.worker();
        SmugglingVector vector = attack.vector();
        int malformed = worker.backend().malformed().size();
        try (RawClient client = worker.front().client()) {
            client.sendIfOpen(vector.against(attack.host()));
            switch (vector.kind()) {
                case REFUSE -> expectRefusal(client, vector, findings);
                case FORWARD, EITHER -> expectAnswers(client, attack, findings);
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
        canary(attack, findings);
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
    private static void expectAnswers(RawClient client, Attack attack, List<String> findings) {
        SmugglingVector vector = attack.vector();
        String method = vector.template().substring(0, vector.template().indexOf(' '));
        int answered = 0;
        try {
            for (; answered < vector.targets().size(); answered++) {
                String of = answered == 0 ? method : "GET";
                RawResponse response = client.response(of);
                if (!isAnswer(response, of, vector.targets().get(answered), attack)) {
                    findings.add("answered " + response.status() + " " + Splits.show(response.text()));
                }
            }
            if (vector.words().contains("then")) {
                expectRefusal(client, new SmugglingVector("", vector.kind(), vector.words(), ""), findings);
                return;
            }
            String target = "/probe-" + attack.number();
            client.send("GET " + target + " HTTP/1.1\r\nHost: " + attack.host() + "\r\n\r\n");
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
    private static boolean isAnswer(RawResponse response, String method, String target, Attack attack) {
        boolean foreign = response.text().contains("smuggled") && !target.contains("smuggled")
                || response.text().contains("evil");
        if (foreign || attack.vector().kind() != SmugglingVector.Kind.FORWARD) {
            return !foreign;
        }
        BackendBehaviour behaviour = attack.worker().behaviour();
        if (behaviour.dies()) {
            return response.status() == 502;
        }
        String own = method.equals("HEAD") ? "" : method + " " + target;
        int status = behaviour == BackendBehaviour.ERROR ? 500 : 200;
        return response.status() == status
                && response.complete()
                && response.text().equals(own);
    }

    private static void canary(Attack attack, List<String> findings) throws IOException {
        String target = "/canary-" + attack.number();
        RawResponse response =
                attack.worker().front().ask("GET " + target + " HTTP/1.1\r\nHost: " + attack.host() + "\r\n\r\n");
        if (response.status() != 200 || !response.text().equals("GET " + target)) {
            findings.add("the canary was answered " + response.status() + " " + Splits.show(response.text()));
        }
    }

    private static List<String> judge(Attack attack) {
        List<String> findings = new ArrayList<>();
        SmugglingVector vector = attack.vector();
        if (vector.kind() == SmugglingVector.Kind.FORWARD) {
            // A backend that answers before it reads the rest records the request behind its answer.
            ScriptedBackend.await(() -> fits(attack));
        }
        if (!fits(attack)) {
            findings.add("the backend saw " + show(ofTheAttack(attack)) + " (expected: " + vector.kind() + " "
                    + vector.words() + ")");
        }
        List<SeenRequest> seen = attack.seen();
        List<String> asked = seen.stream()
                .map(SeenRequest::target)
                .filter(SmugglingTest::isOurs)
                .toList();
        if (Set.copyOf(asked).size() != asked.size()) {
            findings.add("the backend saw a probe or a canary twice");
        }
        if (seen.stream()
                .anyMatch(request -> request.head().has("HTTP2-Settings")
                        || request.head().tokens("Upgrade").contains("h2c"))) {
            findings.add("the backend saw h2c");
        }
        return findings;
    }

    /** What the backend saw but for our own probe and canary. */
    private static List<SeenRequest> ofTheAttack(Attack attack) {
        return attack.seen().stream()
                .filter(request -> !isOurs(request.target()))
                .toList();
    }

    private static boolean isOurs(String target) {
        return target.startsWith("/canary") || target.startsWith("/probe");
    }

    private static boolean fits(Attack attack) {
        List<SeenRequest> seen = ofTheAttack(attack);
        return switch (attack.vector().kind()) {
            case REFUSE -> seen.isEmpty();
            case FORWARD -> isExactly(attack, seen);
            case EITHER, TUNNEL -> seen.isEmpty() || isExactly(attack, seen);
            case BREAK, ABANDON -> seen.stream().noneMatch(SeenRequest::complete);
        };
    }

    /** Each target once, in order, with its own body; twice only where the backend died before it answered. */
    private static boolean isExactly(Attack attack, List<SeenRequest> seen) {
        List<String> targets = attack.vector().targets();
        int at = 0;
        for (int i = 0; i < targets.size(); i++) {
            String body = attack.vector().bodyOf(i, attack.host());
            int times = 0;
            while (at < seen.size() && times < (attack.worker().behaviour().dies() ? 2 : 1)) {
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
