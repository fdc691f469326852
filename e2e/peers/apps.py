"""Socket.IO (polling, then upgrade; two backends, a sticky cookie) and graphql-ws, straight and through Holdfast."""

import json

from programs import HOST, TARGET, Holdfast, Programs, environment, printed

CLIENT_SECONDS = 600
SOCKETS = 40
BACKENDS = ["a", "b"]
# What the checks of large, compressed and fragmented messages and of half-closes have to tell straight; of the others equality is enough.
EXPECTED = {
    "socket.io: binary of 1 and 8 MiB": "true,true",
    "socket.io: compressed text of 4 MiB": "permessage-deflate true",
    "graphql-ws: compressed text of 4 MiB, there and back": "permessage-deflate true",
    "socket.io: an event in fragments": "websocket true 1000 ",
    "socket.io: an event in fragments, and the end of the stream behind it": "websocket,last 1006 ",
    "graphql-ws: a query in fragments": "true 1000 ",
    "graphql-ws: a query in fragments, and the end of the stream behind it": "hold fast, last 1006 ",
}
# The TLS engine answers a close_notify at once (docs/conformance.md): who ends a stream over TLS hears no more, unless the answer was quicker.
NO_ANSWER = "error: closed 1006 "
ENDS_FIRST = {check for check in EXPECTED if "the end of the stream" in check}


def client(url, name, role="client"):
    with open(TARGET / "logs" / f"client-apps-{name}.err", "wb") as errors:
        output = printed(
            ["node", "node/apps.mjs", role, url, str(SOCKETS)],
            CLIENT_SECONDS,
            environment(NODE_EXTRA_CA_CERTS=str(TARGET / "tls" / "ca.pem")),
            errors,
        )
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return {line["check"]: line["result"] for line in lines}


def run(report):
    with Programs(report) as programs:
        backends = [programs.start(f"backend-apps-{name}", ["node", "node/apps.mjs", "serve", name]) for name in BACKENDS]
        ports = [backend.await_port() for backend in backends]
        holdfast = Holdfast(
            programs, "apps", {"/socket.io": ports, "/graphql": ports}, sticky={"/socket.io"}
        )
        loose = Holdfast(programs, "apps-loose", {"/socket.io": ports, "/graphql": ports})
        control = client(f"http://{HOST}:{ports[0]}", "direct")
        report.check("every check ran -> direct", EXPECTED.keys() <= control.keys(), sorted(control))
        for way, url in (("http", f"http://{HOST}:{holdfast.port}"), ("https", f"https://{HOST}:{holdfast.tls_port}")):
            got = client(url, way)
            for check, result in control.items():
                if check == "many":
                    continue
                sane = result == EXPECTED.get(check, result) and not str(result).startswith("error")
                report.check(f"{check} -> direct", sane, result)
                same = got.get(check) == result
                if way == "https" and check in ENDS_FIRST:
                    same = same or got.get(check) == NO_ANSWER
                report.check(f"{check} -> {way}", same, f"{got.get(check)} (direct: {result})")
            many = got.get("many")
            steady = many == {"steady": SOCKETS, "backends": len(BACKENDS), "failure": ""}
            report.check(f"socket.io: {SOCKETS} sockets, two backends -> {way}", steady, many)
            report.figure(f"Socket.IO over {way}: {many}")
        # The control of the control: without the cookie the polls of one socket meet both backends.
        lost = client(f"http://{HOST}:{loose.port}", "loose", "crowd")["many"]
        caught = isinstance(lost, dict) and lost["steady"] < SOCKETS
        report.check("socket.io: without the cookie sockets are lost -> http", caught, lost)
