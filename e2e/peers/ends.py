"""How a backend's end reaches a client that nobody here wrote: a raw backend answers the upgrade and the first message, ends
its own stream in some way and listens on, and each library tells what came and how the connection ended. Straight over ws
and over TLS is the control; through Holdfast the client and the backend must see the same."""

import base64
import hashlib
import os
import re
import socket
import ssl
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import frames
from matrix import HASTY, PEERS, client
from programs import HOST, TARGET, Holdfast, Programs

WAIT_SECONDS = 20
REPEATS = 3
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
ECHO = b"hold"
LARGE = hashlib.shake_128(b"large").digest(3 << 20)  # More than the buffers on the way hold.


def said(opcode, payload, **more):
    return frames.frame(opcode, payload, masked=False, **more)


def close(code, reason):
    return said(frames.CLOSE, struct.pack(">H", code) + reason.encode())


# What the backend says behind its echo and before its FIN; the whole messages in it; what a client has to tell of the end.
CASES = {
    "fin": (b"", [], "abnormal"),
    "megabytes-fin": (said(frames.BINARY, LARGE), [LARGE], "abnormal"),
    "half-header-fin": (b"\x82\x7e\x01", [], "abnormal"),
    "half-frame-fin": (said(frames.TEXT, b"half", announced=4000), [], "abnormal"),
    "half-message-fin": (said(frames.TEXT, b"begun", first=0), [], "abnormal"),
    "close-1000-fin": (close(1000, "bye"), [], "1000 bye"),
    "close-1011-fin": (close(1011, "fäst"), [], "1011 fäst"),
    "megabytes-close-4001-fin": (said(frames.BINARY, LARGE) + close(4001, ""), [LARGE], "4001 "),
}

# The library takes the end of the stream for the end of the message.
QUIRKS = {("coder", "half-message-fin"): ([b"begun"], "abnormal")}
# Straight, too, it says a close frame to a backend that has ended or does not, as it comes.
INSISTENT = {"aiohttp"}


class Plain:
    """A stream whose own direction can be ended."""

    def __init__(self, connection):
        self._connection = connection

    def send(self, data):
        self._connection.sendall(data)

    def receive(self):
        return self._connection.recv(1 << 16)

    def fin(self):
        self._connection.shutdown(socket.SHUT_WR)


class Tls(Plain):
    """The same over TLS, where the end of a direction is a close_notify. Python's own socket waits for the other's."""

    def __init__(self, connection, context):
        super().__init__(connection)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._complete(self._tls.do_handshake)

    def _flush(self):
        if data := self._outgoing.read():
            super().send(data)

    def _complete(self, step):
        while True:
            try:
                result = step()
                self._flush()
                return result
            except ssl.SSLWantReadError:
                self._flush()
                data = super().receive()
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()

    def send(self, data):
        self._tls.write(data)
        self._flush()

    def receive(self):
        try:
            return self._complete(lambda: self._tls.read(1 << 16))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def fin(self):
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            pass  # The other's close_notify is still to come.
        self._flush()
        super().fin()


