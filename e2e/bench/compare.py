#!/usr/bin/env python3
"""Compares WebSocket proxies on one machine: Holdfast, nginx (default and tuned buffers), HAProxy, any further target.

Proxies are pinned to one core, the load tool and the echo server to another. Every round runs every
target once before the next round starts (A B C, B C A, ...), so slow drifts of a shared machine hit
all targets alike. Printed figures are medians over the rounds; trust the ratios, not the absolutes.
"""
import argparse, json, os, shutil, signal, socket, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = f"{HERE}/target"
HOLDFAST = os.path.normpath(f"{HERE}/../../holdfast")
failures = []  # runs that ended with an error: any makes the exit status non-zero

# name: (wsload arguments, what is compared, TLS)
SCENARIOS = {
    "rtt1":      (["rtt", "--tunnels", "1", "--size", "128"], "msg/s"),
    "rtt64":     (["rtt", "--tunnels", "64", "--size", "128"], "msg/s"),
    "rtt1000":   (["rtt", "--tunnels", "1000", "--size", "128"], "msg/s"),
    "rtt64of5k": (["rtt", "--tunnels", "5000", "--active", "64", "--size", "128"], "msg/s"),
    "pipe64":    (["pipeline", "--tunnels", "64", "--size", "128", "--depth", "16"], "msg/s"),
    "tp64k":     (["throughput", "--tunnels", "8", "--size", "65536", "--depth", "2"], "MB/s"),
    "tp1m":      (["throughput", "--tunnels", "4", "--size", "1048576"], "MB/s"),
    "hs":        (["handshake", "--conc", "32"], "conn/s"),
    "http":      (None, "req/s"),  # wrk, keep-alive GET
}
TITLES = {
    "rtt1": "Messages of 128 B, 1 tunnel", "rtt64": "Messages of 128 B, 64 tunnels",
    "rtt1000": "Messages of 128 B, 1,000 tunnels", "rtt64of5k": "Messages of 128 B, 64 of 5,000 tunnels active",
    "pipe64": "Messages of 128 B, 16 in flight, 64 tunnels", "tp64k": "Frames of 64 KiB", "tp1m": "Frames of 1 MiB",
    "hs": "Handshake, open to closed", "http": "GET, keep-alive",
}
# What Holdfast has to reach: the other's CPU per operation divided by its own.
GOALS = {
    "rtt64": {"nginx": 0.95, "haproxy": 1.15}, "rtt1000": {"nginx": 0.95, "haproxy": 1.15},
    "rtt64+tls": {"nginx": 0.95, "haproxy": 1.15}, "rtt1000+tls": {"nginx": 0.95, "haproxy": 1.15},
    "tp64k": {"nginx": 2.0, "nginx-tuned": 0.9},
    "hs": {"nginx": 0.7}, "hs+tls": {"nginx": 0.95}, "http": {"nginx": 0.7},
}
MEMORY_GOALS = {"rest_mb": 90, "tunnel_kb": 3}
NGINX = """
worker_processes 1;
worker_rlimit_nofile {nofile};
daemon off;
pid {run}/nginx.pid;
error_log {run}/nginx.err warn;
events {{ worker_connections {conns}; }}
http {{
    access_log off;
    client_body_temp_path {run}/b; proxy_temp_path {run}/p; fastcgi_temp_path {run}/f;
    uwsgi_temp_path {run}/u; scgi_temp_path {run}/s;
    keepalive_timeout 75s;
    keepalive_requests 1000000;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    {tuning}
    upstream echo {{ server 127.0.0.1:{echo}; keepalive 128; keepalive_requests 1000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        listen 127.0.0.1:{tls} ssl backlog=4096;
        ssl_certificate {run}/cert.pem;
        ssl_certificate_key {run}/key.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        location / {{
            proxy_pass http://echo;
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_read_timeout 3600s;
            proxy_send_timeout 3600s;
        }}
    }}
}}
"""
# A frame of 64 KiB passes nginx in pieces of one such buffer; the default is 4 KiB. It costs 64 KiB per direction and tunnel.
NGINX_TUNED = "proxy_buffer_size 64k; proxy_buffers 4 64k; proxy_busy_buffers_size 64k;"
HAPROXY = """
global
    nbthread 1
    maxconn {maxconn}
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
    timeout http-keep-alive 75s
    option forwardfor
    http-reuse safe
frontend f
    bind 127.0.0.1:{port} backlog 4096
    bind 127.0.0.1:{tls} ssl crt {run}/both.pem
    http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
    http-request set-header X-Forwarded-Proto http if !{{ ssl_fc }}
    default_backend b
backend b
    server s 127.0.0.1:{echo}
"""


