"""aiohttp as backend and as client."""

import asyncio

import aiohttp
from aiohttp import WSMsgType, web

import peer


class Connection:
    """`socket` is a WebSocketResponse or a ClientWebSocketResponse; both have these methods."""

    def __init__(self, socket, transport, session=None, headers=None):
        self._socket = socket
        self._transport = transport
        self._session = session
        self._pongs = asyncio.Queue()
        self._end = None
        self.protocol = socket.protocol if session else socket.ws_protocol
        self.protocol = self.protocol or ""
        self.extensions = (headers or {}).get("Sec-WebSocket-Extensions", "")

    async def send(self, message):
        await (self._socket.send_str(message) if isinstance(message, str) else self._socket.send_bytes(message))

    async def send_parts(self, parts):
        # It has no API for fragments; its writer knows how to build one frame only.
        return False

    async def receive(self):
        """The next message, or None at the end."""
        while True:
            message = await self._socket.receive()
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                return message.data
            if message.type is WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type is WSMsgType.PONG:
                self._pongs.put_nowait(message.data.decode())
                if self._session:
                    return None
            elif message.type is WSMsgType.CLOSE:
                self._end = peer.end(message.data, message.extra)
                await self._socket.close(code=message.data if message.data else 1000)
                return None
            else:
                self._end = self._end or peer.NO_CLOSE_FRAME
                return None

    async def receive_or_end(self):
        return await self.receive()

    async def ping(self, payload):
        await self._socket.ping(payload.encode())
        if self._session:
            await self.receive()
        return await self._pongs.get()

    async def close(self, code, reason):
        await self._socket.close(code=code, message=reason.encode())
        if self._session:
            # It reads the answer itself and keeps its code alone.
            await self._session.close()
            return peer.end(self._socket.close_code, "")
        return None

    async def closed(self):
        while self._end is None:
            await self.receive()
        if self._session:
            await self._session.close()
        return self._end

    def ended(self):
        return self._end or peer.end(self._socket.close_code, "")

    def abort(self):
        self._transport.abort()
        if self._session:
            self._session.detach()


async def serve():
    ends = peer.Ends()

    async def handle(request):
        socket = web.WebSocketResponse(
            protocols=peer.PROTOCOLS, max_msg_size=peer.MESSAGE_BYTES_MAX, autoping=False, autoclose=False
        )
        await socket.prepare(request)
        connection = Connection(socket, request.transport)
        info = {
            "protocol": connection.protocol,
            "offered": request.headers.get("Sec-WebSocket-Extensions", ""),
            "path": peer.without_id(request.raw_path),
        }
        running = set()
        while (message := await connection.receive()) is not None:
            if isinstance(message, str) and message.startswith("/"):
                if message.startswith("/close "):
                    await peer.command(message, connection, ends, info)
                    break
                task = asyncio.create_task(peer.command(message, connection, ends, info))
                running.add(task)
                task.add_done_callback(running.discard)
            else:
                await connection.send(message)
        ends.put(request.query.get("id", ""), connection.ended())
        return socket

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    peer.announce(runner.addresses[0][1])
    await asyncio.Event().wait()


async def connect(url, protocols, deflate):
    session = aiohttp.ClientSession()
    try:
        socket = await session.ws_connect(
            url,
            protocols=protocols,
            compress=15 if deflate else 0,
            max_msg_size=peer.MESSAGE_BYTES_MAX,
            autoping=False,
            autoclose=False,
            ssl=peer.tls(url) or True,
        )
    except BaseException:
        await session.close()
        raise
    return Connection(socket, socket._conn.transport, session, socket._response.headers)


peer.main("aiohttp", serve, connect)
