"""The cases of http2_cases.py, played against Sluice and Envoy."""

import socket

import http2_cases
import peers

SLUICE = """version: 1
listeners: [{{name: main, address: "127.0.0.1:{port}", allow_connect: true}}]
upstreams:
  origin: {{endpoints: ["127.0.0.1:{origin}"]}}
  scripted: {{endpoints: ["127.0.0.1:{scripted}"], protocol: http2}}
routes:
  - {{name: hello, match: {{path: /hello}}, respond: {{body: hello}}}}
  - {{name: origin, match: {{regex: "/(echo|wait|big)"}}, upstream: origin}}
  - {{name: scripted, match: {{path: /scripted}}, upstream: scripted}}
"""

ROUTES = """- match: {path: /hello}
  direct_response: {status: 200, body: {inline_string: hello}}
- {match: {path: /scripted}, route: {cluster: scripted, timeout: 0s}}
- {match: {prefix: /}, route: {cluster: origin, timeout: 0s}}
"""

# The same windows and streams as Sluice's defaults, extended CONNECT, and the two ways of Envoy with requests that are not
# as they should be: by default it ends the connection.
OPTIONS = """upgrade_configs: [{upgrade_type: websocket}]
common_http_protocol_options: {headers_with_underscores_action: ALLOW}
http2_protocol_options:
  max_concurrent_streams: 100
  initial_stream_window_size: 65536
  initial_connection_window_size: 1048576
  allow_connect: true
  override_stream_error_on_invalid_http_message: true
"""


def allowed(found, wanted):
    """Whether a case went as the RFC allows, if not as it should.

    A GOAWAY ahead of the end is a SHOULD, and an error of a stream may be one of the connection (RFC 9113, section 5.4.1).
    """
    if found in wanted:
        return True
    errors = any(one[:2] in ("C-", "S-") or one == "400" for one in wanted)
    ends = found == "the end" or found.startswith("the connection ended")
    streams = {one[2:] for one in wanted if one.startswith("S-")}
    return errors and ends or found.startswith("C-") and found[2:] in streams


def play(port, scripted):
    """What comes of each case: (section, name, found, wanted)."""
    def connect():
        return socket.create_connection(("127.0.0.1", port), 5)

    lines = []
    for cases, opening in [(http2_cases.CASES, None), (http2_cases.BEGINNINGS, b"")]:
        options = {} if opening is None else {"opening": opening}
        found = http2_cases.outcomes(cases, connect, **options)
        lines += [(section, what, one, wanted) for (section, what, _, wanted), one in zip(cases, found)]
    for section, what, steps, wanted, statuses in http2_cases.UPSTREAM:
        told, code = scripted.play(port, steps)
        lines.append((section, f"of an origin: {what}", told, wanted))
        lines.append((section, f"of an origin: {what}: status", code, statuses))
    return lines


def run(binary, folder):
    """Rows of (section, case, (Sluice found, right, allowed), (Envoy found, right, allowed))."""
    origin, scripted = http2_cases.start_origin(), http2_cases.Origin()
    ports = peers.free_ports(2)
    clusters = [peers.envoy_cluster("origin", origin), peers.envoy_cluster("scripted", scripted.port, http2=True)]
    listener = peers.envoy_listener(ports[1], ROUTES, options=OPTIONS)
    text = SLUICE.format(port=ports[0], origin=origin, scripted=scripted.port)
    results = []
    for start in [lambda: peers.start_sluice(binary, folder, text, ports[:1]),
                  lambda: peers.start_envoy(folder, peers.envoy_config([listener], clusters), ports[1:])]:
        proxy = start()
        try:
            results.append(play(proxy.ports[0], scripted))
        finally:
            proxy.end()
    return [(ours[0], ours[1], peers.verdict(ours, allowed), peers.verdict(theirs, allowed)) for ours, theirs in zip(*results)]
