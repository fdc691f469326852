"""Puts an AOT cache into the images of operator and data plane: train.py OPERATOR.tar DATAPLANE.tar

Both run once, on this machine, with the JVM and the archives of their images: the operator against an API server that is
played here, the data plane following it and serving a few requests. What they loaded and linked is recorded, and goes into each
image as a layer of its own on top of the others, /app/holdfast.aot, with the option that uses it. A JVM that cannot use
it, because it is another one, starts without.
"""

import base64
import gzip
import hashlib
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
import threading
import time
import urllib.error
import urllib.request

CACHE = "app/holdfast.aot"
# The cache of machine code finds fault with itself at every start; it does without what it does not trust.
QUIET = "-Xlog:aot*=error"
PATIENCE_SECONDS = 180
EPOCH = 1

CLASS = {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "holdfast", "uid": "1"}}
CLASS["spec"] = {"controller": "holdfast.dev/ingress-controller"}
META = {"namespace": "default", "resourceVersion": "1", "generation": 1}
ROUTE = {
    "apiVersion": "holdfast.dev/v1alpha1",
    "kind": "WebSocketRoute",
    "metadata": {**META, "name": "live", "uid": "2"},
    "spec": {
        "ingressClassName": "holdfast",
        "hostnames": ["live.localhost"],
        "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}], "backendRefs": [{"name": "chat", "port": 80}]}],
    },
}
INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {**META, "name": "chat", "uid": "3"},
    "spec": {
        "ingressClassName": "holdfast",
        "rules": [
            {
                "host": "chat.localhost",
                "http": {
                    "paths": [
                        {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "chat", "port": {"number": 80}}}}
                    ]
                },
            }
        ],
    },
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {**META, "name": "chat", "uid": "4"},
    "spec": {"clusterIP": "10.96.0.10", "ports": [{"name": "http", "port": 80, "targetPort": 80}]},
}
SLICE = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {**META, "name": "chat-1", "uid": "5", "labels": {"kubernetes.io/service-name": "chat"}},
    "addressType": "IPv4",
    "ports": [{"name": "http", "port": 9}],
    "endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": True}}],
}
OBJECTS = {
    "ingressclasses": ("networking.k8s.io/v1", "IngressClass", [CLASS]),
    "websocketroutes": ("holdfast.dev/v1alpha1", "WebSocketRoute", [ROUTE]),
    "ingresses": ("networking.k8s.io/v1", "Ingress", [INGRESS]),
    "services": ("v1", "Service", [SERVICE]),
    "endpointslices": ("discovery.k8s.io/v1", "EndpointSlice", [SLICE]),
    "secrets": ("v1", "Secret", []),
}


class PlayedApi(http.server.BaseHTTPRequestHandler):
    """Lists a few objects, opens watches and says nothing, finds nothing else, and takes whatever is written."""

    protocol_version = "HTTP/1.1"
    kept = {}

    def log_message(self, *words):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        kind = path.rstrip("/").rsplit("/", 1)[-1]
        if "watch=true" in query:
            key = self.headers.get("Sec-WebSocket-Key", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send_response(101)
            self.send_header("Connection", "Upgrade")
            self.send_header("Upgrade", "websocket")
            self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
            self.end_headers()
            self.close_connection = True
            time.sleep(PATIENCE_SECONDS)
        elif path in self.kept:
            self.answer(200, self.kept[path])
        elif kind in OBJECTS:
            version, name, items = OBJECTS[kind]
            self.answer(200, {"kind": f"{name}List", "apiVersion": version, "metadata": {"resourceVersion": "1"}, "items": items})
        else:
            self.answer(404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404})

    def take(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = body.get("metadata", {}).get("name", "")
        path = self.path.partition("?")[0]
        kept = {**self.kept.get(path, {}), **body}
        kept["metadata"] = {**META, "uid": "9", **body.get("metadata", {}), "resourceVersion": str(time.monotonic_ns())}
        self.kept[path if self.command != "POST" else f"{path}/{name}"] = kept
        self.answer(201 if self.command == "POST" else 200, kept)

    do_POST = do_PUT = do_PATCH = take


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
    except OSError:
        return 0


def await_that(what, process, holds):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"train: {what}: not so (exit status {process.poll()})")
        time.sleep(0.1)


def end(process):
    process.terminate()
    process.wait(PATIENCE_SECONDS)


def handshake(port):
    """TLS with a certificate of nobody's: the code behind it is what matters."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="chat.localhost") as tls:
            tls.sendall(b"GET / HTTP/1.1\r\nHost: chat.localhost\r\nConnection: close\r\n\r\n")
            tls.recv(1024)


def train(operator, data_plane, work):
    api = http.server.ThreadingHTTPServer(("127.0.0.1", 0), PlayedApi)
    api.daemon_threads = True
    threading.Thread(target=api.serve_forever, daemon=True).start()
    kubeconfig = work / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "played",
                "contexts": [{"name": "played", "context": {"cluster": "played", "user": "nobody", "namespace": "default"}}],
                "clusters": [{"name": "played", "cluster": {"server": f"http://127.0.0.1:{api.server_port}"}}],
                "users": [{"name": "nobody", "user": {"token": "none"}}],
            }
        )
    )
    stream, operator_admin, plain, tls, admin = (free_port() for _ in range(5))
    log = (work / "log").open("w")
    options = {"stdout": log, "stderr": subprocess.STDOUT}
    first = subprocess.Popen(
        operator.command(
            f"--kubeconfig={kubeconfig}",
            f"--stream-port={stream}",
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
        second = subprocess.Popen(
            data_plane.command(
                f"--operator=http://127.0.0.1:{stream}",
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
        for host in ("chat.localhost", "live.localhost", "nobody.localhost"):
            status(plain, "/v1/", host)
        handshake(tls)
        for port in (admin, operator_admin):
            status(port, "/metrics")
        time.sleep(3)  # Reports, status and the election.
        end(second)
        end(first)
    except BaseException:
        log.flush()
        sys.stderr.write((work / "log").read_text()[:6000])
        raise
    finally:
        for each in (first, second):
            if each is not None and each.poll() is None:
                each.kill()
        api.shutdown()


def main():
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
