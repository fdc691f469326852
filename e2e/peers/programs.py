"""Starting and ending what the suites need: foreign programs, and Holdfast by its launcher. Everything on loopback."""

import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = HERE / "target"
CA = TARGET / "tls" / "ca.pem"
START_SECONDS = 60
# As JavaProcess of the e2e module starts the product.
LEAKS_PARANOID = "-Dio.netty.leakDetection.level=paranoid -Dio.netty.leakDetection.targetRecords=1"
# Every name that a peer asks for must resolve without a resolver: `localhost` alone does so everywhere.
HOST = "localhost"


def environment(**more):
    env = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    env.update(PYTHONPATH=str(TARGET / "python"), PYTHONUNBUFFERED="1", PEERS_CA=str(CA), **more)
    return env


def free_ports(count):
    """Ports that are free and differ: one that is let go may be given again."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def printed(command, seconds, env, errors):
    """What a client printed until its end, or until its time was over."""
    try:
        run = subprocess.run(command, cwd=HERE, env=env, stdout=subprocess.PIPE, stderr=errors, timeout=seconds)
        return run.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as e:
        return (e.stdout or b"").decode(errors="replace")


def java(*arguments):
    """The command of a Java peer: main class and arguments."""
    options = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx512m --sun-misc-unsafe-memory-access=allow".split()
    path = f"{TARGET}/java/classes:{TARGET}/java/lib/*"
    return [f"{os.environ['PEERS_JDK']}/bin/java", *options, "-cp", path, *arguments]


class Program:
    """A process with its output in a file of its own. Ended by its own id."""

    def __init__(self, name, command, cwd=HERE, env=None, out=None):
        self.name = name
        (TARGET / "logs").mkdir(parents=True, exist_ok=True)
        self.log = TARGET / "logs" / f"{name}.err"
        self.out = TARGET / "logs" / (out or f"{name}.out")
        with open(self.out, "wb") as stdout, open(self.log, "wb") as stderr:
            self.process = subprocess.Popen(
                command, cwd=cwd, env=env or environment(), stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
            )

    def await_port(self):
        """The port of the first line, {"port": N}."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            line = self.out.read_bytes().split(b"\n")[0]
            if line.startswith(b"{") and line.endswith(b"}"):
                return json.loads(line)["port"]
            time.sleep(0.05)
        raise SystemExit(f"peers: {self.name} tells no port:\n{self.log.read_text(errors='replace')}")

    def await_listening(self, port):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return port
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"peers: {self.name} does not listen:\n{self.log.read_text(errors='replace')}")

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Programs:
    """All that a suite started; ends it in the end, and then reports every Holdfast that told of a leak."""

    def __init__(self, report):
        self._report = report
        self._started = []
        self._holdfasts = []
        self._afterwards = []

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        try:
            if failure is None:
                self._look_for_leaks()
        finally:
            for program in reversed(self._started):
                program.close()
            for last in self._afterwards:
                last()

    def _look_for_leaks(self):
        for holdfast in self._holdfasts:
            leaks = holdfast.leaks()
            self._report.check(f"buffers released -> {holdfast.name}", not leaks, "\n    ".join(leaks[:3]))

    def afterwards(self, last):
        self._afterwards.append(last)

    def watch(self, holdfast):
        self._holdfasts.append(holdfast)

    def start(self, *args, **kwargs):
        program = Program(*args, **kwargs)
        self._started.append(program)
        return program


