"""The cases of websocket_cases.py, played against Sluice and Envoy; and Autobahn's suite, where it is installed.

Autobahn's `wstest` (PyPI: autobahntestsuite) needs Python 2.7. Its client goes through each gateway to its own server, which
passes all cases when nothing stands between them.
"""

import json
import os
import subprocess
import threading
import time

import peers
import websocket_cases

SLUICE = """version: 1
listeners: [{{name: main, address: "127.0.0.1:{port}"}}]
upstreams: {{origin: {{endpoints: ["127.0.0.1:{origin}"]}}}}
routes: [{{name: all, match: {{prefix: /}}, upstream: origin, upgrades: [websocket], timeout: 0}}]
"""

OPTIONS = """upgrade_configs: [{upgrade_type: websocket}]
http2_protocol_options: {allow_connect: true, override_stream_error_on_invalid_http_message: true}
"""


def start_both(binary, folder, origin):
    ports = peers.free_ports(2)
    route = f'- {{match: {{prefix: /}}, route: {{cluster: origin, timeout: 0s, host_rewrite_literal: "127.0.0.1:{origin}"}}}}'
    text = peers.envoy_config([peers.envoy_listener(ports[1], route, options=OPTIONS)], [peers.envoy_cluster("origin", origin)])
    sluice = peers.start_sluice(binary, folder, SLUICE.format(port=ports[0], origin=origin), ports[:1], "sluice-websocket")
    return sluice, peers.start_envoy(folder, text, ports[1:], "envoy-websocket")


# MARK: The library `websockets` on both sides


def start_library():
    """A server that echoes, and closes with 4000 when asked to. Returns it, its port, and how connections were closed."""
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.server import serve

    closed = []

    def handle(connection):
        try:
            for message in connection:
                if message == "close":
                    return connection.close(4000, "as asked")
                connection.send(message)
        except ConnectionClosed:
            pass
        finally:
            closed.append((connection.close_code, connection.close_reason))

    port = peers.free_ports(1)[0]
    server = serve(handle, "127.0.0.1", port, subprotocols=["chat"], max_size=None,
                   select_subprotocol=lambda _, offered: "chat" if "chat" in offered else None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, port, closed


def library_outcomes(port, closed):
    """(section, what, found, wanted) for each thing that people do with a WebSocket."""
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    def open_one(**options):
        return connect(f"ws://127.0.0.1:{port}/", max_size=None, close_timeout=5, **options)

    def echo(message, **options):
        with open_one(**options) as peer:
            peer.send(message)
            return "same" if peer.recv(timeout=20) == message else "changed"

    def fragments():
        with open_one() as peer:
            peer.send(["a", "b", "c"])
            return peer.recv(timeout=5)

    def ping():
        with open_one() as peer:
            return "answered" if peer.ping(b"x").wait(5) else "lost"

    def closed_by_server():
        with open_one() as peer:
            peer.send("close")
            try:
                peer.recv(timeout=5)
            except ConnectionClosed:
                return f"{peer.close_code} {peer.close_reason}"

    def closed_by_client():
        before = closed.count((3001, "enough"))
        with open_one() as peer:
            peer.close(3001, "enough")
        for _ in range(200):
            if closed.count((3001, "enough")) > before:
                return "3001 enough"
            time.sleep(0.01)

    def many():
        open_ones = [open_one() for _ in range(50)]
        for number, peer in enumerate(open_ones):
            peer.send(str(number))
        found = [peer.recv(timeout=10) for peer in open_ones]
        for peer in open_ones:
            peer.close()
        return "same" if found == [str(number) for number in range(50)] else "mixed up"

    def subprotocol():
        with open_one(subprotocols=["chat", "other"]) as peer:
            return peer.subprotocol

    big = os.urandom(1 << 20) * 16
    cases = [("text", lambda: echo("h\u00e4llo"), "same"), ("bytes", lambda: echo(bytes(range(256))), "same"),
             ("nothing", lambda: echo(""), "same"), ("16 MiB", lambda: echo(big, compression=None), "same"),
             ("16 MiB, compressed", lambda: echo(big), "same"), ("fragments", fragments, "abc"), ("ping", ping, "answered"),
             ("closed by the server", closed_by_server, "4000 as asked"), ("closed by the client", closed_by_client, "3001 enough"),
             ("a subprotocol", subprotocol, "chat"), ("50 at once", many, "same")]
    lines = []
    for what, play, wanted in cases:
        try:
            found = str(play())
        except Exception as problem:  # What a case finds is for the table, whatever it is.
            found = f"{type(problem).__name__}: {problem}"
        lines.append(("websockets", what, found, {wanted}))
    return lines


# MARK: Run


def run(binary, folder):
    """Rows as in compare_http2."""
    results = [[], []]
    both = start_both(binary, folder, websocket_cases.start_origin())
    for lines, proxy in zip(results, both):
        lines += websocket_cases.outcomes(proxy.ports[0])
        proxy.end()
    server, port, closed = start_library()
    both = start_both(binary, folder, port)
    for lines, proxy in zip(results, both):
        lines += library_outcomes(proxy.ports[0], closed)
        proxy.end()
    server.shutdown()
    return [(ours[0], ours[1], peers.verdict(ours), peers.verdict(theirs)) for ours, theirs in zip(*results)]


# Hours of them: compression with messages of all sizes, and speed.
LONG = ["9.7.*", "9.8.*", "12.1.1*", "12.2.*", "12.3.*", "12.4.*", "12.5.*", "13.*"]


def run_autobahn(binary, folder, wstest, cases=None):
    """The same for Autobahn's cases, those that are given or all but the long ones; what is wanted is what its own server does
    without a gateway."""
    port = peers.free_ports(1)[0]
    with open(os.path.join(folder, "wstest.log"), "w") as log:
        server = subprocess.Popen([wstest, "-m", "testeeserver", "-w", f"ws://127.0.0.1:{port}", "-u", "0"], stdout=log, stderr=log)
        time.sleep(2)
        both = start_both(binary, folder, port)
        agents = [{"agent": name, "url": f"ws://127.0.0.1:{one}"}
                  for name, one in [("sluice", both[0].ports[0]), ("envoy", both[1].ports[0]), ("none", port)]]
        spec = {"outdir": os.path.join(folder, "reports"), "servers": agents, "cases": cases or ["*"],
                "exclude-cases": [] if cases else LONG, "exclude-agent-cases": {}}
        path = peers.write(folder, "autobahn.json", json.dumps(spec))
        subprocess.run([wstest, "-m", "fuzzingclient", "-s", path], cwd=folder, stdout=log, stderr=log, check=True)
    for proxy in both:
        proxy.end()
    server.kill()
    server.wait()
    with open(os.path.join(folder, "reports", "index.json")) as file:
        found = json.load(file)

    def said(agent, name):
        return f"{found[agent][name]['behavior']}, closed {found[agent][name]['behaviorClose']}"

    def line(agent, name):
        return f"Autobahn, {name.split('.')[0]}", name, said(agent, name), {said("none", name)}

    return [(*line("sluice", name)[:2], peers.verdict(line("sluice", name)), peers.verdict(line("envoy", name)))
            for name in sorted(found["none"], key=lambda text: [int(part) for part in text.split(".")])]
