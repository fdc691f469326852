"""nginx and Apache httpd as backends, in a directory of their own that their workers can read."""

import os
import pathlib
import shutil
import subprocess
import tempfile

from programs import HERE, TARGET, environment, free_ports

FILES = {"small.txt": 600, "text.txt": 300_000, "one.bin": 1 << 20, "large.bin": 64 << 20}
APACHE_MODULES = ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules"]


def program(*names):
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    found = next(filter(None, (shutil.which(name, path=path) for name in names)), None)
    if not found:
        raise SystemExit(f"peers: none of {names} is installed")
    return found


class WebServers:
    """Both servers, started. `ports` and `echo_ports` by name; `logs` holds what each echo port saw."""

    def __init__(self, programs):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="peers-"))
        self.directory.chmod(0o755)
        self.docs = self.directory / "docs"
        self._write_documents()
        shutil.copy(HERE / "conf" / "echo.lua", self.directory)
        nginx_port, apache_port, nginx_echo, apache_echo = free_ports(4)
        self.ports = {"nginx": nginx_port, "apache": apache_port}
        self.echo_ports = {"nginx": nginx_echo, "apache": apache_echo}
        self.logs = {"nginx": self.directory / "nginx.echo.log", "apache": self.directory / "httpd.echo.log"}
        nginx = [program("nginx"), "-c", str(self._configuration("nginx")), "-e", f"{self.directory}/nginx.error.log"]
        apache = [program("apache2", "httpd"), "-DFOREGROUND", "-f", str(self._configuration("apache"))]
        for name, command in (("nginx", nginx), ("apache", apache)):
            started = programs.start(name, command, self.directory, environment())
            for port in (self.ports[name], self.echo_ports[name]):
                started.await_listening(port)
        programs.afterwards(self._remove)

    def _configuration(self, name):
        template = (HERE / "conf" / ("nginx.conf" if name == "nginx" else "httpd.conf")).read_text()
        values = {
            "DIR": self.directory,
            "DOCS": self.docs,
            "PORT": self.ports[name],
            "ECHO_PORT": self.echo_ports[name],
            "MODULES": next((path for path in APACHE_MODULES if os.path.isdir(path)), ""),
        }
        for key, value in values.items():
            template = template.replace(f"@{key}@", str(value))
        path = self.directory / f"{name}.conf"
        path.write_text(template)
        return path

    def _write_documents(self):
        for name in ("nginx", "apache"):
            folder = self.docs / name
            (folder / "put").mkdir(parents=True)
            for file, size in FILES.items():
                data = os.urandom(size) if file.endswith(".bin") else (b"hold fast, whatever moves.\n" * size)[:size]
                (folder / file).write_bytes(data)
                os.utime(folder / file, (1_700_000_000, 1_700_000_000))
        if os.geteuid() == 0:
            # The workers of both run as nobody.
            subprocess.run(["chown", "-R", "nobody:nogroup", str(self.directory)], check=True)

    def _remove(self):
        kept = TARGET / "logs"
        for log in self.directory.glob("*.log"):
            shutil.copy(log, kept)
        shutil.rmtree(self.directory, ignore_errors=True)