class Holdfast:
    """`holdfast local` over a directory of manifests that is written here.

    `paths` maps a path prefix on host HOST to the ports of its backend, `hosts` a host to its port. Netty's detector of
    leaks watches every buffer; a `leaky` one drops a buffer itself, and nobody minds.
    """

    def __init__(self, programs, name, paths=None, hosts=None, sticky=(), leaky=False):
        self.name = name
        directory = TARGET / "manifests" / name
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "all.yaml").write_text(manifests(paths or {}, hosts or {}, sticky))
        self.port, self.tls_port, self.admin_port = free_ports(3)
        command = [str(ROOT / "holdfast"), "local", "-f", str(directory), "--drain", "0"]
        for option, port in (("http", self.port), ("https", self.tls_port), ("admin", self.admin_port)):
            command += [f"--{option}-port", str(port)]
        options = f"-XX:TieredStopAtLevel=4 -Xmx1g {LEAKS_PARANOID}"
        if leaky:
            options += f" -javaagent:{TARGET}/java/leak.jar"
        self.program = programs.start(f"holdfast-{name}", command, ROOT, environment(HOLDFAST_JAVA_OPTS=options))
        self._await_ready()
        if not leaky:
            programs.watch(self)

    def _await_ready(self):
        end = time.monotonic() + 4 * START_SECONDS  # It may have to build first.
        while time.monotonic() < end and self.program.process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        break
            except OSError:
                time.sleep(0.1)
        else:
            raise SystemExit("peers: holdfast is not ready:\n" + self.output())
        if re.search(r"^\s*error", self.output(), re.MULTILINE):
            raise SystemExit("peers: holdfast refuses a manifest:\n" + self.output())

    def leaks(self):
        """The reports of buffers that nobody released. A report comes with the next buffer behind a collection."""
        for _ in range(2):
            subprocess.run(
                [f"{os.environ['PEERS_JDK']}/bin/jcmd", str(self.program.process.pid), "GC.run"],
                check=True,
                stdout=subprocess.DEVNULL,
                timeout=START_SECONDS,
            )
            time.sleep(0.3)  # The collector hands over what it found in a thread of its own.
            with socket.create_connection(("127.0.0.1", self.port), START_SECONDS) as probe:
                probe.sendall(b"GET /probe-for-leaks HTTP/1.1\r\nHost: nowhere.test\r\nConnection: close\r\n\r\n")
                while probe.recv(1 << 16):
                    pass
        time.sleep(0.3)
        return [line for line in self.output().splitlines() if "LEAK: " in line]

    def output(self):
        return self.program.out.read_text(errors="replace") + self.program.log.read_text(errors="replace")

    def metrics(self):
        """The meters: {(name, labels as written): value}."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        found = {}
        for line in text.splitlines():
            match = re.fullmatch(r"(\w+)\{(.*)\} ([-+.\deEinfNa]+)", line)
            if match:
                found[match[1], match[2]] = float(match[3])
        return found


def route_name(key):
    return re.sub("[^a-z0-9]+", "-", key.lower()).strip("-")


def manifests(paths, hosts, sticky):
    key, chain = (TARGET / "tls" / "key.pem").read_text(), (TARGET / "tls" / "cert.pem").read_text()
    indent = lambda text: "".join(f"    {line}\n" for line in text.splitlines())
    documents = [
        (ROOT / "deploy" / "examples" / "ingress-class.yaml").read_text(),
        "apiVersion: v1\nkind: Secret\nmetadata: {name: peers-tls}\ntype: kubernetes.io/tls\nstringData:\n"
        f"  tls.crt: |\n{indent(chain)}  tls.key: |\n{indent(key)}"
    ]
    for prefix, ports in paths.items():
        documents.append(route(route_name(prefix), HOST, prefix, prefix in sticky))
        documents.append(service(route_name(prefix), ports))
    for host, port in hosts.items():
        documents.append(route(route_name(host), host, "/", False))
        documents.append(service(route_name(host), [port]))
    return "---\n".join(documents)


def route(name, host, prefix, sticky):
    tls = "  tls: {secretName: peers-tls, plaintext: Serve}\n" if host == HOST else ""
    balancing = "      balancing: {policy: RoundRobin, stickyCookie: {}}\n" if sticky else ""
    return (
        "apiVersion: holdfast.dev/v1alpha1\nkind: WebSocketRoute\n"
        f"metadata: {{name: {name}}}\nspec:\n  ingressClassName: holdfast\n  hostnames: [{host}]\n{tls}  rules:\n"
        f"    - matches: [{{path: {{type: PathPrefix, value: {prefix}}}}}]\n"
        f"      backendRefs: [{{name: {name}, port: 80}}]\n{balancing}"
    )


def service(name, ports):
    endpoints = ", ".join(f"127.0.0.1:{port}" for port in ports)
    return (
        "apiVersion: v1\nkind: Service\n"
        f"metadata: {{name: {name}, annotations: {{holdfast.dev/local-endpoints: \"{endpoints}\"}}}}\n"
        "spec: {ports: [{port: 80}]}\n"
    )
