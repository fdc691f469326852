"""The ends of connections, byte for byte: a raw client that knows frames and nothing else, against every WebSocket library,
straight and through Holdfast. What it is sent until the end, and how the stream ends, must be what it is straight: a client
that has ended its own stream is served on, and no frame is lost or invented. Straight the library must have done what the
check is about."""

import collections
import dataclasses
import socket
import ssl
import struct
from concurrent.futures import ThreadPoolExecutor

from matrix import PEERS
from programs import CA, HOST, Holdfast, Programs

WAIT_SECONDS = 20
TOLERATED_SECONDS = 0.5
REPEATS = 3
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
FRAGMENTS = 5
# It has no API for fragments.
WHOLE_ONLY = {"aiohttp"}
# It reads in one thread and answers in another: straight, too, what it answers to the last bytes before a FIN differs.
NOT_HALF_CLOSED = {"java-websocket"}
# (backend, check) that the library answers as if nothing were wrong; the connection stays open.
TOLERATED = {
    ("aiohttp", "not masked"),
    ("java-websocket", "not masked"),
    ("netty", "reserved bit"),
    ("netty", "invalid UTF-8"),
    ("gorilla", "invalid UTF-8"),
    ("coder", "invalid UTF-8"),
}
# (backend, check) that end the connection and name no violation.
UNNAMED = {("gorilla", "close of one byte"), ("coder", "not masked"), ("netty", "forbidden close code")}
# The library takes the end of the stream for the end of the message.
ENDS_MESSAGES = {"coder"}
# What a close frame may say of a violation (RFC 6455 7.4.1).
VIOLATIONS = {1002, 1003, 1007, 1008, 1009}
HANDSHAKE = (
    "GET /{name}/echo?id=frames HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def frame(opcode, payload, first=0x80, masked=True, announced=None):
    """One frame; `announced` bytes instead of those that come."""
    size = len(payload) if announced is None else announced
    if size < 126:
        length = bytes([size])
    elif size < 1 << 16:
        length = b"\x7e" + struct.pack(">H", size)
    else:
        length = b"\x7f" + struct.pack(">Q", size)
    if not masked:
        return bytes([first | opcode]) + length + payload
    mask = b"\x12\x34\x56\x78"
    body = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return bytes([first | opcode]) + bytes([length[0] | 0x80]) + length[1:] + mask + body


def text(payload):
    return frame(TEXT, payload.encode())


def close(code, reason=""):
    return frame(CLOSE, struct.pack(">H", code) + reason.encode())


MESSAGES = [b"one", bytes(range(256)) * 8, b"three"]
ASKED = frame(TEXT, MESSAGES[0]) + frame(BINARY, MESSAGES[1]) + frame(TEXT, MESSAGES[2]) + text(f"/frag {FRAGMENTS}")

# What the client sends in one breath with the end of its stream, behind messages that were answered.
HALF_CLOSES = {
    "fin behind a message": text("last"),
    "fin behind a close frame": close(1000, "bye"),
    "fin behind a ping": frame(PING, b"hold"),
    "fin inside a header": b"\x82\xfe\x01",
    "fin inside a frame": frame(BINARY, b"half", announced=4000),
    "fin between fragments": frame(TEXT, b"begun", first=0),
}
# What makes the backend end the connection: an order, or a violation of the protocol.
BREAKS = {
    "the backend aborts": text("/abort"),
    "not masked": frame(TEXT, b"bare", masked=False),
    "unknown opcode": frame(3, b"what"),
    "reserved bit": frame(TEXT, b"bit", first=0xC0),
    "long control frame": frame(PING, b"x" * 126),
    "continuation of nothing": frame(0, b"more"),
    "invalid UTF-8": frame(TEXT, b"\xce\xba\xff"),
    "forbidden close code": close(1005),
    "close of one byte": frame(CLOSE, b"\x03"),
}


Frame = collections.namedtuple("Frame", ["raw", "payload"])


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a server sent until the end: whole frames, the rest, and how its stream ended."""

    frames: tuple
    rest: bytes
    end: str

    def __str__(self):
        record = [f"{got.raw[:2].hex()}+{len(got.raw)}:{got.raw[-40:].hex()}" for got in self.frames]
        return " ".join([*record, *([f"half {self.rest.hex()}"] if self.rest else []), self.end])

    def messages(self):
        """[(message, number of its frames)], data only, and (opcode, payload) of the control frames, both in order."""
        data, control, parts = [], [], []
        for got in self.frames:
            if got.raw[0] & 8:
                control.append((got.raw[0] & 15, got.payload))
                continue
            parts.append(got.payload)
            if got.raw[0] & 0x80:
                data.append((b"".join(parts), len(parts)))
                parts = []
        return data, control


class Wire:
    def __init__(self, name, port, tls):
        plain = socket.create_connection(("127.0.0.1", port), WAIT_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = plain
        if tls:
            context = ssl.create_default_context(cafile=str(CA))
            self._socket = context.wrap_socket(plain, server_hostname=HOST, suppress_ragged_eofs=False)
        self._got = b""
        self._end = None
        self.send(HANDSHAKE.format(name=name, host=HOST, port=port).encode())
        while b"\r\n\r\n" not in self._got:
            if not self._read():
                raise OSError("no answer: " + str(self._got))
        head, _, self._got = self._got.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise OSError("refused: " + str(head))

    def send(self, data):
        self._socket.sendall(data)

    def fin(self):
        self._socket.shutdown(socket.SHUT_WR)

    def _read(self):
        """Reads once; False at the end, which it keeps."""
        if self._end:
            return False
        try:
            data = self._socket.recv(1 << 16)
            self._got += data
            self._end = None if data else "fin"
        except TimeoutError:
            self._end = "open"
        except (ConnectionResetError, ssl.SSLError, BrokenPipeError):
            self._end = "abrupt"
        return not self._end

    def await_message(self, count):
        while sum(got.raw[0] >> 7 for got in frames(self._got)[0]) < count and self._read():
            pass

    def await_close(self):
        while not any(got.raw[0] & 15 == CLOSE for got in frames(self._got)[0]) and self._read():
            pass

    def to_end(self, seconds=WAIT_SECONDS):
        self._socket.settimeout(seconds)
        while self._read():
            pass
        self._socket.close()
        whole, rest = frames(self._got)
        return Outcome(tuple(whole), rest, self._end)


def frames(data):
    """The whole frames of what a server sent, and what is left of it."""
    whole = []
    while len(data) >= 2:
        at, size = 2, data[1] & 127
        if size > 125:
            at = 4 if size == 126 else 10
            size = int.from_bytes(data[2:at], "big")
        if len(data) < at + size:
            break
        whole.append(Frame(data[: at + size], data[at : at + size]))
        data = data[at + size :]
    return whole, data


def answered(wire):
    """Messages of three kinds, and a message in fragments; all answered."""
    wire.send(ASKED)
    wire.await_message(len(MESSAGES) + 1)


def half_close(wire, data):
    answered(wire)
    wire.send(data)
    wire.fin()
    return wire.to_end()


def broken(wire, data):
    answered(wire)
    wire.send(data)
    wire.await_close()
    return wire.to_end()


def tolerated(wire, data):
    answered(wire)
    wire.send(data)
    wire.await_message(len(MESSAGES) + 2)
    return wire.to_end(TOLERATED_SECONDS)


def outcomes(name, port, tls, run, data):
    found = []
    for _ in range(REPEATS):
        try:
            found.append(run(Wire(name, port, tls), data))
        except OSError as e:
            found.append(Outcome((), b"", f"error: {e}"))
    return found


def straight(outcome):
    """What this is without us. A reset behind a close frame could take it back, so Holdfast ends the stream there instead."""
    said_close = outcome.frames and outcome.frames[-1].raw[0] & 15 == CLOSE and not outcome.rest
    return dataclasses.replace(outcome, end="abrupt") if said_close and outcome.end == "fin" else outcome


def flaw(name, what, outcome):
    """Why an outcome is not what its check is about, or None."""
    data, control = outcome.messages()
    fragments = data[len(MESSAGES)] if len(data) > len(MESSAGES) else (b"", 0)
    parts = b"".join(b"part-%d " % i for i in range(FRAGMENTS))
    if [message for message, _ in data[: len(MESSAGES)]] != MESSAGES:
        return "the messages before are not answered"
    if fragments[0] != (b"unsupported" if name in WHOLE_ONLY else parts):
        return f"no message of {FRAGMENTS} parts"
    if name not in WHOLE_ONLY and fragments[1] < FRAGMENTS:
        return f"{FRAGMENTS} parts in {fragments[1]} frames"
    if (name, what) in TOLERATED:
        if outcome.end != "open" or len(data) != len(MESSAGES) + 2 or control:
            return "it is not answered as if nothing were wrong"
        return None
    if outcome.end not in ("fin", "abrupt"):
        return "the stream has no end"
    return flaw_behind(name, what, [message for message, _ in data[len(MESSAGES) + 1 :]], control)


def flaw_behind(name, what, data, control):
    """The same of what came behind the messages that are always answered."""
    codes = [struct.unpack(">H", payload[:2])[0] for opcode, payload in control if opcode == CLOSE and len(payload) > 1]
    if what == "fin behind a message":
        return None if data == [b"last"] else "the last message is not answered"
    if data and not (what == "fin between fragments" and name in ENDS_MESSAGES and data == [b"begun"]):
        return "a message that nobody asked for"
    if what == "fin behind a ping":
        return None if (PONG, b"hold") in control else "the ping is not answered"
    if what == "fin behind a close frame":
        return None if codes == [1000] else "the close frame is not answered"
    if what in BREAKS and what != "the backend aborts" and (name, what) not in UNNAMED:
        return None if codes and codes[0] in VIOLATIONS else "the violation is not named"
    return f"a close frame {codes}" if what == "the backend aborts" and codes else None


def check(name, backend_port, holdfast):
    """(check, passed, found) of all checks against one backend."""
    results = []
    for run, checks in ((half_close, HALF_CLOSES), (broken, BREAKS)):
        for what, data in checks.items():
            if run is half_close and name in NOT_HALF_CLOSED:
                continue
            play = tolerated if (name, what) in TOLERATED else run
            control = outcomes(name, backend_port, False, play, data)
            flaws = {found for one in control if (found := flaw(name, what, one))}
            results.append((f"{what} -> {name} (control)", not flaws, f"{flaws}: {[str(one) for one in set(control)]}"))
            ways = [("ws", holdfast.port, False), *([("wss", holdfast.tls_port, True)] if run is broken else [])]
            for way, port, tls in ways:
                got = outcomes(name, port, tls, play, data)
                strange = [one for one in got if one not in control and straight(one) not in control]
                found = f"{[str(one) for one in strange]} (direct: {[str(one) for one in set(control)]})"
                results.append((f"{what} -> {name} ({way})", not strange, found))
    return results


def run(report):
    for name in NOT_HALF_CLOSED:
        report.unsupported(f"{name}: answers to the last bytes before a FIN, the same every time")
    with Programs(report) as programs:
        backends = {name: programs.start(f"frames-{name}", command + ["serve"]) for name, command in PEERS.items()}
        ports = {name: backend.await_port() for name, backend in backends.items()}
        holdfast = Holdfast(programs, "frames", {f"/{name}": [port] for name, port in ports.items()})
        # They wait most of their time.
        with ThreadPoolExecutor(len(PEERS)) as pool:
            for results in pool.map(lambda name: check(name, ports[name], holdfast), PEERS):
                for result in results:
                    report.check(*result)