def cores(pid_cores):
    return lambda: (os.setsid(), os.sched_setaffinity(0, pid_cores))


def wait_port(port, secs=30):
    end = time.time() + secs
    while time.time() < end:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"port {port} did not open")


def wait_serving(port, secs=30):
    """Until a GET is answered by the backend: a proxy that has bound its port need not have its routes yet."""
    end = time.time() + secs
    while time.time() < end:
        with socket.socket() as s:
            s.settimeout(5)
            try:
                s.connect(("127.0.0.1", port))
                s.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                if b" 200 " in s.recv(64):
                    return
            except OSError:
                pass
        time.sleep(0.05)
    sys.exit(f"port {port} does not serve")


def free_ports(count):
    """Ports that nobody listens on."""
    held = [socket.socket() for _ in range(count)]
    try:
        for s in held:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in held]
    finally:
        for s in held:
            s.close()


class Target:
    def __init__(self, name, port, tls=None, cmd=None, pid=None):
        self.name, self.port, self.tls, self.cmd, self.pid, self.proc = name, port, tls, cmd, pid, None

    def start(self, a):
        if self.cmd:
            log = open(f"{a.run}/{self.name}.log", "ab")
            self.proc = subprocess.Popen(self.cmd, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                         preexec_fn=cores(a.proxy_cores))
            wait_serving(self.port)
            if self.tls:
                wait_port(self.tls)
            if self.proc.poll() is not None:
                sys.exit(f"{self.name} ended with status {self.proc.returncode}; its log is {a.run}/{self.name}.log")
        elif self.pid:
            for t in os.listdir(f"/proc/{self.pid}/task"):
                os.sched_setaffinity(int(t), a.proxy_cores)

    def pids(self):
        """The target's process and all its descendants."""
        root = self.proc.pid if self.proc else self.pid
        if not root:
            return []
        out, todo = [], [root]
        while todo:
            p = todo.pop()
            out.append(p)
            try:
                for t in os.listdir(f"/proc/{p}/task"):
                    todo += [int(c) for c in open(f"/proc/{p}/task/{t}/children").read().split()]
            except OSError:
                pass
        return out

    def mem_kb(self):
        """(RSS, PSS) in kB over all its processes; socket buffers are kernel memory and not in it."""
        rss = pss = 0
        for p in self.pids():
            for l in open(f"/proc/{p}/smaps_rollup"):
                if l.startswith("Rss:"): rss += int(l.split()[1])
                elif l.startswith("Pss:"): pss += int(l.split()[1])
        return rss, pss

    def stop(self):
        if self.proc:
            self.proc.send_signal(signal.SIGTERM)
            try:
                self.proc.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.proc.pid, signal.SIGKILL)
                self.proc.wait()
            self.proc = None


def cpu_s(pids):
    tck, s = os.sysconf("SC_CLK_TCK"), 0
    for p in pids:
        try:
            f = open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()
            s += int(f[11]) + int(f[12])
        except OSError:
            pass
    return s / tck


