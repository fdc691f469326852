"""A recorder of bytes between a proxy and its backend, connection by connection; and the proxy that no one should run."""

import re
import select
import socket
import threading

import wire

READ_BYTES = 1 << 16
WAIT_SECONDS = 20


class Recorded:
    """One connection of the proxy to the backend: what each side said."""

    def __init__(self, number):
        self.number = number
        self.asked = bytearray()
        self.answered = bytearray()
        self.ended = False
        self.parsed = 0
        self.requests = []
        self.malformed = None


class Tap:
    """Listens for the proxy and passes everything on to the backend."""

    def __init__(self, backend_port):
        self._backend_port = backend_port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self.changed = threading.Condition()
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                proxy, _ = self._listener.accept()
            except OSError:
                return
            backend = socket.create_connection(("127.0.0.1", self._backend_port))
            with self.changed:
                recorded = Recorded(len(self.connections))
                self.connections.append(recorded)
            for source, sink, record in ((proxy, backend, recorded.asked), (backend, proxy, recorded.answered)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pump, args=(source, sink, record, recorded), daemon=True).start()

    def _pump(self, source, sink, record, recorded):
        while True:
            try:
                data = source.recv(READ_BYTES)
            except OSError:
                data = b""
            with self.changed:
                record += data
                recorded.ended = recorded.ended or not data
                self.changed.notify_all()
            try:
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
            except OSError:
                return

    def new_requests(self):
        """The requests that came since the last call, when each of them is complete or its connection has ended.
        Returns (requests, malformed)."""
        requests, malformed = [], []
        with self.changed:
            for recorded in self.connections:
                self.changed.wait_for(lambda one=recorded: self._parse(one, requests, malformed), WAIT_SECONDS)
        return requests, malformed

    def _parse(self, recorded, requests, malformed):
        """False while the connection is inside a request."""
        while recorded.malformed is None and recorded.parsed < len(recorded.asked):
            try:
                found = wire.request(recorded.asked, recorded.parsed)
            except wire.Malformed as e:
                recorded.malformed = str(e)
                malformed.append(str(e))
                return True
            except wire.Incomplete:
                return recorded.ended
            if not found.complete:
                if recorded.ended:
                    recorded.parsed = len(recorded.asked)
                    recorded.requests.append(found)
                    requests.append(found)
                return recorded.ended
            recorded.parsed = found.end
            recorded.requests.append(found)
            requests.append(found)
        return True

    def answers(self, recorded):
        """[(request, answer or None)] of a connection; raises Malformed when there are more answers than requests."""
        at, pairs = 0, []
        for asked in recorded.requests:
            try:
                answer = wire.response(recorded.answered, at, asked.method, recorded.ended)
                at = answer.end
            except wire.Incomplete:
                answer = None
            pairs.append((asked, answer))
            if answer is None:
                return pairs
        if at < len(recorded.answered):
            rest = bytes(recorded.answered[at:])
            last = pairs[-1][0] if pairs else None
            # A server may refuse a request whose rest never came, and may close an idle connection with a 408.
            if not (rest.startswith((b"HTTP/1.1 400", b"HTTP/1.1 408", b"HTTP/1.0 408")) and recorded.ended):
                raise wire.Malformed(f"more answers than requests behind {last and last.start}: {rest[:80]!r}")
        return pairs

    def close(self):
        self._listener.close()


class NaiveProxy:
    """The negative control: believes the first Content-Length and no Transfer-Encoding, forwards heads as they are, and
    shares its backend connections between clients. It has every fault that the oracle has to find."""

    def __init__(self, backend_port):
        self._backend_port = backend_port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self._idle = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.settimeout(0.3)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        waiting = b""
        try:
            while True:
                while b"\r\n\r\n" not in waiting:
                    data = client.recv(READ_BYTES)
                    if not data:
                        return
                    waiting += data
                head, _, waiting = waiting.partition(b"\r\n\r\n")
                length = re.search(rb"(?i)\r\ncontent-length:\s*(\d{1,6})", head)
                size = int(length[1]) if length else 0
                while len(waiting) < size:
                    data = client.recv(READ_BYTES)
                    if not data:
                        return
                    waiting += data
                body, waiting = waiting[:size], waiting[size:]
                client.sendall(self._forward(head + b"\r\n\r\n" + body, head.split(b" ")[0].decode("latin-1")))
        except (OSError, wire.Malformed, wire.Incomplete):
            pass
        finally:
            client.close()

    def _forward(self, request, method):
        backend, answer = self._take()
        backend.sendall(request)
        ended = False
        while True:
            try:
                found = wire.response(answer, 0, method, ended)
                break
            except wire.Incomplete:
                if ended:
                    raise
            data = backend.recv(READ_BYTES)
            answer += data
            ended = not data
        if not ended:
            # What is left behind this answer is read as the next one: the fault that attacks want.
            self._idle.append((backend, answer[found.end :]))
        return answer[: found.end]

    def _take(self):
        """A connection that the backend has not ended, and what it said out of turn."""
        while self._idle:
            backend, answer = self._idle.pop()
            if not select.select([backend], [], [], 0)[0]:
                return backend, answer
            early = backend.recv(READ_BYTES)
            if early:
                return backend, answer + early
            backend.close()
        return socket.create_connection(("127.0.0.1", self._backend_port), 1), b""

    def forget(self):
        """Ends the shared connections, so that one attack is not counted twice."""
        while self._idle:
            self._idle.pop()[0].close()

    def close(self):
        self._listener.close()
        self.forget()
