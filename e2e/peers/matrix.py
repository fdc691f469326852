"""WebSocket libraries as backend and as client, every one with every other, straight and through Holdfast over ws and
wss. A check is what the client's program printed; straight to the backend is the control: through us nothing differs."""

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor

from programs import HOST, TARGET, Holdfast, Programs, environment, java, printed

CLIENT_SECONDS = 900
CONTROLS_MAX = 10
PEERS = {
    "ws": ["node", "node/ws_peer.mjs"],
    "websockets": ["python3", "python/websockets_peer.py"],
    "aiohttp": ["python3", "python/aiohttp_peer.py"],
    "gorilla": [str(TARGET / "go-peers"), "gorilla"],
    "coder": [str(TARGET / "go-peers"), "coder"],
    "java-websocket": java("Peer", "java-websocket"),
    "netty": java("Peer", "netty"),
}
# (client, backend, check) that fail between the libraries themselves; through us they must fail the same way.
INCOMPATIBLE = {
    # The client takes compression without context takeover only, the backend offers no such answer.
    ("gorilla", "aiohttp", "compressed"),
    # The client allows no answer that forbids it context takeover.
    ("netty", "gorilla", "compressed"),
}
# (client, backend) between which no compression comes about: the client asks for none of the server's context takeover,
# which this backend does not grant unless it is told to.
UNCOMPRESSED = {("gorilla", "netty"), ("java-websocket", "netty")}
# What the answer of the upgrade says, as the check "compressed" begins to tell it.
DEFLATE = "[permessage-deflate"
# Their client closes its socket at times before its close frame is written, or before it has read the other's: what the
# server saw of an end tells nothing, and the reason of its own close is its own or the answer's (aiohttp answers with
# none). Their server takes note of the end of the stream in another thread than of the close frame right before it
# (frames.py), and tells the one that came first.
HASTY = {"java-websocket"}


def client(name, targets, role="client"):
    """Runs the checks of one client; {(target, check): result}."""
    command = PEERS[name] + [role] + [f"{label}={url}" for label, url in targets.items()]
    with open(TARGET / "logs" / f"{role}-{name}.err", "wb") as errors:
        output = printed(command, CLIENT_SECONDS, environment(), errors)
    results = {}
    for line in output.splitlines():
        if line.startswith("{"):
            found = json.loads(line)
            result = found["result"]
            results[found["target"], found["check"]] = certain(found["check"], result) if name in HASTY else result
    return results


def certain(check, result):
    """What is not a race in the result of a client that is hasty."""
    if "close-" not in check:
        return result
    client_saw = result.partition(", server saw")[0]
    return client_saw if check.startswith("server-") else re.sub(r"^(client saw \d+) .*", r"\1", client_saw)


def run(report):
    negotiated = 0
    with Programs(report) as programs:
        backends = {name: programs.start(f"backend-{name}", command + ["serve"]) for name, command in PEERS.items()}
        ports = {name: backend.await_port() for name, backend in backends.items()}
        holdfast = Holdfast(programs, "matrix", {f"/{name}": [port] for name, port in ports.items()})
        targets = {}
        for name, port in ports.items():
            targets[f"{name} direct"] = f"ws://{HOST}:{port}/{name}/echo"
            targets[f"{name} ws"] = f"ws://{HOST}:{holdfast.port}/{name}/echo"
            targets[f"{name} wss"] = f"wss://{HOST}:{holdfast.tls_port}/{name}/echo"
        with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
            for name, results in zip(PEERS, pool.map(lambda one: client(one, targets), PEERS)):
                for backend in PEERS:
                    compare(report, name, backend, results, targets)
                negotiated += sum(check == "compressed" and DEFLATE in result for (_, check), result in results.items())
    report.figure(f"permessage-deflate negotiated on {negotiated} of {len(PEERS) * len(targets)} connections that ask for it")


def like_the_control(name, backend, check, got, control, targets):
    """Whether what came of a check through us comes of it straight, too. How an end looks to the server is a race
    between some libraries: one that went better than the control is as good, and for one that went worse the control is
    asked again until it goes the same way."""
    if got == control:
        return True
    client_saw, _, server_saw = got.partition(", server saw")
    if not server_saw or client_saw != control.partition(", server saw")[0]:
        return False
    if backend in HASTY or "abnormal" in control and "abnormal" not in server_saw:
        return True
    label = f"{backend} direct"
    return any(
        client(name, {label: targets[label]}).get((label, check)) == got for _ in range(CONTROLS_MAX)
    )


def compare(report, name, backend, results, targets):
    checks = sorted({check for _, check in results})
    if not checks:
        report.check(f"{name} -> {backend}", False, "the client printed nothing")
    for check in checks:
        control = results.get((f"{backend} direct", check), "nothing")
        if control == "unsupported":
            report.unsupported(f"{backend} as backend: {check}" if check.startswith("server-") else f"{name}: {check}")
            continue
        sane = control != "nothing" and not control.startswith("error")
        sane = sane and "other:" not in control and "server saw none" not in control
        if check == "compressed" and (name, backend) in UNCOMPRESSED:
            report.unsupported(f"{name} -> {backend}: compression")
        elif check == "compressed":
            sane = sane and control.startswith(DEFLATE)
        if (name, backend, check) in INCOMPATIBLE:
            report.unsupported(f"{name} -> {backend}: {check}: {control}")
            sane = control.startswith("error")
        report.check(f"{name} -> {backend} {check} (control)", sane, control)
        for way in ("ws", "wss"):
            got = results.get((f"{backend} {way}", check), "nothing")
            same = like_the_control(name, backend, check, got, control, targets)
            report.check(f"{name} -> {backend} {check} ({way})", same, f"{got} (direct: {control})")
