"""An API server that is played, for deploy/train.py: lists, watches, reads, writes and token reviews, over plain HTTP, for one
operator on this machine. What it does not know is not found; what is written is kept, and told to who watches its kind."""

import base64
import hashlib
import http.server
import itertools
import json
import queue
import socketserver
import struct
import sys
import threading
import urllib.parse

LISTED = {
    "ingressclasses": ("networking.k8s.io/v1", "IngressClass"),
    "websocketroutes": ("holdfast.dev/v1alpha1", "WebSocketRoute"),
    "ingresses": ("networking.k8s.io/v1", "Ingress"),
    "services": ("v1", "Service"),
    "endpointslices": ("discovery.k8s.io/v1", "EndpointSlice"),
    "secrets": ("v1", "Secret"),
}


def accept(key):
    """The answer to a client's key (RFC 6455, section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()


class Objects:
    """What there is, by kind and name, who watches, and what was told: a watch begins behind the version that it asks for."""

    def __init__(self):
        self.lock = threading.Lock()
        self.versions = itertools.count(2)
        self.version = 1
        self.kept = {}
        self.told = {}
        self.watches = {}

    def get(self, kind, name):
        with self.lock:
            return self.kept.get(kind, {}).get(name)

    def list(self, kind):
        with self.lock:
            return self.version, list(self.kept.get(kind, {}).values())

    def put(self, kind, name, content):
        """Adds the object, or replaces those of its parts that the content has."""
        with self.lock:
            before = self.kept.setdefault(kind, {}).get(name)
            old = before["metadata"] if before else {"uid": f"{kind}-{name}", "generation": 1}
            self.version = next(self.versions)
            metadata = {**old, **content.get("metadata", {}), "name": name, "resourceVersion": str(self.version)}
            after = {**(before or {}), **content, "metadata": metadata}
            self.kept[kind][name] = after
            self.tell(kind, "MODIFIED" if before else "ADDED", after)
            return after

    def remove(self, kind, name):
        with self.lock:
            gone = self.kept.get(kind, {}).pop(name, None)
            if gone:
                self.version = next(self.versions)
                gone = {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(self.version)}}
                self.tell(kind, "DELETED", gone)

    def tell(self, kind, what, item):
        if kind in LISTED:
            group, single = LISTED[kind]
            event = json.dumps({"type": what, "object": {**item, "apiVersion": group, "kind": single}}).encode()
            self.told.setdefault(kind, []).append((self.version, event))
            for watch in self.watches.get(kind, []):
                watch.put(event)

    def watch(self, kind, since):
        with self.lock:
            events = queue.Queue()
            for version, event in self.told.get(kind, []):
                if version > since:
                    events.put(event)
            self.watches.setdefault(kind, []).append(events)
            return events


class PlayedApi(http.server.BaseHTTPRequestHandler):
    """One connection to the objects of the class made by `serve`."""

    protocol_version = "HTTP/1.1"
    objects: Objects
    reviewed: dict

    def log_message(self, *words):
        pass

    def where(self):
        """The kind that the path names, in plural, and the object's name, if there is one."""
        parts = self.path.partition("?")[0].strip("/").split("/")
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        if len(parts) > 2 and parts[0] == "namespaces":
            parts = parts[2:]
        return (*parts, None, None)[:2]

    def body(self):
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        kind, name = self.where()
        if "watch=true" in self.path:
            self.follow(kind)
        elif name and (found := self.objects.get(kind, name)):
            self.answer(200, found)
        elif not name and kind in LISTED:
            group, single = LISTED[kind]
            version, items = self.objects.list(kind)
            metadata = {"resourceVersion": str(version)}
            self.answer(200, {"kind": f"{single}List", "apiVersion": group, "metadata": metadata, "items": items})
        else:
            self.not_found()

    def not_found(self):
        self.answer(404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404})

    def follow(self, kind):
        asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        events = self.objects.watch(kind, int(asked.get("resourceVersion", ["0"])[0]))
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "websocket")
        self.send_header("Sec-WebSocket-Accept", accept(self.headers["Sec-WebSocket-Key"]))
        self.end_headers()
        self.close_connection = True
        while True:
            text = events.get()
            # RFC 6455, section 5.2: a whole text frame, not masked.
            length = bytes([len(text)]) if len(text) < 126 else struct.pack("!BH", 126, len(text))
            try:
                self.wfile.write(b"\x81" + length + text)
            except OSError:
                return

    def do_POST(self):
        kind, _ = self.where()
        body = self.body()
        if kind == "tokenreviews":
            self.answer(201, {**body, "status": self.reviewed})
        else:
            self.answer(201, self.objects.put(kind, body["metadata"].get("name", "unnamed"), body))

    def do_PUT(self):
        content = self.body()
        if self.path.partition("?")[0].endswith("/status") and not self.objects.get(*self.where()):
            self.not_found()
        else:
            self.answer(200, self.objects.put(*self.where(), content))

    do_PATCH = do_PUT


class Server(http.server.ThreadingHTTPServer):
    """Its threads end with the process; a peer that went away is no news."""

    daemon_threads = True

    def __init__(self, address, handler):
        super().__init__((address, 0), handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def server_bind(self):
        # Without a look for the name of this machine, which may take its time.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def serve(reviewed):
    """Starts on a free port of loopback; every token is judged as the status of a TokenReview that is given."""
    handler = type("Api", (PlayedApi,), {"objects": Objects(), "reviewed": reviewed})
    return Server("127.0.0.1", handler), handler.objects
