"""curl against nginx and Apache httpd, straight and through Holdfast over http and https."""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import tempfile

from programs import CA, HERE, HOST, Holdfast, Programs, environment
from servers import WebServers, program

CURL_SECONDS = 60
# Hop by hop, or of the moment.
NOT_COMPARED = {"date", "connection", "keep-alive", "transfer-encoding", "via"}
UPGRADE = [
    "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13",
    "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
]  # fmt: skip


class Curl:
    def __init__(self, base, name, work):
        self.base = base
        self.name = name
        self.url = f"{base}/{name}"
        self.work = pathlib.Path(work)
        self.body = self.work / "body"
        self.heads = self.work / "heads"

    def run(self, *arguments):
        """curl's numbers, as it tells them itself; the body and the heads are in files."""
        for old in (self.body, self.heads):
            old.unlink(missing_ok=True)
        command = [program("curl"), "-sS4", "--http1.1", "--cacert", str(CA), "--max-time", str(CURL_SECONDS)]
        command += ["-o", str(self.body), "-D", str(self.heads), "-w", "%{json}\n", *arguments]
        done = subprocess.run(command, capture_output=True, env=environment(), timeout=CURL_SECONDS + 30)
        lines = [json.loads(line) for line in done.stdout.decode(errors="replace").splitlines() if line.startswith("{")]
        return lines, f"exit {done.returncode}" + ("" if done.returncode == 0 else f" {done.stderr.decode()[-200:]}")

    def last_head(self):
        heads = self.heads.read_bytes().decode("latin-1").split("\r\n\r\n") if self.heads.exists() else [""]
        heads = [head for head in heads if head.startswith("HTTP/")]
        fields = []
        for line in heads[-1].split("\r\n")[1:] if heads else []:
            name, _, value = line.partition(":")
            if name.lower() not in NOT_COMPARED:
                fields.append(f"{name.lower()}:{value}")
        return len(heads), re.sub(r"localhost:\d+", "localhost:PORT", " | ".join(sorted(fields)))

    def get(self, path, *arguments, head=True):
        lines, how = self.run(*arguments, self.url + path)
        data = self.body.read_bytes() if self.body.exists() and "-I" not in arguments else b""
        data = re.sub(rb"localhost:\d+", b"localhost:PORT", data)
        interim, fields = self.last_head()
        code = lines[-1]["http_code"] if lines else 0
        return f"{how} {code} after {interim - 1} interim, {len(data)} bytes {hashlib.sha256(data).hexdigest()[:12]}" + (
            f" [{fields}]" if head else ""
        )


def etag(curl, path):
    curl.run("-I", curl.url + path)
    found = re.search(r"(?im)^etag: *(.*?)\r?$", curl.heads.read_text("latin-1"))
    return found[1] if found else '"none"'


def upload(curl, path, file, *arguments):
    """PUT, GET and DELETE: what was stored must be what was sent."""
    put, how = curl.run(*arguments, "-T", str(file), curl.url + path)
    interim, _ = curl.last_head()
    code = put[-1]["http_code"] if put else 0
    curl.run(curl.url + path)
    same = curl.body.exists() and curl.body.read_bytes() == file.read_bytes()
    gone, _ = curl.run("-X", "DELETE", curl.url + path)
    return f"{how} {code} after {interim - 1} interim, stored as sent: {same}, deleted {gone[-1]['http_code'] if gone else 0}"


def reuse(curl):
    """Twenty requests with bodies of every framing on one connection."""
    urls = []
    for path in ("/small.txt", "/text.txt", "/none", "/nothing", "/moved") * 4:
        urls += ["-o", "/dev/null", curl.url + path]
    lines, how = curl.run("--compressed", *urls)
    return f"{how} {[line['http_code'] for line in lines]} connections {sum(line['num_connects'] for line in lines)}"


def parallel(curl):
    urls = []
    for _ in range(24):
        urls += ["-o", "/dev/null", curl.url + "/one.bin"]
    lines, how = curl.run("-Z", "--parallel-max", "12", *urls)
    return f"{how} {len(lines)} of {sum(line['size_download'] for line in lines)} bytes"