def wsload(a, args, port, pids, extra=(), tls=False):
    cmd = [f"{TOOLS}/wsload", args[0], f"127.0.0.1:{port}", *args[1:], *extra]
    for p in pids[:16]:
        cmd += ["--watch", str(p)]
    if tls:
        cmd.append("--tls")
    r = subprocess.run(cmd, capture_output=True, text=True, preexec_fn=cores(a.load_cores), timeout=120)
    if r.returncode != 0:
        print(f"  !! exit {r.returncode}: {' '.join(cmd)}\n{r.stderr}", file=sys.stderr)
        failures.append(" ".join(cmd[1:5]))
        return None
    d = json.loads(r.stdout.strip().splitlines()[-1])
    d["value"] = d["mb_s"] if args[0] == "throughput" else d["ops_s"]
    # CPU per MB for large frames, per operation otherwise
    d["cost"] = d["cpu_us_op"] / (d["size"] / 1e6) if args[0] == "throughput" else d["cpu_us_op"]
    return d


def wrk(a, port, pids, secs, tls=False):
    c0, t0 = cpu_s(pids), time.time()
    r = subprocess.run(["wrk", "-t1", "-c64", f"-d{secs}s", f"{'https' if tls else 'http'}://127.0.0.1:{port}/"],
                       capture_output=True, text=True, preexec_fn=cores(a.load_cores), timeout=120)
    c1, out = cpu_s(pids), r.stdout
    if r.returncode or "Non-2xx" in out or "Socket errors" in out:
        print("  !! wrk:", out, r.stderr, file=sys.stderr)
        failures.append(f"wrk port {port}")
        return None
    n = int(out.split(" requests in")[0].split()[-1])
    return {"value": n / (time.time() - t0), "cost": (c1 - c0) * 1e6 / max(n, 1), "p50_us": 0, "p99_us": 0}


def run_one(a, t, sc, secs, warm):
    tls = sc.endswith("+tls")
    base = sc.removesuffix("+tls")
    port = t.tls if tls else t.port
    if port is None or (base == "http" and t.name in a.no_http):
        return None
    pids = t.pids()
    if base == "http":
        return wrk(a, port, pids, int(max(1, secs)), tls)
    return wsload(a, SCENARIOS[base][0], port, pids, ["--time", str(secs), "--warmup", str(warm)], tls)


def mem_table(a, targets):
    """Prints RSS at each count of idle tunnels; returns {(target, tls): {tunnels: RSS in kB}}."""
    found = {}
    print("\nMemory of the proxy process in kB (fresh process after 1 s of handshakes; kernel socket buffers excluded)")
    print(f"{'target':14} {'tls':>3} {'tunnels':>8} {'RSS':>9} {'PSS':>9} {'RSS/tunnel':>11} {'PSS/tunnel':>11}")
    for tls in ([False, True] if a.tls_memory else [False]):
        for t in targets:
            if not t.pids() or (t.tls if tls else t.port) is None:
                continue
            if t.cmd:
                t.stop()
                t.start(a)
            port = t.tls if tls else t.port
            wsload(a, ["handshake", "--conc", "8"], port, [], ["--time", "1", "--warmup", "0"], tls)
            time.sleep(a.settle)
            r0 = t.mem_kb()
            rows = found.setdefault((t.name, tls), {0: r0[0]})
            print(f"{t.name:14} {'yes' if tls else 'no':>3} {0:8} {r0[0]:9} {r0[1]:9}")
            for n in a.idle:
                cmd = [f"{TOOLS}/wsload", "idle", f"127.0.0.1:{port}", "--tunnels", str(n), "--time", "60",
                       "--rate", str(a.open_rate)]
                p = subprocess.Popen(cmd + (["--tls"] if tls else []), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     text=True, preexec_fn=cores(a.load_cores))
                line = p.stdout.readline()
                time.sleep(a.settle)
                r = t.mem_kb()
                p.stdin.close()
                p.stdout.read()
                if p.wait(60) != 0 or not line.startswith("READY"):
                    print(f"  !! idle {n} through {t.name} failed", file=sys.stderr)
                    failures.append(f"idle {n} {t.name}")
                    continue
                rows[n] = r[0]
                print(f"{t.name:14} {'yes' if tls else 'no':>3} {n:8} {r[0]:9} {r[1]:9} "
                      f"{(r[0] - r0[0]) / n:11.2f} {(r[1] - r0[1]) / n:11.2f}", flush=True)
                time.sleep(1)
    return found


