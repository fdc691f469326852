"""Holds tunnels and tells how they end: fleet.py ADDRESS PORT HOST COUNT OUT.

Each sends a text every half second and awaits its echo; one that ends is opened again. On SIGTERM it waits until all are open, at
most half a minute, and writes to OUT how many were opened, how many were open then, how many echoes were not what was sent, and
for each close code how often it ended a tunnel; 1006 stands for an end without a close frame.
"""

import asyncio
import base64
import collections
import json
import os
import random
import signal
import sys

address, port, host, count, out = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5]
codes = collections.Counter()
figures = {"opened": 0, "refused": 0, "echoes": 0, "garbled": 0}
open_now = 0
ending = asyncio.Event()


def frame(op, payload):
    mask = os.urandom(4)
    return bytes([0x80 | op, 0x80 | len(payload)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


async def opened():
    reader, writer = await asyncio.open_connection(address, port)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 101 " not in head.split(b"\r\n")[0]:
        writer.close()
        raise ConnectionError(head.split(b"\r\n")[0])
    return reader, writer


async def talk(writer):
    while True:
        writer.write(frame(1, b"hello"))
        await asyncio.sleep(0.5)


async def listen(reader, writer):
    while True:
        head = await reader.readexactly(2)
        payload = await reader.readexactly(head[1])
        if head[0] & 0x0F == 8:
            writer.write(frame(8, payload[:2]))
            return int.from_bytes(payload[:2], "big")
        if head[0] & 0x0F == 9:
            writer.write(frame(10, payload))
        elif payload == b"hello":
            figures["echoes"] += 1
        else:
            figures["garbled"] += 1


async def tunnel():
    global open_now
    while True:
        try:
            reader, writer = await asyncio.wait_for(opened(), 20)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
            figures["refused"] += 1
            await asyncio.sleep(random.uniform(0.2, 1.0))
            continue
        figures["opened"] += 1
        open_now += 1
        talking = asyncio.create_task(talk(writer))
        try:
            code = await listen(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            code = 1006
        finally:
            open_now -= 1
            talking.cancel()
            writer.close()
        codes[code] += 1
        await asyncio.sleep(random.uniform(0.05, 0.5))


async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    tunnels = [asyncio.create_task(tunnel()) for _ in range(count)]
    while figures["opened"] < count and not ending.is_set():
        await asyncio.sleep(0.1)
    print("open", flush=True)
    await ending.wait()
    for _ in range(300):
        if open_now == count:
            break
        await asyncio.sleep(0.1)
    figures["open"] = open_now
    for each in tunnels:
        each.cancel()
    await asyncio.gather(*tunnels, return_exceptions=True)
    with open(out, "w") as file:
        json.dump({**figures, "codes": codes}, file)


asyncio.run(main())
