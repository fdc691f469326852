"""What the Python peers have in common: the backend's commands and the client's checks (README.md has the contract)."""

import asyncio
import hashlib
import itertools
import json
import os
import re
import ssl
import sys

MESSAGE_BYTES_MAX = 64 << 20
PROTOCOLS = ["chat.v2", "chat.v1"]
WAIT_SECONDS = 30
NO_CLOSE_FRAME = "abnormal"


class Ends:
    """How each connection of a backend ended, by the id in its query."""

    def __init__(self):
        self._ends = {}

    def put(self, query_id, how):
        self._ends[query_id] = how

    def get(self, query_id):
        return self._ends.get(query_id, "none")


def end(code, reason):
    return NO_CLOSE_FRAME if code in (None, 1006) else f"{code} {reason or ''}"


def without_id(path):
    return re.sub("id=[^&]*", "id=", path)


async def command(text, connection, ends, info):
    """Carries out a command; False if the text is none."""
    name, _, rest = text.partition(" ")
    if name == "/close":
        code, _, reason = rest.partition(" ")
        await connection.close(int(code), reason)
    elif name == "/ping":
        await connection.send(f"pong {await connection.ping('hold')}")
    elif name == "/abort":
        connection.abort()
    elif name == "/closed":
        await connection.send(ends.get(rest))
    elif name == "/info":
        await connection.send(json.dumps(info))
    elif name == "/frag":
        if not await connection.send_parts([f"part-{i} " for i in range(int(rest))]):
            await connection.send("unsupported")
    else:
        return False
    return True


def announce(port):
    print(json.dumps({"port": port}), flush=True)


def tls(url):
    return ssl.create_default_context(cafile=os.environ.get("PEERS_CA")) if url.startswith("wss") else None


def same(sent, got):
    return f"echo of {len(sent)}" if sent == got else f"other: {len(got)} of {len(sent)}"


class Checks:
    """The checks of one client library. `connect(url, protocols, deflate)` opens a connection with the methods send,
    receive, receive_or_end (None at the end), send_parts (False if the library cannot), ping, close (returns the end that
    was seen), abort, closed, and protocol and extensions."""

    def __init__(self, library, connect):
        self._library = library
        self._connect = connect
        self._ids = itertools.count()

    def target(self, url):
        query_id = f"{self._library}-{os.getpid()}-{next(self._ids)}"
        return query_id, f"{url}?id={query_id}&x=%20a"

    async def open(self, url, protocols=(), deflate=False):
        return await self._connect(self.target(url)[1], list(protocols), deflate)

    async def ask(self, connection, message):
        await connection.send(message)
        return await connection.receive()

    async def seen(self, url, query_id):
        connection = await self.open(url)
        answer = "none"
        for _ in range(500):
            answer = await self.ask(connection, f"/closed {query_id}")
            if answer != "none":
                break
            await asyncio.sleep(0.02)
        await connection.close(1000, "")
        return answer

    async def handshake(self, url):
        connection = await self.open(url, ["chat.v1", "chat.v2", "other"])
        result = f"{connection.protocol} [{connection.extensions}] {await self.ask(connection, '/info')}"
        await connection.close(1000, "")
        return result

    async def no_protocol(self, url):
        connection = await self.open(url)
        result = f"[{connection.protocol or ''}] {await self.ask(connection, '/info')}"
        await connection.close(1000, "")
        return result

    async def text(self, url):
        connection = await self.open(url)
        result = await self.ask(connection, "hÖld fäst ✓ 𝄞")
        await connection.close(1000, "")
        return result

    async def large(self, url):
        connection = await self.open(url)
        results = []
        for size in (0, 125, 126, 65_535, 65_536, 1 << 20, 8 << 20):
            data = os.urandom(size)
            results.append(same(data, await self.ask(connection, data)))
        await connection.close(1000, "")
        return ", ".join(results)

    async def fragmented(self, url):
        connection = await self.open(url)
        parts = [os.urandom(size) for size in (70_000, 1, 0, 300)]
        if not await connection.send_parts(parts):
            return "unsupported"
        result = same(b"".join(parts), await connection.receive())
        await connection.close(1000, "")
        return result

    async def server_fragmented(self, url):
        connection = await self.open(url)
        result = await self.ask(connection, "/frag 5")
        await connection.close(1000, "")
        return result

    async def compressed(self, url):
        connection = await self.open(url, ["chat.v1"], True)
        text = "hold fast, whatever moves. " * 40_000
        noise = os.urandom(50_000).hex()
        result = [f"[{connection.extensions}]", await self.ask(connection, "/info")]
        for message in (text, noise, text):
            result.append(same(message, await self.ask(connection, message)))
        await connection.close(1000, "")
        return " ".join(result)

    async def ping(self, url):
        connection = await self.open(url)
        result = f"pong {await connection.ping('fast')}"
        await connection.close(1000, "")
        return result

    async def server_ping(self, url):
        connection = await self.open(url)
        result = await self.ask(connection, "/ping")
        await connection.close(1000, "")
        return result

    async def abort(self, url):
        query_id, to = self.target(url)
        connection = await self._connect(to, [], False)
        await self.ask(connection, "before")
        connection.abort()
        return f"server saw {await self.seen(url, query_id)}"

    async def server_abort(self, url):
        connection = await self.open(url)
        await connection.send("/abort")
        return f"client saw {await connection.closed()}"

    async def close(self, url, code, reason):
        query_id, to = self.target(url)
        connection = await self._connect(to, [], False)
        own = await connection.close(code, reason)
        return f"client saw {own}, server saw {await self.seen(url, query_id)}"

    async def server_close(self, url, code, reason):
        query_id, to = self.target(url)
        connection = await self._connect(to, [], False)
        await connection.send(f"/close {code} {reason}")
        return f"client saw {await connection.closed()}, server saw {await self.seen(url, query_id)}"

    async def watch(self, url):
        connection = await self._connect(url, [], False)
        await connection.send("hold")
        count, data = 0, b""
        while (message := await connection.receive_or_end()) is not None:
            count += 1
            data += message.encode() if isinstance(message, str) else message
        end = await connection.closed()
        return f"{count} messages, {len(data)} bytes, sha1 {hashlib.sha1(data).hexdigest()}, client saw {end}"

    def all(self):
        checks = {
            "handshake": self.handshake,
            "no-protocol": self.no_protocol,
            "text": self.text,
            "large": self.large,
            "fragmented": self.fragmented,
            "server-fragmented": self.server_fragmented,
            "compressed": self.compressed,
            "ping": self.ping,
            "server-ping": self.server_ping,
            "abort": self.abort,
            "server-abort": self.server_abort,
        }
        for code, reason in ((1000, "bye"), (1001, ""), (3000, "reason of 3000 ✓")):
            checks[f"close-{code}"] = lambda url, c=code, r=reason: self.close(url, c, r)
            checks[f"server-close-{code}"] = lambda url, c=code, r=reason: self.server_close(url, c, r)
        return checks


async def run_checks(checks, targets):
    for spec in targets:
        label, _, url = spec.partition("=")
        for name, check in checks.items():
            try:
                result = await asyncio.wait_for(check(url), WAIT_SECONDS)
            except Exception as e:  # whatever a library throws is a result
                result = f"error: {type(e).__name__} {e}"
            print(json.dumps({"target": label, "check": name, "result": result}), flush=True)


def main(library, serve, connect):
    role, *targets = sys.argv[1:]
    checks = Checks(library, connect)
    asyncio.run(serve() if role == "serve" else run_checks(checks.all() if role == "client" else {role: checks.watch}, targets))
