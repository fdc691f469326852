package dev.holdfast.dataplane.conformance;

import dev.holdfast.dataplane.conformance.rig.Handshake;
import dev.holdfast.dataplane.conformance.rig.SeenRequest;
import java.util.ArrayList;
import java.util.List;

/** The requests, answers and early bytes of the upgrade matrix (scorecard R36), and the verdict on each combination. */
final class UpgradeMatrix {
    private static final String KEY = "Sec-WebSocket-Key: " + Handshake.KEY + "\r\n";

    private UpgradeMatrix() {}

    /** What §1 says of a request alone. */
    enum Standing {
        /** Goes to a backend as an upgrade. */
        CANDIDATE,
        /** Is refused with 400. */
        BAD,
        /** Is refused with 426. */
        VERSION,
        /** Is a plain request: its upgrade is ignored. */
        PLAIN,
        /** Is no candidate: refused, or a plain request without a trace of its upgrade. */
        NO_TUNNEL
    }

    /** What §1 says of an answer to a candidate. */
    enum Verdict {
        TUNNEL,
        RELAYED,
        BAD_GATEWAY,
        /** §1 leaves both: a tunnel whose 101 has no framing, or 502. */
        TUNNEL_OR_BAD_GATEWAY
    }

    /** A request; {@code {target}} stands for its target. */
    record Request(String name, Standing standing, String text) {}

    /** An answer; {@code {accept}} stands for the right {@code Sec-WebSocket-Accept}. Empty ends the connection. */
    record Answer(String name, Verdict verdict, int status, String text) {
        String to(SeenRequest request) {
            return text.replace("{accept}", Handshake.acceptValue(request));
        }
    }

    /** Bytes that the client sends behind its request without waiting. */
    record Early(String name, String text) {}

    /** One cell. */
    record Combination(int number, Request request, Answer answer, Early early) {
        String target() {
            return "/m/" + number;
        }

        String bytes() {
            return request.text().replace("{target}", target()) + early.text().replace("{number}", "" + number);
        }

        @Override
        public String toString() {
            return request.name() + " / " + answer.name() + " / " + early.name();
        }
    }

    static List<Combination> combinations() {
        List<Combination> all = new ArrayList<>();
        for (Request request : requests()) {
            for (Answer answer : answers()) {
                for (Early early : earlies()) {
                    all.add(new Combination(all.size(), request, answer, early));
                }
            }
        }
        return all;
    }

    private static List<Request> requests() {
        String valid = Handshake.request("{target}");
        String version = "Sec-WebSocket-Version: 13\r\n";
        return List.of(
                new Request("valid", Standing.CANDIDATE, valid),
                new Request("Key absent", Standing.BAD, valid.replace(KEY, "")),
                new Request("Key short", Standing.BAD, valid.replace(Handshake.KEY, "c2hvcnQ=")),
                new Request("Key doubled", Standing.BAD, valid.replace(KEY, KEY + KEY)),
                new Request("version 8", Standing.VERSION, valid.replace(version, version.replace("13", "8"))),
                new Request("version absent", Standing.NO_TUNNEL, valid.replace(version, "")),
                new Request("POST", Standing.NO_TUNNEL, valid.replace("GET", "POST")),
                new Request(
                        "Content-Length body",
                        Standing.NO_TUNNEL,
                        Handshake.request("{target}", "Content-Length: 5\r\n") + "hello"),
                new Request(
                        "chunked body",
                        Standing.NO_TUNNEL,
                        Handshake.request("{target}", "Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n"),
                new Request("HTTP/1.0", Standing.PLAIN, valid.replace("HTTP/1.1", "HTTP/1.0")),
                new Request(
                        "h2c and websocket",
                        Standing.CANDIDATE,
                        valid.replace("Upgrade: websocket", "Upgrade: h2c, websocket")),
                new Request("no Connection token", Standing.PLAIN, valid.replace("Connection: Upgrade\r\n", "")),
                new Request(
                        "Connection names the Key",
                        Standing.NO_TUNNEL,
                        valid.replace("Connection: Upgrade", "Connection: Upgrade, Sec-WebSocket-Key")),
                new Request(
                        "Connection names Authorization",
                        Standing.CANDIDATE,
                        Handshake.request("{target}", "Authorization: Bearer x\r\n")
                                .replace("Connection: Upgrade", "Connection: Authorization, Upgrade")));
    }

    private static List<Answer> answers() {
        String line = "HTTP/1.1 101 Switching Protocols\r\n";
        String upgrade = "Upgrade: websocket\r\n";
        String connection = "Connection: Upgrade\r\n";
        String accept = "Sec-WebSocket-Accept: {accept}\r\n";
        String all = line + upgrade + connection + accept;
        Verdict bad = Verdict.BAD_GATEWAY;
        return List.of(
                new Answer("101", Verdict.TUNNEL, 101, all + "\r\n"),
                new Answer("101 without Upgrade", bad, 502, line + connection + accept + "\r\n"),
                new Answer("101 without Connection", bad, 502, line + upgrade + accept + "\r\n"),
                new Answer("101 without Accept", bad, 502, line + upgrade + connection + "\r\n"),
                new Answer(
                        "101 with a wrong Accept",
                        bad,
                        502,
                        line + upgrade + connection + "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"),
                new Answer("101 with a subprotocol", bad, 502, all + "Sec-WebSocket-Protocol: chat\r\n\r\n"),
                new Answer("101 with an extension", bad, 502, all + "Sec-WebSocket-Extensions: x-none\r\n\r\n"),
                new Answer(
                        "101 with Content-Length",
                        Verdict.TUNNEL_OR_BAD_GATEWAY,
                        101,
                        all + "Content-Length: 0\r\n\r\n"),
                new Answer(
                        "200 with upgrade fields",
                        Verdict.RELAYED,
                        200,
                        "HTTP/1.1 200 OK\r\n" + upgrade + connection + accept + "Content-Length: 4\r\n\r\nbody"),
                new Answer(
                        "403 with a body",
                        Verdict.RELAYED,
                        403,
                        "HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nbody"),
                new Answer(
                        "426",
                        Verdict.RELAYED,
                        426,
                        "HTTP/1.1 426 Upgrade Required\r\n" + upgrade + connection + "Content-Length: 4\r\n\r\nbody"),
                new Answer(
                        "103, then 101",
                        Verdict.TUNNEL,
                        101,
                        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + all + "\r\n"),
                new Answer("the end", bad, 502, ""),
                new Answer("101 with glued frames", Verdict.TUNNEL, 101, all + "\r\n" + Handshake.HELLO));
    }

    private static List<Early> earlies() {
        return List.of(
                new Early("nothing", ""),
                new Early("a frame", Handshake.MASKED_HELLO),
                new Early("a request", "GET /admin/{number} HTTP/1.1\r\nHost: app.test\r\n\r\n"));
    }
}