class Results:
    """All runs, by scenario and target."""

    def __init__(self):
        self.runs = {}

    def add(self, scenario, target, run):
        self.runs.setdefault((scenario, target), []).append(run)

    def has(self, scenario, target):
        return (scenario, target) in self.runs

    def median(self, scenario, target, key):
        runs = self.runs.get((scenario, target))
        return statistics.median([d[key] for d in runs]) if runs else None

    def least(self, scenario, target, key):
        runs = self.runs.get((scenario, target))
        return min(d[key] for d in runs) if runs else None

    def ratio(self, scenario, target, other):
        """CPU of the other by that of the target, of the medians and of the best rounds; None without both."""
        if target == other or not self.has(scenario, target) or not self.has(scenario, other):
            return None
        mine = self.median(scenario, target, "cost"), self.least(scenario, target, "cost")
        if not mine[0] or not mine[1]:
            return None
        return self.median(scenario, other, "cost") / mine[0], self.least(scenario, other, "cost") / mine[1]


def number(x):
    return "-" if x is None else f"{x:,.0f}" if x >= 100 else f"{x:.1f}"


def title(scenario):
    base = scenario.removesuffix("+tls")
    return TITLES.get(base, base) + (", TLS" if scenario.endswith("+tls") else "")


def unit(scenario):
    return SCENARIOS[scenario.removesuffix("+tls")][1]


def markdown(a, results, scenarios, memory, names):
    """The tables of docs/benchmarks.md."""
    out = ["CPU time of the proxy's process in µs per operation (64 KiB frames: per MB): median / least of the rounds. Ratios: what the",
           "other spends divided by what Holdfast spends, of the medians / of the least; above 1 Holdfast is cheaper.", ""]
    peers = [n for n in ("nginx", "nginx-tuned", "haproxy") if n in names]
    label = {"holdfast": "Holdfast", "nginx": "nginx", "nginx-tuned": "nginx, tuned", "haproxy": "HAProxy"}
    out.append("| | " + " | ".join(label.get(n, n) for n in names if n != "direct") + " | "
               + " | ".join("by " + label[n] for n in peers) + " | Goal | |")
    out.append("|---" * (len([n for n in names if n != "direct"]) + len(peers) + 3) + "|")
    for sc in scenarios:
        cells = [title(sc)]
        for n in names:
            if n != "direct":
                cells.append(f"{number(results.median(sc, n, 'cost'))} / {number(results.least(sc, n, 'cost'))}"
                             if results.has(sc, n) else "")
        for n in peers:
            r = results.ratio(sc, "holdfast", n)
            cells.append(f"{r[0]:.2f} / {r[1]:.2f}" if r else "")
        goals = GOALS.get(sc, {})
        met = []
        for n, goal in goals.items():
            r = results.ratio(sc, "holdfast", n)
            if r:
                met.append("yes" if r[0] >= goal else "best rounds" if r[1] >= goal else "no")
        cells.append(", ".join(f"{label[n]} {g:g}" for n, g in goals.items()))
        cells.append(", ".join(met))
        out.append("| " + " | ".join(cells) + " |")
    if memory:
        counts = sorted({n for rows in memory.values() for n in rows})
        out += ["", "Resident memory of the proxy's process in MB, and what an idle tunnel adds (the largest count against none); kernel socket",
                "buffers, which are the same for all, are not in it.", "",
                "| | " + " | ".join(f"{n:,} tunnels" for n in counts) + " | per tunnel |", "|---" * (len(counts) + 2) + "|"]
        for (name, tls), rows in memory.items():
            most = max(rows)
            per = f"{(rows[most] - rows[0]) / most:.1f} kB" if most else ""
            out.append(f"| {label.get(name, name)}{', TLS' if tls else ''} | "
                       + " | ".join(f"{rows[n] / 1024:.0f}" if n in rows else "" for n in counts) + f" | {per} |")
        out.append("")
        out.append(f"Goals for Holdfast: at most {MEMORY_GOALS['rest_mb']} MB at rest, at most {MEMORY_GOALS['tunnel_kb']} kB per idle tunnel.")
    out += ["", conditions(a)]
    return "\n".join(out) + "\n"


