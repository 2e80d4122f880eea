"""The cases of websocket_cases.py, played against Sluice and Envoy; and Autobahn's suite, where it is installed.

Autobahn's `wstest` (PyPI: autobahntestsuite) needs Python 2.7. Its client goes through each gateway to its own server, which
passes all cases when nothing stands between them.
"""

import json
import os
import subprocess
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


def run(binary, folder):
    """Rows as in compare_http2."""
    both = start_both(binary, folder, websocket_cases.start_origin())
    results = []
    for proxy in both:
        results.append(websocket_cases.outcomes(proxy.ports[0]))
        proxy.end()
    return [(ours[0], ours[1], peers.verdict(ours), peers.verdict(theirs)) for ours, theirs in zip(*results)]


def run_autobahn(binary, folder, wstest):
    """The same for Autobahn's cases but those of compression and speed, which take an hour; what is wanted is what its own
    server does without a gateway."""
    port = peers.free_ports(1)[0]
    with open(os.path.join(folder, "wstest.log"), "w") as log:
        server = subprocess.Popen([wstest, "-m", "testeeserver", "-w", f"ws://127.0.0.1:{port}", "-u", "0"], stdout=log, stderr=log)
        time.sleep(2)
        both = start_both(binary, folder, port)
        agents = [{"agent": name, "url": f"ws://127.0.0.1:{one}"}
                  for name, one in [("sluice", both[0].ports[0]), ("envoy", both[1].ports[0]), ("none", port)]]
        spec = {"outdir": os.path.join(folder, "reports"), "servers": agents, "cases": ["*"],
                "exclude-cases": ["9.7.*", "9.8.*", "12.1.1*", "12.2.*", "12.3.*", "12.4.*", "12.5.*", "13.*"], "exclude-agent-cases": {}}
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
