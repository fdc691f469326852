"""The smuggling vectors of the conformance tests against real servers. The oracle is the two-request probe: behind every
attack the same connection, if it is open, and another client ask for targets of their own and must get their own answers;
what Holdfast sent (a recorder between it and the server reads it) is what the verdict says, body by body what the vector's
bytes say, and as often: only what a dead connection never answered is sent again; and what the server says it saw is what
Holdfast sent and what the clients asked for, request by request."""

import collections
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import wire
from programs import ROOT, TARGET, Holdfast, Programs, java
from servers import WebServers
from tap import NaiveProxy, Tap

CORPUS = ROOT / "dataplane" / "src" / "test" / "resources" / "conformance" / "smuggling.txt"
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)")
ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "0": "\0"}
# What we say when a server ends its connection instead of answering.
GATEWAY_ERRORS = {502, 503, 504}
# Of the requests that must be forwarded, by server: how many have to come through to an answer of its own.
FORWARDED_SHARE_MIN = 0.9
WAIT_SECONDS = 20
SETTLED_SECONDS = 3
NAIVE_VECTORS = 12
NAIVE_HARMLESS = 6
VULNERABLE_TO_NAIVE = ["go"]
IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}

PROGRAMS = {
    "node": ["node", "node/http_backend.mjs"],
    "aiohttp": ["python3", "python/echo_app.py", "aiohttp"],
    "tornado": ["python3", "python/echo_app.py", "tornado"],
    "gunicorn": ["python3", "python/echo_app.py", "gunicorn"],
    "go": [str(TARGET / "go-peers"), "http", "serve"],
    "jetty": java("HttpBackends", "jetty"),
    "tomcat": java("HttpBackends", "tomcat"),
    "undertow": java("HttpBackends", "undertow"),
}


class Vector:
    """One attack; the corpus explains its format."""

    def __init__(self, block):
        title, *lines = block.split("\n")
        self.name, _, verdict = title.partition(" => ")
        self.kind, *self.words = verdict.split()
        text = "".join(line for line in lines if not line.startswith("#"))
        self._template = ESCAPE.sub(self._unescape, text)
        self.targets = [word for word in self.words if word.startswith("/")]
        self.statuses = [int(word) for word in self.words if re.fullmatch("[0-9]{3}", word)]
        self.method = self._template.split(" ")[0]

    @staticmethod
    def _unescape(escape):
        code = escape[1]
        return chr(int(code[1:], 16)) if len(code) == 3 else ESCAPES.get(code, code)

    def requests(self, host):
        """(method, target, body) of each request that the verdict lets through, read from the vector's own bytes."""
        # What is no request to the recorder's strict reader and is one to a server: 1.0, lines before it, an empty coding.
        data = self.against(host).replace(b" HTTP/1.0\r\n", b" HTTP/1.1\r\n")
        data = re.sub(rb"(?i)(\r\ntransfer-encoding:)[ ,]*chunked[ ,]*\r\n", rb"\1 chunked\r\n", data)
        at, found = 0, []
        for target in self.targets:
            while data.startswith(b"\r\n", at):
                at += 2
            one = wire.request(data, at)
            if not one.complete or not one.target.endswith(target):
                raise ValueError(f"{self.name}: {one.start} (expected: {target}, complete)")
            found.append((one.method, target, one.body))
            at = one.end
        return found

    def against(self, host):
        smuggled = f"GET /smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n"
        text = self._template.replace("{host}", host).replace("{smlen}", f"{len(smuggled):x}")
        head = text.find("\r\n\r\n")
        return text.replace("{len}", str(0 if head < 0 else len(text) - head - 4)).encode("latin-1")


def corpus():
    blocks = re.split("(?m)^== ", CORPUS.read_text("ascii"))
    return [Vector(block) for block in blocks if block.strip() and not block.startswith("#")]