def conditions(a):
    def first(*cmd):
        r = subprocess.run(cmd, capture_output=True, text=True)
        return ((r.stdout + r.stderr).strip().splitlines() or ["unknown"])[0]
    model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown processor")
    revision = subprocess.run(["git", "-C", HERE, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return (f"Measured on {time.strftime('%Y-%m-%d')}, revision {revision or 'unknown'}, {a.rounds} rounds of {a.time:g} s after {a.prewarm:g} s "
            f"of each scenario; {os.cpu_count()} virtual cores of {model}, kernel {os.uname().release}, the proxy on core "
            f"{','.join(map(str, sorted(a.proxy_cores)))}, load and echo on {','.join(map(str, sorted(a.load_cores)))}; "
            f"{first('nginx', '-v').removeprefix('nginx version: ')}, {first('haproxy', '-v').split(' - ')[0]}.")


def print_tables(a, results, scenarios, targets):
    for sc in scenarios:
        per = "us/MB" if unit(sc) == "MB/s" else "us/op"
        print(f"\n{sc}  ({a.rounds} rounds x {a.time:g} s, medians; x = better than that proxy when above 1)")
        print(f"{'target':14} {unit(sc):>10} {'min':>9} {'max':>9} {'p50 us':>8} {'p99 us':>8} {'CPU ' + per:>10} {'min':>8} "
              f"{'CPU x nginx':>12} {'min':>6} {'CPU x hap':>10} {'min':>6}")
        for t in targets:
            if not results.has(sc, t.name):
                continue
            values = [d["value"] for d in results.runs[(sc, t.name)]]
            med = lambda key: results.median(sc, t.name, key)
            cells = []
            for other in ("nginx", "haproxy"):
                r = results.ratio(sc, t.name, other)
                cells += [f"{r[0]:.2f}", f"{r[1]:.2f}"] if r else ["-", "-"]
            print(f"{t.name:14} {med('value'):10.0f} {min(values):9.0f} {max(values):9.0f} {med('p50_us'):8.0f} "
                  f"{med('p99_us'):8.0f} {med('cost'):10.2f} {results.least(sc, t.name, 'cost'):8.2f} "
                  f"{cells[0]:>12} {cells[1]:>6} {cells[2]:>10} {cells[3]:>6}")
    sys.stdout.flush()


def raise_file_limit(a):
    import resource
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200000, 200000))
    except (ValueError, OSError):  # not permitted to raise the hard limit
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    nofile = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if a.idle and max(a.idle) * 2 + 200 > nofile:
        print(f"note: {nofile} files per process allow only {nofile // 2 - 100} tunnels per proxy process", file=sys.stderr)
        a.idle = [n for n in a.idle if n * 2 + 200 <= nofile] + [nofile // 2 - 100]
    return nofile


def compiled_table(a):
    """A state directory whose table sends everything to the echo backend."""
    manifests = f"{a.run}/routes.yaml"
    open(manifests, "w").write(open(f"{HERE}/routes.yaml").read().replace("{echo}", str(a.echo_port)))
    subprocess.run([a.holdfast, "compile", "-f", manifests, "--state-dir", f"{a.run}/state"], check=True, stdout=subprocess.DEVNULL)
    return f"{a.run}/state"


def make_targets(a, nofile):
    e, targets = a.echo_port, []
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", f"{a.run}/key.pem", "-out", f"{a.run}/cert.pem", "-days", "30",
                    "-subj", "/CN=bench.local"], check=True, capture_output=True)
    open(f"{a.run}/both.pem", "w").write(open(f"{a.run}/cert.pem").read() + open(f"{a.run}/key.pem").read())
    ports = iter(free_ports(9))
    if "direct" in a.also:
        targets.append(Target("direct", e))
    if "floor" in a.also:
        port = next(ports)
        targets.append(Target("floor", port, None, [f"{TOOLS}/wsfloor", str(port), str(e)]))
    if "holdfast" not in a.no:
        port, tls = next(ports), next(ports)
        targets.append(Target("holdfast", port, tls, [
            a.holdfast, "dataplane", "--operator", "http://127.0.0.1:1", "--name", "bench", "--state-dir", compiled_table(a),
            "--http", f"127.0.0.1:{port}", "--https", f"127.0.0.1:{tls}", "--admin", "127.0.0.1:0",
            "--accept-grace", "PT0S", "--drain-window", "PT0S"]))
    for name, tuning in (("nginx", ""), ("nginx-tuned", NGINX_TUNED)):
        if name not in a.no:
            port, tls = next(ports), next(ports)
            directory = f"{a.run}/{name}"
            os.mkdir(directory)
            for file in ("cert.pem", "key.pem"):
                shutil.copy(f"{a.run}/{file}", directory)
            open(f"{directory}/nginx.conf", "w").write(NGINX.format(
                run=directory, echo=e, port=port, tls=tls, nofile=nofile, conns=nofile + 4000, tuning=tuning))
            targets.append(Target(name, port, tls, ["nginx", "-p", directory, "-c", f"{directory}/nginx.conf"]))
    if "haproxy" not in a.no:
        port, tls = next(ports), next(ports)
        open(f"{a.run}/haproxy.cfg", "w").write(HAPROXY.format(run=a.run, echo=e, port=port, tls=tls, maxconn=(nofile - 100) // 2))
        targets.append(Target("haproxy", port, tls, ["haproxy", "-db", "-f", f"{a.run}/haproxy.cfg"]))
    for spec in a.target:
        name, rest = spec.split("=", 1)
        f = [int(x) for x in rest.split(",")]
        targets.append(Target(name, f[0], f[1] if len(f) > 2 else None, pid=f[-1]))
    for spec in a.cmd:
        name, rest = spec.split("=", 1)
        ports, cmd = rest.split(":", 1)
        f = [int(x) for x in ports.split(",")]
        cmd = cmd.replace("{echo}", str(e)).replace("{cert}", f"{a.run}/cert.pem").replace("{key}", f"{a.run}/key.pem")
        targets.append(Target(name, f[0], f[1] if len(f) > 1 else None, ["sh", "-c", "exec " + cmd]))
    return targets


def options():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--quick", action="store_true", help="two rounds of one second, little warm-up, 2,000 idle tunnels: shows that it works")
    ap.add_argument("--target", action="append", default=[], metavar="NAME=PORT[,TLSPORT],PID",
                    help="a proxy that runs already (set --echo-port to what it proxies)")
    ap.add_argument("--cmd", action="append", default=[], metavar="NAME=PORT[,TLSPORT]:COMMAND",
                    help="a proxy to start (sh -c; {echo}, {cert}, {key} are filled in)")
    ap.add_argument("--no", action="append", default=[], metavar="NAME", help="leave out holdfast, nginx, nginx-tuned or haproxy")
    ap.add_argument("--also", action="append", default=[], choices=["direct", "floor"],
                    help="direct: no proxy at all, beside the others; floor: one recv and one send for whatever comes, in C")
    ap.add_argument("--scenarios", default="rtt64,rtt1000,tp64k,hs,http,rtt64+tls,rtt1000+tls,tp64k+tls,hs+tls,http+tls",
                    help="of " + ", ".join(SCENARIOS) + ", each also with +tls (default: %(default)s)")
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--time", type=float, default=2.0, help="measured seconds per run")
    ap.add_argument("--warmup", type=float, default=0.5, help="seconds before measuring, per run")
    ap.add_argument("--prewarm", type=float, default=15.0, help="seconds of each scenario per target before round 1 (JIT)")
    ap.add_argument("--idle", default="2000,8000", help="idle tunnel counts for the memory table; empty for no such table")
    ap.add_argument("--tls-memory", action="store_true", help="idle tunnels over TLS too")
    ap.add_argument("--settle", type=float, default=3.0, help="seconds between the last handshake and reading memory")
    ap.add_argument("--open-rate", type=int, default=3000, help="handshakes/s while opening idle tunnels")
    ap.add_argument("--proxy-cores", default="0")
    ap.add_argument("--load-cores", default="1")
    ap.add_argument("--echo-port", type=int, default=0, help="default: any free one")
    ap.add_argument("--holdfast", default=HOLDFAST, metavar="FILE", help="the launcher of another checkout")
    ap.add_argument("--json", help="write all raw results to this file")
    ap.add_argument("--markdown", default=f"{TOOLS}/table.md", help="where the tables of docs/benchmarks.md go (default: target/table.md)")
    a = ap.parse_args()
    if a.quick:
        a.rounds, a.time, a.warmup, a.prewarm, a.idle = 2, 1.0, 0.2, 3.0, "2000"
    a.proxy_cores = {int(x) for x in a.proxy_cores.split(",")}
    a.load_cores = {int(x) for x in a.load_cores.split(",")}
    a.idle = [int(x) for x in a.idle.split(",") if x]
    a.no_http = []
    return a


def measure(a, targets, scenarios):
    results = Results()
    for t in targets:
        if t.pids():
            secs = 0.5 if t.name.startswith(("nginx", "haproxy")) else a.prewarm  # nothing to compile there
            for sc in scenarios:
                run_one(a, t, sc, secs, 0)
    for r in range(a.rounds):
        for sc in scenarios:
            shift = r % len(targets)
            for t in targets[shift:] + targets[:shift]:
                d = run_one(a, t, sc, a.time, a.warmup)
                if d:
                    results.add(sc, t.name, d)
    return results


def main():
    a = options()
    os.environ["HOLDFAST_NO_BUILD"] = "1"  # run.sh has built it; nothing is compiled while others are measured
    os.environ["PATH"] += ":/usr/sbin"
    nofile = raise_file_limit(a)
    a.echo_port = a.echo_port or free_ports(1)[0]
    a.run = tempfile.mkdtemp(prefix="wsbench.")
    os.chmod(a.run, 0o755)
    targets = make_targets(a, nofile)
    scenarios = [s for s in a.scenarios.split(",") if s]
    echo = subprocess.Popen([f"{TOOLS}/wsecho", str(a.echo_port)], preexec_fn=cores(a.load_cores))
    try:
        wait_port(a.echo_port)
        for t in targets:
            t.start(a)
        results = measure(a, targets, scenarios)
        print_tables(a, results, scenarios, targets)
        memory = mem_table(a, targets) if a.idle else {}
        text = markdown(a, results, scenarios, memory, [t.name for t in targets])
        open(a.markdown, "w").write(text)
        print("\n" + text)
        if a.json:
            json.dump([{"scenario": s, "target": n, "runs": v} for (s, n), v in results.runs.items()], open(a.json, "w"))
    finally:
        for t in targets:
            t.stop()
        echo.terminate()
        echo.wait()
    if not failures:
        shutil.rmtree(a.run, ignore_errors=True)  # configurations and logs stay only for failed runs
    else:
        sys.exit(f"{len(failures)} runs FAILED, figures above leave them out; logs: {a.run}: {sorted(set(failures))}")


if __name__ == "__main__":
    main()
