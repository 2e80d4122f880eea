"""Floods of HTTP/2 from one connection at a time, while others ask at half of the peak rate."""

import contextlib
import pathlib
import socket
import struct
import threading
import time

from ..disturbed import Disturbed
from ..processes import free_port, stand_back
from ..proxies import Server, start_origin
from ..report import Line, judge
from ..rounds import trimmed_median

SECONDS = 10
MIB = 1 << 20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RESET, SETTINGS, _, PING, _, WINDOW, CONTINUATION = range(10)
GET = b"\x82\x84\x86\x41\x04test"
POST = b"\x83\x84\x86\x41\x04test"
# Frames behind the opening of one connection; by then it has ended for long.
FRAMES = 5000


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def number(value):
    return struct.pack(">I", value)


# What comes first, and the frame of each turn with its stream.
FLOODS = {
    "rapid reset": (b"", lambda i: frame(HEADERS, 5, i, GET) + frame(RESET, 0, i, number(8))),
    "MadeYouReset": (b"", lambda i: frame(HEADERS, 4, i, POST) + frame(WINDOW, 0, i, number(2**31 - 1))),
    "CONTINUATION": (frame(HEADERS, 1, 1, GET), lambda i: frame(CONTINUATION, 0, 1, b"\0\1x\1y")),
    "PING": (b"", lambda i: frame(PING, 0, 0, number(0) + number(i))),
    "SETTINGS": (b"", lambda i: frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65535))),
    "empty frames": (frame(HEADERS, 4, 1, POST), lambda i: frame(DATA, 0, 1)),
    "zero windows": (frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0)), lambda i: frame(HEADERS, 5, i, GET)),
    "header bomb": (frame(HEADERS, 5, 1, GET + b"\x40\x01x\x7f\xa1\x16" + b"a" * 3000),
                    lambda i: frame(HEADERS, 5, i + 2, GET + b"\xbe" * 15000)),
    "WINDOW_UPDATE": (b"", lambda i: frame(WINDOW, 0, 0, number(1))),
    "PRIORITY": (b"", lambda i: frame(PRIORITY, 0, i, number(0) + b"\1")),
}


class Flood:
    """One connection that sends as fast as it can, and is opened anew when the gateway ends it."""

    def __init__(self, port, name):
        opening, turn = FLOODS[name]
        # As many streams as there may be, with answers that cannot leave.
        count = 100 if name in ("header bomb", "zero windows") else FRAMES
        self.bytes = PREFACE + frame(SETTINGS) + opening + b"".join(turn(2 * i + 1) for i in range(count))
        self.port, self.connections, self.sent = port, 0, 0

    @contextlib.contextmanager
    def going_on(self):
        over = threading.Event()
        thread = threading.Thread(target=self._attack, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _attack(self, over):
        stand_back()
        while not over.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as peer:
                self.connections += 1
                peer.settimeout(0.05)
                self._one(peer, over)

    def _one(self, peer, over):
        rest = memoryview(self.bytes)
        while not over.is_set():
            # Whatever comes is read, up to the end; a flood that has nothing more to send holds what it has.
            if rest:
                with contextlib.suppress(TimeoutError):
                    count = peer.send(rest[:65536])
                    self.sent += count
                    rest = rest[count:]
            with contextlib.suppress(TimeoutError):
                if not peer.recv(65536):
                    return


def configuration(bench, port, admin, origin):
    path = f"{bench.directory}/floods-{port}.yaml"
    pathlib.Path(path).write_text(f"""version: 1
admin: {{address: "127.0.0.1:{admin}"}}
listeners: [{{name: bench, address: "127.0.0.1:{port}"}}]
upstreams: {{origin: {{endpoints: ["127.0.0.1:{origin}"]}}}}
routes: [{{name: all, match: {{prefix: /}}, upstream: origin}}]
""")
    return path


def run(bench, subject, peers):
    if subject != "sluice":
        return [Line("floods of HTTP/2", "only for sluice")], {}
    origin, port, admin = start_origin(bench), free_port(), free_port()
    path = configuration(bench, port, admin, origin.port)
    server = Server(bench, "sluice", [bench.options.sluice, "run", "-c", path, "--workers", "1"], port, [bench.proxy_core])
    lines, raw = [], {}
    load = Disturbed(bench, server, admin, None, SECONDS)
    for name in FLOODS:
        raw[name] = one(bench, server, load, Flood(port, name))
        lines += table(name, raw[name])
    for each in (server, origin):
        each.stop()
    return lines, raw


def one(bench, server, load, flood):
    """Rounds of a flood and, between them, of peace."""
    load.disturb = flood.going_on
    calm, flooded, memory = [], [], []
    with flood.going_on():
        # What is needed once is not growth.
        time.sleep(2)
    for _ in range(max(1, bench.rounds(12) // 4)):
        calm.append(load.round(False))
        memory.append(server.meter.memory()["rss"] / MIB)
        flood.connections = flood.sent = 0
        flooded.append(load.round(True))
        # What is lingering is given up after two seconds.
        time.sleep(3)
        memory.append(server.meter.memory()["rss"] / MIB)
    return {"calm": calm, "flooded": flooded, "memory": memory, "connections": flood.connections, "sent": flood.sent,
            "rate": load.rate}


def table(name, result):
    what = f"flood of {name} for {SECONDS} s at {result['rate']:.0f} requests/s"
    calm, flooded = (trimmed_median([one["p99"] for one in result[side]]) for side in ("calm", "flooded"))
    failed = sum(one["failed"] for one in result["flooded"])
    grown = result["memory"][-1] - result["memory"][0]
    load = f"{result['connections']} connections, {result['sent'] / MIB:.0f} MiB"
    return [
        judge(Line(f"{what}: p99 of others", f"{flooded:.0f} us", "without it", f"{calm:.0f} us", f"{flooded / calm:.2f}"),
              flooded / calm, bar=2),
        judge(Line(f"{what}: failed requests of others; {load}", str(failed)), failed, bar=0, text="{:.0f}"),
        judge(Line(f"{what}: RSS", f"{result['memory'][-1]:.1f} MiB", "before", f"{result['memory'][0]:.1f} MiB"), grown,
              bar=4, text="+{:.0f} MiB"),
    ]