def checks(curl, sized, large):
    one = f"@{sized}"
    return {
        "GET": lambda: curl.get("/small.txt"),
        "HEAD": lambda: curl.get("/one.bin", "-I"),
        "GET, HTTP/1.0": lambda: curl.get("/small.txt", "--http1.0"),
        "GET 64 MiB": lambda: curl.get("/large.bin"),
        "GET, compressed, chunked": lambda: curl.get("/text.txt", "-H", "Accept-Encoding: gzip"),
        "404": lambda: curl.get("/none"),
        "204": lambda: curl.get("/nothing"),
        "302": lambda: curl.get("/moved"),
        "target as sent": lambda: curl.get("/echo?a=%2F%20;b=%C3%A4&c==", "-H", "X-Peer: 1, 2;q=\"x\""),
        "range": lambda: curl.get("/one.bin", "-r", "100-299"),
        "range, last bytes": lambda: curl.get("/one.bin", "-r", "-500"),
        "ranges": lambda: re.sub(r" [0-9a-f]{12} .*", "", curl.get("/one.bin", "-r", "0-9,20-29")),
        "416": lambda: curl.get("/one.bin", "-r", "9999999-"),
        "resumed download": lambda: curl.get("/one.bin", "-C", "500000"),
        "304 by tag": lambda: curl.get("/one.bin", "-H", f"If-None-Match: {etag(curl, '/one.bin')}"),
        "304 by date": lambda: curl.get("/one.bin", "-z", "Tue, 01 Jan 2030 00:00:00 GMT"),
        "412": lambda: curl.get("/one.bin", "-H", 'If-Match: "other"'),
        "POST sized": lambda: curl.get("/echo", "--data-binary", one),
        "POST chunked": lambda: curl.get("/echo", "-H", "Transfer-Encoding: chunked", "--data-binary", one),
        "POST empty": lambda: curl.get("/echo", "-d", ""),
        "POST, Expect": lambda: curl.get("/echo", "-H", "Expect: 100-continue", "--data-binary", one),
        "POST refused": lambda: re.sub(r"\[.*", "", curl.get("/small.txt/none", "-H", "Expect:", "--data-binary", one)),
        "PUT sized": lambda: upload(curl, "/put/a", large, "-H", "Expect:"),
        "PUT chunked": lambda: upload(curl, "/put/b", large, "-H", "Expect:", "-H", "Transfer-Encoding: chunked"),
        "PUT, Expect": lambda: upload(curl, "/put/c", large, "-H", "Expect: 100-continue"),
        "PUT chunked, Expect": lambda: upload(
            curl, "/put/d", large, "-H", "Expect: 100-continue", "-H", "Transfer-Encoding: chunked"
        ),
        "keep-alive": lambda: reuse(curl),
        "parallel": lambda: parallel(curl),
        "no Host": lambda: re.sub(",.*", "", curl.get("/small.txt", "-H", "Host:", head=False)),
        "slow download": lambda: curl.get("/one.bin", "--limit-rate", "1M"),
    }


def run(report):
    with Programs(report) as programs, tempfile.TemporaryDirectory() as work:
        sized, large = pathlib.Path(work, "sized"), pathlib.Path(work, "large")
        sized.write_bytes(os.urandom(1 << 20))
        large.write_bytes(os.urandom(8 << 20))
        servers = WebServers(programs)
        ws = programs.start("backend-ws-for-curl", ["node", "node/ws_peer.mjs", "serve"], HERE).await_port()
        paths = {f"/{name}": [port] for name, port in servers.ports.items()}
        holdfast = Holdfast(programs, "http", {**paths, "/ws": [ws]})
        ways = {"http": f"http://{HOST}:{holdfast.port}", "https": f"https://{HOST}:{holdfast.tls_port}"}
        for name, port in servers.ports.items():
            control = {}
            for check, ask in checks(Curl(f"http://{HOST}:{port}", name, work), sized, large).items():
                control[check] = ask()
                sane = control[check].startswith("exit 0") and "False" not in control[check]
                report.check(f"{name} {check} -> direct", sane, control[check])
            for way, base in ways.items():
                for check, ask in checks(Curl(base, name, work), sized, large).items():
                    got = ask()
                    report.check(f"{name} {check} -> {way}", got == control[check], f"{got}\n    (direct: {control[check]})")
        for way, base in ways.items():
            wrong_host(report, Curl(base, "nginx", work), way)
        for way, base in {"direct": f"http://{HOST}:{ws}", **ways}.items():
            upgrade(report, Curl(base, "ws", work), way)


def wrong_host(report, curl, way):
    """These never reach a backend."""
    # Over TLS a host other than the name that was asked for is misdirected; without a route of its own it is unknown.
    for host, codes in (("unknown.test", (404, 421)), ("-bad host-", (400,)), ("localhost:99999", (400, 404))):
        got = curl.get("/small.txt", "-H", f"Host: {host}", head=False)
        report.check(f"Host: {host} -> {way}", int(got.split()[2]) in codes, f"{got} (expected: one of {codes})")


def upgrade(report, curl, way):
    """curl keeps the connection open behind a 101, until its time is over; more of it where none came in a short one."""
    for seconds in ("3", "30"):
        curl.run("-N", *UPGRADE, "--max-time", seconds, curl.url + "/echo")
        head = curl.heads.read_text("latin-1").lower() if curl.heads.exists() else ""
        if head:
            break
    right = head.startswith("http/1.1 101") and "s3pplmbitxaq9kygzzhzrbk+xoo=" in head and "upgrade: websocket" in head
    report.check(f"WebSocket handshake by curl -> {way}", right, head)
