"""Puts an AOT cache into the images of operator and data plane: train.py OPERATOR.tar DATAPLANE.tar

Both run once, on this machine, with the JVM and the archives of their images: the operator against an API server that is
played here, the data plane following it by TLS, as in a cluster, and serving a few hundred edits, requests and tunnels. What
they loaded and linked, and how their methods ran (JEP 515), is recorded, and goes into each image as a layer of its own on top of
the others, /app/holdfast.aot, with the option that uses it: the first edits after a start are served
sooner. A JVM that cannot use it, because it is another one, starts without.
"""

import base64
import gzip
import hashlib
import http.client
import http.server
import io
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request

import played_api

CACHE = "app/holdfast.aot"
# The cache of machine code finds fault with itself at every start; it does without what it does not trust.
QUIET = "-Xlog:aot*=error"
PATIENCE_SECONDS = 180
EPOCH = 1

ACCOUNT = "system:serviceaccount:default:trained"
AUDIENCE = "holdfast.dev/route-stream"

EDITS = 300
EDIT_SECONDS_MAX = 90
NAMESPACE = "default"
CLASS = {"spec": {"controller": "holdfast.dev/ingress-controller"}}
SERVICE = {
    "metadata": {"namespace": NAMESPACE},
    "spec": {"clusterIP": "10.96.0.10", "ports": [{"name": "http", "port": 80, "targetPort": 80}]},
}


def ingress(host):
    backend = {"service": {"name": "chat", "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    return {"metadata": {"namespace": NAMESPACE}, "spec": {"ingressClassName": "holdfast", "rules": [rule]}}


def route(host):
    rule = {"matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}], "backendRefs": [{"name": "chat", "port": 80}]}
    return {"metadata": {"namespace": NAMESPACE}, "spec": {"ingressClassName": "holdfast", "hostnames": [host], "rules": [rule]}}


def own_address(port):
    """Where this machine reaches itself, since loopback is no address of a pod; None where a connection to the port fails."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sends_nothing:
            sends_nothing.connect(("192.0.2.1", 9))
            address = sends_nothing.getsockname()[0]
        socket.create_connection((address, port), timeout=2).close()
        return address
    except OSError:
        return None


def endpoints(address, port):
    return {
        "metadata": {"namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": "chat"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}] if address else [],
    }


class Image:
    """An image of Jib's: docker-archive, layers compressed."""

    def __init__(self, path, work):
        self.path = pathlib.Path(path)
        self.root = work / self.path.stem
        with tarfile.open(path) as archive:
            self.manifest = json.load(archive.extractfile("manifest.json"))
            self.config = json.load(archive.extractfile(self.manifest[0]["Config"]))
            self.root.mkdir()
            for layer in self.manifest[0]["Layers"]:
                with tarfile.open(fileobj=archive.extractfile(layer)) as content:
                    # A root file system has links to absolute names; nothing follows them here.
                    content.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)
                    content.extractall(self.root, members=[each for each in content if not each.isdev()])

    def environment(self):
        return dict(each.split("=", 1) for each in self.config["config"]["Env"])

    def command(self, *arguments):
        """The image's own entry point, with its paths as they are here, recording."""
        entry = self.config["config"]["Entrypoint"]
        classpath = (self.root / "app/jib-classpath-file").read_text()
        here = self.root.with_suffix(".classpath")
        here.write_text(classpath.replace("/app/", f"{self.root}/app/"))
        words = [word.replace("@/app/jib-classpath-file", f"@{here}").replace("@/app/", f"@{self.root}/app/") for word in entry]
        java = next(
            path
            for folder in self.environment()["PATH"].split(":")
            if (path := self.root / folder.lstrip("/") / words[0]).exists()
        )
        return [str(java), f"-XX:AOTCacheOutput={self.root / CACHE}", "-Xlog:aot*=error", *words[1:], *arguments]

    def add_cache(self):
        """The cache as one more layer, and the option; what is not changed stays the bytes it is."""
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w", format=tarfile.GNU_FORMAT) as content:
            entry = tarfile.TarInfo(CACHE)
            data = (self.root / CACHE).read_bytes()
            entry.size, entry.mode, entry.mtime = len(data), 0o644, EPOCH
            content.addfile(entry, io.BytesIO(data))
        plain = layer.getvalue()
        packed = gzip.compress(plain, 6, mtime=0)
        self.config["rootfs"]["diff_ids"].append("sha256:" + hashlib.sha256(plain).hexdigest())
        self.config.setdefault("history", []).append(
            {"created": "1970-01-01T00:00:01Z", "created_by": "deploy/train.py", "comment": "AOT cache"}
        )
        entry = self.config["config"]["Entrypoint"]
        self.config["config"]["Entrypoint"] = [entry[0], f"-XX:AOTCache=/{CACHE}", QUIET, *entry[1:]]
        config = json.dumps(self.config).encode()
        added = {"config.json": config, hashlib.sha256(packed).hexdigest() + ".tar.gz": packed}
        with tarfile.open(self.path) as before:
            names = self.manifest[0]["Layers"]
            kept = {name: before.extractfile(name).read() for name in names}
        self.manifest[0]["Config"] = "config.json"
        self.manifest[0]["Layers"] = [*names, list(added)[1]]
        files = {**kept, **added, "manifest.json": json.dumps(self.manifest).encode()}
        fresh = self.path.with_suffix(".part")
        with tarfile.open(fresh, "w", format=tarfile.GNU_FORMAT) as archive:
            for name, data in files.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mtime = len(data), EPOCH
                archive.addfile(entry, io.BytesIO(data))
        os.replace(fresh, self.path)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def status(port, path, host="localhost", **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host, **headers})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as e:
        return e.code
    except (OSError, http.client.HTTPException):
        return 0


def await_that(what, process, holds, pause=0.1):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"train: {what}: not so (exit status {process.poll()})")
        time.sleep(pause)


