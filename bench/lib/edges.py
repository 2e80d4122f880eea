"""Proxies with TLS and HTTP/2 at the front: how each is configured and started, and how they are spoken to."""

import contextlib
import pathlib
import socket
import ssl
import subprocess

from .processes import free_port, need
from .proxies import Server, compiled, envoy

HELLO = "hello, world\\n"
# A unary call as grpcd.c takes it: one message of 13 bytes.
CALL = ("/bench.Echo/Unary", b"\0\0\0\0\x0dhello, world\n", ("content-type: application/grpc", "te: trailers"))
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
EMPTY_SETTINGS = b"\0\0\0\4\0\0\0\0\0"
SETTINGS = 4
ENVOY_TLS = "envoy.extensions.transport_sockets.tls.v3"
ENVOY_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def certificate(bench):
    """A certificate with an ECDSA key on P-256; returns the paths of certificate and key."""
    cert, key = f"{bench.directory}/bench.pem", f"{bench.directory}/bench.key"
    if not pathlib.Path(cert).exists():
        subprocess.run(
            [need("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "2", "-subj", "/CN=bench.test", "-addext", "subjectAltName=DNS:bench.test,IP:127.0.0.1",
             "-keyout", key, "-out", cert], check=True, capture_output=True)
        # A worker of nginx that drops its rights does not read it; the master does.
    return cert, key


def trust():
    """A client's settings that take any certificate, and HTTP/2."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


def speaks_http2(port, secure):
    """Whether a server answers the preface with its settings."""
    with contextlib.suppress(OSError):
        with socket.create_connection(("127.0.0.1", port), 2) as plain:
            with trust().wrap_socket(plain, server_hostname="bench.test") if secure else plain as connection:
                connection.sendall(PREFACE + EMPTY_SETTINGS)
                head = connection.recv(9)
                return len(head) >= 4 and head[3] == SETTINGS
    return False


def _sluice(bench, values, secure, up):
    cert, key = certificate(bench)
    tls = f', tls: {{certificates: [{{cert: "{cert}", key: "{key}"}}]}}' if secure else ""
    action = f'respond: {{status: 200, body: "{HELLO}"}}' if up is None else "upstream: origin"
    path = bench.render("sluice-edge.yaml", f"sluice-edge-{values['PORT']}.yaml", **values, TLS=tls, ACTION=action,
                        PROTOCOL="http2" if up == "grpc" else "http1")
    return [bench.options.sluice, "run", "-c", path, "--workers", "1"]


def _nginx(bench, values, secure, up):
    cert, key = certificate(bench)
    tls = (f"ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3; "
           "ssl_session_cache shared:bench:10m; ssl_session_timeout 1d;")
    action = {None: f'return 200 "{HELLO}"', "http": "proxy_pass http://origin", "grpc": "grpc_pass grpc://origin"}[up]
    path = bench.render("nginx-edge.conf", f"nginx-edge-{values['PORT']}.conf", **values, ACTION=action,
                        LISTEN="ssl http2" if secure else "http2", TLS=tls if secure else "")
    return [need("nginx", "nginx"), "-c", path]


def _envoy(bench, values, secure, up):
    cert, key = certificate(bench)
    files = f'{{certificate_chain: {{filename: "{cert}"}}, private_key: {{filename: "{key}"}}}}'
    tls = ('transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/'
           f'{ENVOY_TLS}.DownstreamTlsContext, common_tls_context: {{alpn_protocols: [h2, http/1.1], '
           f'tls_certificates: [{files}]}}}}}}')
    protocol = (f'typed_extension_protocol_options: {{{ENVOY_HTTP}: {{"@type": type.googleapis.com/{ENVOY_HTTP}, '
                'explicit_http_config: {http2_protocol_options: {}}}}')
    action = (f'direct_response: {{status: 200, body: {{inline_string: "{HELLO}"}}}}' if up is None
              else "route: {cluster: origin, timeout: 0s}")
    path = bench.render("envoy-edge.yaml", f"envoy-edge-{values['PORT']}.yaml", **values, ACTION=action,
                        TLS=tls if secure else "", PROTOCOL=protocol if up == "grpc" else "")
    return [envoy(), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c", path]


def start_grpcd(bench):
    """The upstream for calls of gRPC."""
    port = free_port()
    return Server(bench, "grpcd", [compiled(bench, "grpcd", ["-lnghttp2"]), str(port)], port, [bench.load_core])


def start_edge(bench, name, secure, up=None, origin=1, prefix=(), wait=20):
    """A proxy with HTTP/2 (and with TLS HTTP/1.1 too) at the front.

    `up`: what it speaks to the upstream, `http` (1.1) or `grpc` (HTTP/2); None: it answers 13 bytes itself.
    """
    port = free_port()
    command = {"sluice": _sluice, "nginx": _nginx, "envoy": _envoy}[name](
        bench, {"PORT": port, "ORIGIN": origin}, secure, up)
    return Server(bench, name, command, port, [bench.proxy_core], wait, prefix,
                  probe=lambda: speaks_http2(port, secure))
