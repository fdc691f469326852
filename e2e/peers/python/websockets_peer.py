"""Python `websockets` as backend and as client."""

import asyncio
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.client import connect as open_connection
from websockets.asyncio.server import serve as start_server
from websockets.exceptions import ConnectionClosed

import peer


class Connection:
    def __init__(self, socket):
        self._socket = socket
        self.protocol = socket.subprotocol or ""
        self.extensions = (socket.response.headers.get("Sec-WebSocket-Extensions") or "") if socket.response else ""

    async def send(self, message):
        await self._socket.send(message)

    async def receive(self):
        return await self._socket.recv()

    async def receive_or_end(self):
        try:
            return await self._socket.recv()
        except ConnectionClosed:
            return None

    async def send_parts(self, parts):
        await self._socket.send(iter(parts))
        return True

    async def ping(self, payload):
        waiter = await self._socket.ping(payload)
        await waiter
        return payload

    async def close(self, code, reason):
        await self._socket.close(code, reason)
        return self.end()

    async def closed(self):
        await self._socket.wait_closed()
        return self.end()

    def abort(self):
        self._socket.transport.abort()

    def end(self):
        received = self._socket.protocol.close_rcvd
        return peer.end(received.code, received.reason) if received else peer.NO_CLOSE_FRAME


async def serve():
    ends = peer.Ends()

    async def handle(socket):
        path = socket.request.path
        query_id = parse_qs(urlsplit(path).query).get("id", [""])[0]
        connection = Connection(socket)
        connection.extensions = ""
        info = {
            "protocol": connection.protocol,
            "offered": socket.request.headers.get("Sec-WebSocket-Extensions", ""),
            "path": peer.without_id(path),
        }
        running = set()
        try:
            async for message in socket:
                if isinstance(message, str) and message.startswith("/"):
                    # Beside the loop that reads, which a pong needs.
                    task = asyncio.create_task(peer.command(message, connection, ends, info))
                    running.add(task)
                    task.add_done_callback(running.discard)
                else:
                    await socket.send(message)
        except ConnectionClosed:
            pass
        finally:
            await socket.wait_closed()
            ends.put(query_id, connection.end())

    async with start_server(
        handle,
        "127.0.0.1",
        0,
        select_subprotocol=lambda _, offered: next((known for known in peer.PROTOCOLS if known in offered), None),
        max_size=peer.MESSAGE_BYTES_MAX,
        ping_interval=None,
    ) as server:
        peer.announce(server.sockets[0].getsockname()[1])
        await server.serve_forever()


async def connect(url, protocols, deflate):
    options = {"ssl": peer.tls(url)} if url.startswith("wss") else {}
    socket = await open_connection(
        url,
        subprotocols=protocols or None,
        compression="deflate" if deflate else None,
        max_size=peer.MESSAGE_BYTES_MAX,
        ping_interval=None,
        proxy=None,
        **options,
    )
    return Connection(socket)


peer.main("websockets", serve, connect)