class Client:
    """A connection with raw bytes on it."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), WAIT_SECONDS)
        self.data = b""
        self.ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def send(self, data):
        try:
            self._socket.sendall(data)
        except OSError:
            pass  # It was ended already; what it said can still be read.

    def _read(self):
        try:
            more = self._socket.recv(1 << 16)
        except TimeoutError:
            raise
        except OSError:
            more = b""
        self.data += more
        self.ended = self.ended or not more

    def response(self, method):
        """The next answer, or None when the connection ends first."""
        while True:
            try:
                found = wire.response(self.data, 0, method, self.ended)
                self.data = self.data[found.end :]
                return found
            except wire.Incomplete:
                if self.ended:
                    return None
            self._read()

    def rest(self, seconds=WAIT_SECONDS):
        """What comes until the end; `ended` tells whether it came."""
        self._socket.settimeout(seconds)
        try:
            while not self.ended:
                self._read()
        except TimeoutError:
            pass
        return self.data


class Ledger:
    """What the clients of one server sent and were answered, by (method, target, bytes of the body)."""

    def __init__(self):
        self.asked = collections.Counter()
        self.answered = collections.Counter()
        self.cut = collections.Counter()  # requests that never became whole, by (method, target)

    def ask(self, method, target, body=b""):
        self.asked[method, target, len(body)] += 1

    def answer(self, method, target, body, answer):
        """True if this is the server's answer to this request: only its echo tells that the server saw it."""
        right = answer.status == 200 and (method == "HEAD" or answer.body == f"{method} {target}".encode())
        self.answered[method, target, len(body)] += right
        return right

    def compare(self, what, seen):
        """The differences to what another saw of it; it sees less of a request if its keys are shorter, and may see one
        once more: of a connection that turned out dead what is idempotent is sent again."""
        words = max(map(len, seen), default=3)
        asked, answered = shortened(self.asked, words), shortened(self.answered, words)
        for key in sorted(set(asked) | set(seen)):
            again = asked[key] if key[0] in IDEMPOTENT and not any(key[2:]) else 0
            if not answered[key] <= seen[key] <= asked[key] + again + self.cut[key[:2]]:
                yield f"{key}: {what} saw {seen[key]}, the clients asked {asked[key]}, were answered {answered[key]}"


def whole(one):
    return one.method, one.target, bytes(one.body)


def shortened(counter, words):
    found = collections.Counter()
    for key, count in counter.items():
        found[key[:words]] += count
    return found


def total(counter):
    """(requests, bytes of their bodies)"""
    return sum(counter.values()), sum(bytes_of(key[2]) * count for key, count in counter.items() if len(key) > 2)


def bytes_of(body):
    return len(body) if isinstance(body, bytes) else max(0, body)