class Backend:
    """Listens on two ports. `heard` has, by the path's last part, the frames that came behind the backend's own end."""

    def __init__(self):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(TARGET / "tls" / "cert.pem", TARGET / "tls" / "key.pem")
        self.heard = {}
        self._changed = threading.Condition()
        self._listeners = [socket.create_server(("127.0.0.1", 0), backlog=128) for _ in range(2)]
        self.port, self.tls_port = (listener.getsockname()[1] for listener in self._listeners)
        for listener in self._listeners:
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.settimeout(WAIT_SECONDS)
            threading.Thread(target=self._serve, args=(connection, listener), daemon=True).start()

    def _serve(self, connection, listener):
        with connection:
            try:
                self._play(Tls(connection, self._context) if listener is self._listeners[1] else Plain(connection))
            except OSError as e:
                print(f"ends: the backend: {type(e).__name__} {e}")

    def _play(self, stream):
        data = b""
        while b"\r\n\r\n" not in data:
            data += received(stream)
        head, _, data = data.partition(b"\r\n\r\n")
        case, label = head.split(b" ")[1].decode().split("/")[2:4]
        key = re.search(rb"(?im)^sec-websocket-key: *(\S+)", head)[1]
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        stream.send(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        while not (asked := unmasked(data)[0]):
            data += received(stream)
        rest, end = unmasked(data)[1], "fin"
        try:
            stream.send(said(asked[0][0], asked[0][1]) + CASES[case][0])
            stream.fin()
            while more := stream.receive():
                rest += more
        except TimeoutError:
            end = "open"
        except OSError:
            end = "abrupt"
        told = " ".join(f"{opcode}:{payload.hex()}" for opcode, payload in unmasked(rest)[0])
        with self._changed:
            self.heard[label] = (told, end)
            self._changed.notify_all()

    def hearing(self, label):
        """What came behind the end, as soon as it is known."""
        with self._changed:
            self._changed.wait_for(lambda: label in self.heard, 2 * WAIT_SECONDS)
            return self.heard.get(label, ("nothing", "open"))

    def close(self):
        for listener in self._listeners:
            listener.close()


def received(stream):
    data = stream.receive()
    if not data:
        raise ConnectionError("ended before it said what it had to")
    return data


def unmasked(data):
    """([(opcode, payload)] of the whole frames of a client, what is left)"""
    found = []
    while len(data) >= 2:
        at, size = 2, data[1] & 127
        if size > 125:
            at = 4 if size == 126 else 10
            size = int.from_bytes(data[2:at], "big")
        if len(data) < at + 4 + size:
            break
        mask, payload = data[at : at + 4], data[at + 4 : at + 4 + size]
        found.append((data[0] & 15, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))))
        data = data[at + 4 + size :]
    return found, data


def expected(name, case):
    messages, end = QUIRKS.get((name, case), CASES[case][1:])
    data = ECHO + b"".join(messages)
    return f"{1 + len(messages)} messages, {len(data)} bytes, sha1 {hashlib.sha1(data).hexdigest()}, client saw {end}"


def run(report):
    for name in INSISTENT:
        report.unsupported(f"{name}: says a close frame to a backend that has ended, the same every time")
    with Programs(report) as programs:
        backend = Backend()
        programs.afterwards(backend.close)
        holdfast = Holdfast(programs, "ends", {"/ends": [backend.port]})
        ways = {
            "direct-ws": f"ws://{HOST}:{backend.port}",
            "direct-wss": f"wss://{HOST}:{backend.tls_port}",
            "ws": f"ws://{HOST}:{holdfast.port}",
            "wss": f"wss://{HOST}:{holdfast.tls_port}",
        }
        with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
            for name, results in zip(PEERS, pool.map(lambda one: watch(one, ways, backend), PEERS)):
                for case in CASES:
                    compare(report, name, case, results)


def watch(name, ways, backend):
    """{(case, way): [(what the client told, (what the backend heard, how it ended))]}"""
    labels = {f"{name}-{case}-{way}-{i}": (case, way) for case in CASES for way in ways for i in range(REPEATS)}
    targets = {label: f"{ways[way]}/ends/{case}/{label}" for label, (case, way) in labels.items()}
    begun = time.monotonic()
    told = client(name, targets, "watch")
    print(f"ends: {name} took {time.monotonic() - begun:.0f} s")
    results = {}
    for label, key in labels.items():
        outcome = told.get((label, "watch"), "error: nothing printed")
        hearing = ("", "nobody") if outcome.startswith("error") else backend.hearing(label)
        results.setdefault(key, []).append((outcome, hearing))
    return results


def compare(report, name, case, results):
    right = expected(name, case)
    for way in ("direct-ws", "direct-wss", "ws", "wss"):
        told = {outcome for outcome, _ in results[case, way]}
        report.check(f"{name} -> {case} ({way})", told == {right}, f"{told} (expected: {right})")
    if name in INSISTENT:
        return
    for way in ("ws", "wss"):
        heard = {hearing for _, hearing in results[case, way]}
        control = {hearing for _, hearing in results[case, f"direct-{way}"]}
        # An orderly end is as good as a reset.
        control |= {(frames_heard, "fin") for frames_heard, _ in control}
        # Straight, the answer that RFC 6455 §5.5.1 asks for may come to a backend that is gone; some say the reason, too.
        code, _, reason = CASES[case][2].partition(" ")
        if code.isdigit():
            control |= {("", "fin")} if name in HASTY else set()
            control |= {(f"8:{int(code):04x}{text.encode().hex()}", "fin") for text in ("", reason)}
        report.check(f"{name} -> {case} (backend, {way})", heard <= control, f"{heard} (direct: {control})")
