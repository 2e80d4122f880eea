"""Memory of idle keep-alive connections."""

import contextlib
import socket
import struct
import time

from ..load import wrk
from ..processes import BenchError
from ..proxies import start_origin, start_proxy
from ..report import Line, judge

COUNT = 10_000
REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SETTLE = 3


def exchange(connection):
    """One request on a kept connection; the answer must be whole and leave the connection open."""
    connection.sendall(REQUEST)
    answer = b""
    while b"hello, world\n" not in answer:
        more = connection.recv(4096)
        if not more:
            raise BenchError("an idle connection was closed by the proxy")
        answer += more


def hold(port, count):
    """Opens `count` connections; each has had one request answered, so it is a kept one and not merely accepted."""
    held = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), 5)
        # The end is a reset: 10,000 sockets in TIME_WAIT would take their ports from the next proxy.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        held.append(connection)
        exchange(connection)
    return held


def measure(bench, name, origin):
    server = start_proxy(bench, name, origin.port)
    # What any traffic at all makes the process allocate does not belong to the connections.
    wrk(server.port, [bench.load_core])
    time.sleep(SETTLE)
    before = server.meter.memory()
    with contextlib.ExitStack() as stack:
        held = hold(server.port, COUNT)
        for connection in held:
            stack.callback(connection.close)
        time.sleep(SETTLE)
        during = server.meter.memory()
        for connection in held[::100]:
            exchange(connection)
    time.sleep(SETTLE)
    after = server.meter.memory()
    server.stop()
    each = {key: (during[key] - before[key]) / COUNT for key in before}
    return {"before": before, "during": during, "after": after, "each": each}


def run(bench, subject, peers):
    origin = start_origin(bench)
    raw = {name: measure(bench, name, origin) for name in (subject, *peers)}
    origin.stop()
    ours = raw[subject]["each"]["rss"] / 1024
    what = f"{COUNT:,} idle connections, RSS of each"
    line = Line(what, f"{ours:.2f} KiB")
    if subject == "sluice":
        judge(line, ours, bar=6, goal=4, text="{:.0f} KiB")
    lines = [line]
    for peer in peers:
        theirs = raw[peer]["each"]["rss"] / 1024
        ratio = f"{ours / theirs:.2f}" if theirs > 0 else ""
        lines.append(Line(what, f"{ours:.2f} KiB", peer, f"{theirs:.2f} KiB", ratio))
    for which in ("before", "during", "after"):
        mib = {name: f"{raw[name][which]['rss'] / 2**20:.1f} MiB" for name in raw}
        lines.append(Line(f"RSS {which} the {COUNT:,} connections", mib[subject], ", ".join(peers),
                          ", ".join(mib[peer] for peer in peers)))
    return lines, raw