def end(process):
    process.terminate()
    process.wait(PATIENCE_SECONDS)


class Backend(http.server.BaseHTTPRequestHandler):
    """Answers each GET with a few bytes; one that asks for a WebSocket gets a tunnel, and its bytes back."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_GET(self):
        key = self.headers.get("Sec-WebSocket-Key")
        self.send_response(101 if key else 200)
        if key:
            self.send_header("Connection", "Upgrade")
            self.send_header("Upgrade", "websocket")
            self.send_header("Sec-WebSocket-Accept", played_api.accept(key))
        else:
            self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"" if key else b"ok")
        while key and (data := self.rfile.read1(1024)):
            self.wfile.write(data)


def tunnel(connection, host):
    """A handshake, a few text frames there and back, and a close; nobody is there to take it where no address is our own."""
    head = f"GET /v1/ HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    connection.sendall(f"{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    answers = connection.makefile("rb")
    if b" 101 " not in answers.readline():
        return
    while answers.readline().strip():
        pass
    for text in (b"hello", b"x" * 100, b"bye"):
        # RFC 6455, section 5.2: masked, with a mask of zeros.
        connection.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
        answers.read(6 + len(text))
    connection.sendall(bytes([0x88, 0x82, 0, 0, 0, 0, 3, 232]))
    answers.read(8)


def handshake(port):
    """TLS with a certificate of nobody's: the code behind it is what matters."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    return context.wrap_socket(plain, server_hostname="chat.localhost")


def edit(objects, more, plain, tls, process):
    """What a day brings: routes that come and go, endpoints that move, and traffic meanwhile; less of it on a slow machine."""

    def is_known(host):
        return status(plain, "/v1/", host) not in (0, 404)

    began = time.monotonic()
    for i in range(EDITS):
        if time.monotonic() - began > EDIT_SECONDS_MAX:
            break
        name = f"edit-{i}"
        kind, made = ("ingresses", ingress) if i % 3 else ("websocketroutes", route)
        objects.put(kind, name, made(f"{name}.localhost"))
        await_that(f"{name} is known", process, lambda: is_known(f"{name}.localhost"), 0.002)
        if i % 2:
            objects.remove("endpointslices", "chat-more")
        else:
            objects.put("endpointslices", "chat-more", more)
        connect = handshake if i % 10 == 0 else lambda port: socket.create_connection(("127.0.0.1", port), timeout=10)
        try:
            with connect(plain if i % 10 else tls) as connection:
                tunnel(connection, f"{name}.localhost")
        except OSError as e:
            print(f"train: no tunnel to {name}: {e}")
    for i in range(EDITS):
        objects.remove("ingresses" if i % 3 else "websocketroutes", f"edit-{i}")
    await_that("removed routes are gone", process, lambda: not is_known(f"{name}.localhost"))


