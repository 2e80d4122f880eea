"""The cases of grpc_cases.py, played against Sluice and Envoy."""

import http.server
import threading

import grpc_cases
import library_service
import peers

SLUICE = """version: 1
listeners:
  - {{name: rest, address: "127.0.0.1:{rest}"}}
  - {{name: grpc, address: "127.0.0.1:{grpc}"}}
upstreams:
  library: {{endpoints: ["127.0.0.1:{server}"], protocol: http2}}
  away: {{endpoints: ["127.0.0.1:1"], protocol: http2}}
  plain: {{endpoints: ["127.0.0.1:{plain}"]}}
filters: [grpc_web]
routes:
  - {{name: away, match: {{prefix: /away.Away, listeners: [grpc]}}, upstream: away, timeout: 10s}}
  - {{name: plain, match: {{prefix: /plain.Plain, listeners: [grpc]}}, upstream: plain, timeout: 10s}}
  - {{name: grpc, match: {{prefix: /sluice.library.Library, listeners: [grpc]}}, upstream: library, timeout: 10s}}
  - name: rest
    match: {{prefix: /, listeners: [rest]}}
    upstream: library
    timeout: 10s
    filters: [{{grpc_json: {{descriptor: {descriptor}, auto_mapping: true}}}}]
"""

TRANSCODER = """- name: envoy.filters.http.grpc_json_transcoder
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder
    proto_descriptor: "{descriptor}"
    services: [sluice.library.Library]
    auto_mapping: true
    convert_grpc_status: true
    match_incoming_request_route: true
    request_validation_options: {{reject_unknown_method: true, reject_unknown_query_parameters: true, reject_binding_body_field_collisions: true}}
"""
WEB = """- name: envoy.filters.http.grpc_web
  typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb}
"""
ROUTES = """- match: {prefix: /away.Away}
  route: {cluster: away, timeout: 10s}
- match: {prefix: /plain.Plain}
  route: {cluster: plain, timeout: 10s}
- match: {prefix: /sluice.library.Library}
  route: {cluster: library, timeout: 10s, max_stream_duration: {grpc_timeout_header_max: 10s}}
"""


class Plain(http.server.BaseHTTPRequestHandler):
    """An upstream that is no gRPC."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.close_connection = True
        self.send_response(int(self.headers["x-status"]))
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"no")

    def log_message(self, *_):
        pass


def run(binary, folder):
    """Rows of (section, case, (Sluice found, right, allowed), (Envoy found, right, allowed))."""
    descriptor, pb, _ = library_service.generate(folder)
    server, port = library_service.start_parrot(library_service.kinds(pb))
    plain = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Plain)
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    ports = peers.free_ports(4)
    text = SLUICE.format(rest=ports[0], grpc=ports[1], server=port, plain=plain.server_address[1], descriptor=descriptor)
    plain_set = library_service.without_response_body(folder)
    rest = "- {match: {prefix: /}, route: {cluster: library, timeout: 10s}}"
    listeners = [peers.envoy_listener(ports[2], rest, TRANSCODER.format(descriptor=plain_set)), peers.envoy_listener(ports[3], ROUTES, WEB)]
    clusters = [peers.envoy_cluster("library", port, http2=True), peers.envoy_cluster("away", 1, http2=True),
                peers.envoy_cluster("plain", plain.server_address[1])]
    results = []
    for start in [lambda: peers.start_sluice(binary, folder, text, ports[:2]),
                  lambda: peers.start_envoy(folder, peers.envoy_config(listeners, clusters), ports[2:])]:
        proxy = start()
        try:
            results.append(grpc_cases.outcomes(grpc_cases.Gateway(proxy.ports, server, pb)))
        finally:
            proxy.end()
    server.stop(0)
    return [(ours[0], ours[1], peers.verdict(ours), peers.verdict(theirs)) for ours, theirs in zip(*results)]
