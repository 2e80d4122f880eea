"""Memory of idle connections with TLS: kept ones of HTTP/1.1, and of HTTP/2."""

import contextlib
import socket
import struct
import time

from ..edges import EMPTY_SETTINGS, PREFACE, start_edge, trust
from ..processes import BenchError
from ..report import Line

COUNT = 1000
WARM = 100
SETTLE = 2
REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
# :method GET, :scheme https, :path /, :authority 127.0.0.1 (RFC 7541, appendix A); ends stream 1.
FIELDS = b"\x82\x87\x84\x41\x09127.0.0.1"
STREAM = len(FIELDS).to_bytes(3, "big") + b"\1\5\0\0\0\1" + FIELDS


def open_one(port, context, is_http2):
    """A connection that has had one answer."""
    plain = socket.create_connection(("127.0.0.1", port), 5)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection = context.wrap_socket(plain, server_hostname="bench.test")
    connection.sendall(PREFACE + EMPTY_SETTINGS + STREAM if is_http2 else REQUEST)
    answer = b""
    while b"hello, world\n" not in answer:
        more = connection.recv(4096)
        if not more:
            raise BenchError("a connection was closed by the proxy")
        answer += more
    return connection


def measure(bench, name, is_http2):
    server = start_edge(bench, name, secure=True)
    context = trust()
    if not is_http2:
        context.set_alpn_protocols(["http/1.1"])
    with contextlib.ExitStack() as stack:
        # What any traffic at all makes the process allocate does not belong to the connections.
        for _ in range(WARM):
            stack.enter_context(open_one(server.port, context, is_http2))
    time.sleep(SETTLE)
    before = server.meter.memory()
    with contextlib.ExitStack() as stack:
        for _ in range(COUNT):
            stack.enter_context(open_one(server.port, context, is_http2))
        time.sleep(SETTLE)
        during = server.meter.memory()
    time.sleep(SETTLE)
    after = server.meter.memory()
    server.stop()
    each = {key: (during[key] - before[key]) / COUNT for key in before}
    return {"before": before, "during": during, "after": after, "each": each}


def run(bench, subject, peers):
    names = [subject, *(peer for peer in peers if peer in ("sluice", "nginx", "envoy"))]
    lines, raw = [], {}
    for is_http2 in (False, True):
        kind = "HTTP/2" if is_http2 else "HTTP/1.1"
        found = raw[kind] = {name: measure(bench, name, is_http2) for name in names}
        each = {name: found[name]["each"]["rss"] / 1024 for name in names}
        lines += [Line(f"{COUNT:,} idle connections with TLS, {kind}, RSS of each", f"{each[subject]:.1f} KiB", peer,
                       f"{each[peer]:.1f} KiB", f"{each[subject] / each[peer]:.2f}" if each[peer] > 0 else "")
                  for peer in names[1:]]
    return lines, raw