def token():
    """What a projected token says of a pod; the played API server believes it."""

    def part(claims):
        return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")

    claims = {"sub": ACCOUNT, "aud": [AUDIENCE], "exp": int(time.time()) + 3600}
    return f"{part({'alg': 'none'})}.{part(claims)}.none"


def train(operator, data_plane, work):
    bound = {f"authentication.kubernetes.io/pod-{key}": ["trained"] for key in ("name", "uid")}
    user = {"username": ACCOUNT, "extra": bound}
    api, objects = played_api.serve({"authenticated": True, "audiences": [AUDIENCE], "user": user})
    backends = [played_api.Server("", Backend) for _ in range(2)]
    objects.put("ingressclasses", "holdfast", CLASS)
    objects.put("services", "chat", SERVICE)
    address = own_address(backends[0].server_port)
    objects.put("endpointslices", "chat-1", endpoints(address, backends[0].server_port))
    objects.put("ingresses", "chat", ingress("chat.localhost"))
    objects.put("websocketroutes", "live", route("live.localhost"))
    kubeconfig = work / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "played",
                "contexts": [{"name": "played", "context": {"cluster": "played", "user": "nobody", "namespace": NAMESPACE}}],
                "clusters": [{"name": "played", "cluster": {"server": f"http://127.0.0.1:{api.server_port}"}}],
                "users": [{"name": "nobody", "user": {"token": "none"}}],
            }
        )
    )
    (work / "token").write_text(token())
    stream, operator_admin, plain, tls, admin = (free_port() for _ in range(5))
    log = (work / "log").open("w")
    options = {"stdout": log, "stderr": subprocess.STDOUT}
    first = subprocess.Popen(
        operator.command(
            f"--kubeconfig={kubeconfig}",
            f"--stream-port={stream}",
            "--stream-address=localhost",
            "--stream-dns-names=localhost",
            f"--stream-ca-namespace={NAMESPACE}",
            f"--data-plane-service-account={NAMESPACE}/trained",
            "--admin-address=127.0.0.1",
            f"--admin-port={operator_admin}",
            "--publish-status-address=192.0.2.1",
        ),
        env={**os.environ, **operator.environment()},
        **options,
    )
    second = None
    try:
        await_that("the operator is ready", first, lambda: status(operator_admin, "/readyz") == 200)
        (work / "ca.crt").write_text(objects.get("configmaps", "holdfast-stream-ca")["data"]["ca.crt"])
        second = subprocess.Popen(
            data_plane.command(
                f"--operator=https://localhost:{stream}",
                f"--operator-ca={work / 'ca.crt'}",
                f"--operator-token={work / 'token'}",
                "--name=trained",
                f"--http=127.0.0.1:{plain}",
                f"--https=127.0.0.1:{tls}",
                f"--admin=127.0.0.1:{admin}",
                f"--state-dir={work / 'state'}",
                "--accept-grace=PT0S",
                "--drain-window=PT1S",
            ),
            env={**os.environ, **data_plane.environment()},
            **options,
        )
        await_that("the data plane is ready", second, lambda: status(admin, "/readyz") == 200)
        edit(objects, endpoints(address, backends[1].server_port), plain, tls, second)
        for port in (admin, operator_admin):
            status(port, "/metrics")
        time.sleep(3)  # Reports, status and the election.
        end(second)
        end(first)
    except BaseException:
        log.flush()
        sys.stderr.write((work / "log").read_text()[-6000:])
        raise
    finally:
        for each in (first, second):
            if each is not None and each.poll() is None:
                each.kill()
        for each in (api, *backends):
            each.shutdown()


def main():
    # Python and the operator alike would ask it for 127.0.0.1.
    for name in [each for each in os.environ if each.lower().endswith("_proxy")]:
        del os.environ[name]
    work = pathlib.Path(tempfile.mkdtemp())
    try:
        images = [Image(path, work) for path in sys.argv[1:3]]
        train(*images, work)
        for image in images:
            cache = image.root / CACHE
            if not cache.exists():
                raise SystemExit(f"train: no cache for {image.path}:\n{(work / 'log').read_text()[-4000:]}")
            image.add_cache()
            print(f"{image.path}: AOT cache of {cache.stat().st_size} bytes")
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