class Attack:
    """All vectors against one server behind one proxy."""

    def __init__(self, kind, proxy_port, host, tap, forget=lambda: None):
        self.kind, self._port, self._host, self._tap, self._forget = kind, proxy_port, host, tap, forget
        self.deviations = []  # from the verdict
        self.contaminated = []  # an answer that was another's, or a request nobody sent
        self.requests = 0
        self.exact = collections.Counter()  # requests that had to be sent once, and were, as the recorder counted them
        self.again = 0  # requests that were sent once more, since the connection ended without an answer
        self.refused_by_server = 0
        self.ledger = Ledger()
        self.recorded, self.served = (0, 0), (0, 0)  # requests and bytes of bodies, as the recorder and the server counted
        self.slowest = (0, "")

    def run(self, vectors):
        for number, vector in enumerate(vectors):
            begun = time.monotonic()
            try:
                self._attack(number, vector)
            except (TimeoutError, OSError, wire.Malformed) as e:
                self._contaminate(vector, f"{type(e).__name__} {e}")
            self._forget()
            self.slowest = max(self.slowest, (time.monotonic() - begun, vector.name))
        return self

    def _attack(self, number, vector):
        ended_early = False
        self._enter(vector)
        with Client(self._port) as client:
            client.send(vector.against(self._host))
            if vector.kind == "refuse":
                self._refused(client, vector)
            elif vector.kind in ("forward", "either"):
                ended_early = self._answered(client, vector, number)
            elif vector.kind in ("break", "tunnel"):
                client.rest()
                if not client.ended:
                    self._deviate(vector, f"the connection stays open after {client.data[:200]!r}")
            elif b"/smuggled" in client.rest(0.05):
                self._contaminate(vector, f"answered {client.data[:200]!r}")
        self._canary(number, vector)
        requests, malformed = self._tap.new_requests()
        self.requests += len(requests)
        self._judge(vector, requests, ended_early)
        for what in malformed:
            self._deviate(vector, f"sent to the server: {what}")

    def _enter(self, vector):
        for method, target, body in vector.requests(self._host):
            self.ledger.ask(method, target, body)
        if vector.kind in ("break", "abandon"):
            self.ledger.cut[tuple(vector.against(self._host).decode("latin-1").split(" ")[:2])] += 1

    def _refused(self, client, vector):
        answer = client.response(vector.method)
        rest = client.rest()
        if answer is None or answer.status not in vector.statuses or rest or not client.ended:
            self._deviate(vector, f"{answer and answer.start}, then {rest[:80]!r} (expected: {vector.statuses} and the end)")

    def _answered(self, client, vector, number):
        """Reads an answer per target and probes; True if the connection, or the server's to us, ended before."""
        for method, target, body in vector.requests(self._host):
            answer = client.response(method)
            if answer is None:
                return True
            if answer.status in GATEWAY_ERRORS:
                return True
            self.ledger.answer(method, target, body, answer)
            if b"smuggled" in answer.body and "smuggled" not in target:
                self._contaminate(vector, f"{target} answered {answer.body[:80]!r}")
        if "then" in vector.words:
            self._refused(client, vector)
            return False
        client.send(f"GET /probe-{number} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        self.ledger.ask("GET", f"/probe-{number}")
        probe = client.response("GET")
        right = probe and self.ledger.answer("GET", f"/probe-{number}", b"", probe)
        if probe and probe.status == 200 and not right:
            self._contaminate(vector, f"the probe was answered {probe.body[:80]!r}")
        return probe is None

    def _canary(self, number, vector):
        with Client(self._port) as client:
            client.send(f"GET /canary-{number} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
            answer = client.response("GET")
        self.ledger.ask("GET", f"/canary-{number}")
        if answer is None or not self.ledger.answer("GET", f"/canary-{number}", b"", answer):
            self._contaminate(vector, f"the canary was answered {answer and (answer.start, answer.body[:80])}")

    def _judge(self, vector, requests, ended_early):
        seen = [one for one in requests if not one.target.startswith(("/canary-", "/probe-"))]
        # A request on a connection that turned out dead may be sent once more: the order is what counts.
        targets = list(dict.fromkeys(one.target for one in seen))
        expected = vector.targets
        if vector.kind == "refuse":
            fits = not targets
        elif vector.kind == "forward":
            fits = targets == expected or ended_early and targets and targets == expected[: len(targets)]
        elif vector.kind in ("either", "tunnel"):
            fits = not targets or targets == expected
        else:
            fits = not any(one.complete for one in seen)
        if not fits:
            self._deviate(vector, f"the server was sent {targets} (expected: {vector.kind} {expected})")
        known = vector.requests(self._host)
        if vector.kind == "forward" and not ended_early:
            self._count(vector, known, seen)
        for one in seen:
            if one.complete and (one.method, one.target, one.body) not in known:
                self._deviate(vector, f"the server was sent {one.start} with {one.body[:80]!r} (expected: {known})")
        for one in seen:
            if one.values("http2-settings") or "h2c" in " ".join(one.values("upgrade")).lower():
                self._deviate(vector, "the server was sent h2c")

    def _count(self, vector, known, seen):
        """Every request and every byte of its body is sent once, and once more for each time that nobody answered."""
        expected = collections.Counter(known)
        found = collections.Counter(whole(one) for one in seen if one.complete)
        these = set(map(id, seen))
        unanswered = collections.Counter(whole(one) for one in self._unanswered() if id(one) in these)
        for key in expected | found:
            more = found[key] - expected[key]
            if not 0 <= more <= unanswered[key]:
                self._deviate(vector, f"the server was sent {key[:2]} {found[key]} times (expected: {expected[key]})")
            self.again += max(0, more)
        self.exact += expected

    def _unanswered(self):
        """What was sent on connections that ended without an answer to it, and may be sent again."""
        for recorded in self._tap.connections:
            if recorded.ended and recorded.malformed is None:
                answered = sum(answer is not None for _, answer in self._tap.answers(recorded))
                yield from (one for one in recorded.requests[answered:] if one.method in IDEMPOTENT and not one.body)

    def compare(self, log, counts_bodies):
        """The requests that the server says it saw against those that were sent and those that the clients asked for,
        bytes of bodies too where it counts them."""
        sent, served, cut = collections.Counter(), collections.Counter(), collections.Counter()
        for recorded in self._tap.connections:
            try:
                pairs = self._tap.answers(recorded)
            except wire.Malformed as e:
                self.contaminated.append(f"connection {recorded.number}: {e}")
                continue
            for request, answer in pairs:
                key = (request.method, request.target) + ((len(request.body),) if counts_bodies else ())
                sent[key] += 1
                if not request.complete:
                    cut[key[:2]] += 1
                elif answer is None or answer.status in (400, 405, 408, 501):
                    self.refused_by_server += 1
                else:
                    served[key] += 1
        for key in sorted(set(log) | set(served)):
            # An application may hear of a body that never ended, and some servers tell it the part that came.
            if not served[key] <= log[key] <= sent[key] + cut[key[:2]]:
                self.contaminated.append(f"{key}: the server saw {log[key]}, sent {sent[key]}, answered {served[key]}")
        recorded = collections.Counter(
            (one.method, one.target, len(one.body))
            for connection in self._tap.connections
            for one in connection.requests
            if one.complete
        )
        for what, seen in (("the recorder", recorded), ("the server", log)):
            self.contaminated += self.ledger.compare(what, seen)
        self.recorded, self.served = total(recorded), total(log)

    def _deviate(self, vector, what):
        self.deviations.append(f"{vector.name}: {what}")

    def _contaminate(self, vector, what):
        self.contaminated.append(f"{vector.name}: {what}")


def read_log(path, counts_bodies):
    """What a server wrote of its requests: method, target and, from our programs, the size of the body."""
    seen = collections.Counter()
    for line in path.read_text("latin-1").splitlines():
        words = line.split(" ")
        if line.startswith("{") or len(words) < 3 or words[0] in ("", "-"):
            continue
        if counts_bodies:
            seen[words[0], words[1], int(words[2])] += 1
        elif words[2] == "200":
            seen[words[0], words[1]] += 1
    return seen


def settled_log(path, counts_bodies):
    """The log when nothing is added to it any more. Servers write of a request behind its answer."""
    while time.time() - path.stat().st_mtime < SETTLED_SECONDS:
        time.sleep(0.1)
    return read_log(path, counts_bodies)


def run(report):
    vectors = corpus()
    with Programs(report) as programs:
        web = WebServers(programs)
        ports, logs = dict(web.echo_ports), dict(web.logs)
        for name, command in PROGRAMS.items():
            started = programs.start(f"smuggling-{name}", command)
            ports[name], logs[name] = started.await_port(), started.out
        taps = {name: Tap(port) for name, port in ports.items()}
        hosts = {name: f"{name}.smuggling.test" for name in ports}
        holdfast = Holdfast(programs, "smuggling", hosts={hosts[name]: tap.port for name, tap in taps.items()})
        begun = time.monotonic()
        attacks = [Attack(name, holdfast.port, hosts[name], taps[name]) for name in ports]
        with ThreadPoolExecutor(len(attacks)) as pool:
            for attack in pool.map(lambda one: one.run(vectors), attacks):
                counts_bodies = attack.kind in PROGRAMS
                attack.compare(settled_log(logs[attack.kind], counts_bodies), counts_bodies)
        print(f"smuggling: attacked for {time.monotonic() - begun:.0f} s")
        tell(report, attacks, vectors)
        control(report, ports, vectors)


def tell(report, attacks, vectors):
    forwarded = sum(len(vector.targets) for vector in vectors if vector.kind == "forward")
    for attack in attacks:
        if attack.slowest[0] > 5:
            print(f"smuggling: {attack.kind}: {attack.slowest[1]} took {attack.slowest[0]:.0f} s")
        for column, found in (("contaminated", attack.contaminated), ("verdict", attack.deviations)):
            report.check(f"{attack.kind} -> {column}", not found, "\n    ".join(found[:12]))
        print(
            f"smuggling: {attack.kind}: {len(vectors)} vectors, {attack.requests} requests sent to it, "
            f"{attack.refused_by_server} of them refused by it or unanswered, contaminated {len(attack.contaminated)}\n"
            f"    requests and bytes of bodies: asked {total(attack.ledger.asked)}, answered {total(attack.ledger.answered)}, "
            f"recorded {attack.recorded}, in the server's log {attack.served}"
        )
    report.check("corpus -> verdict", len(vectors) >= 200, len(vectors))
    contaminated = sum(len(attack.contaminated) for attack in attacks)
    report.figure(f"R35 {len(vectors)} vectors x {len(attacks)} real servers, contaminated requests {contaminated}")
    exact = tuple(map(sum, zip(*(total(attack.exact) for attack in attacks))))
    for attack in attacks:
        served = total(attack.exact)
        print(f"smuggling: {attack.kind}: forwarded and answered {served[0]} of {forwarded} requests, {served[1]} bytes of bodies")
        least = FORWARDED_SHARE_MIN * forwarded
        report.check(f"{attack.kind} -> forwarded", served[0] >= least and served[1] > 0, f"{served} (expected: {least:.0f} or more)")
    report.figure(
        f"forwarded and answered: requests/bytes {exact[0]}/{exact[1]}, sent exactly so often, "
        f"and {sum(attack.again for attack in attacks)} once more behind a connection that ended without an answer"
    )
    sums = {
        what: tuple(map(sum, zip(*(count(attack) for attack in attacks))))
        for what, count in (
            ("asked by the clients", lambda one: total(one.ledger.asked)),
            ("answered", lambda one: total(one.ledger.answered)),
            ("recorded", lambda one: one.recorded),
            ("in the servers' logs (broken ones among them; nginx and Apache tell no bytes)", lambda one: one.served),
        )
    }
    report.figure("requests/bytes " + ", ".join(f"{what} {sums[what][0]}/{sums[what][1]}" for what in sums))


def control(report, ports, vectors):
    """The same attacks through a proxy with every fault: an oracle that finds nothing there finds nothing. What harms
    nobody must not be found there either."""
    attacks = [one for one in vectors if one.kind == "refuse" and one.name.startswith("cl-te-")][:NAIVE_VECTORS]
    harmless = [one for one in vectors if one.kind == "forward" and one.method == "GET"][:NAIVE_HARMLESS]
    found = {}
    for name in VULNERABLE_TO_NAIVE:
        for what, chosen in (("attacks", attacks), ("harmless", harmless)):
            tap = Tap(ports[name])
            naive = NaiveProxy(tap.port)
            attack = Attack(name, naive.port, f"{name}.smuggling.test", tap, naive.forget).run(chosen)
            found[name, what] = sum("was answered" in one and "/smuggled" in one for one in attack.contaminated)
            naive.close()
            tap.close()
        report.check(f"naive proxy before {name}, attacked -> caught", found[name, "attacks"] > 0, found)
        report.check(f"naive proxy before {name}, harmless -> caught", found[name, "harmless"] == 0, found)
    caught = sum(count for (_, what), count in found.items() if what == "attacks")
    report.figure(f"negative control, a naive proxy that shares connections: contaminated {caught} of {len(attacks)}")
