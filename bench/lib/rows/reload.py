"""A configuration of 10,000 routes is read and taken over every 300 ms, while requests come at half of the peak rate."""

import contextlib
import os
import re
import signal
import threading
import time

from ..disturbed import Disturbed
from ..processes import BenchError, free_port, stand_back
from ..proxies import Server, start_origin
from ..report import Line, judge, ratio_text
from ..rounds import quantile
from .routes import COUNT, native_file

PAUSE = 0.3
SECONDS = 3


def reloads(log):
    """Milliseconds of each so far."""
    with open(log, encoding="utf-8") as file:
        return [int(one) for one in re.findall(r"reloaded: .*\((\d+) ms\)", file.read())]


class Reloads:
    """Asks for one every 300 ms, whether the last one has been carried out or not."""

    def __init__(self, server):
        self.server, self.asked = server, 0

    @contextlib.contextmanager
    def going_on(self):
        over = threading.Event()
        thread = threading.Thread(target=self._ask, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self._settle()

    def _ask(self, over):
        stand_back()
        while not over.wait(PAUSE):
            os.kill(self.server.process.pid, signal.SIGHUP)
            self.asked += 1

    def _settle(self):
        """Signals that came during a reload may have become one, so the last word is that nothing happens any more."""
        deadline, count = time.monotonic() + 30, -1
        while (now := len(reloads(self.server.log))) != count:
            if time.monotonic() > deadline:
                raise BenchError("reloads do not end")
            count = now
            time.sleep(1)


def run(bench, subject, peers):
    if subject != "sluice":
        return [Line("reload under load", "only for sluice")], {}
    origin = start_origin(bench)
    port, admin = free_port(), free_port()
    path = f"{bench.directory}/reload-{port}.yaml"
    native_file(path, port, origin.port, f'admin: {{address: "127.0.0.1:{admin}"}}')
    server = Server(bench, "sluice", [bench.options.sluice, "run", "-c", path, "--workers", "1"], port,
                    [bench.proxy_core], wait=60)
    load = Reloads(server)
    result = Disturbed(bench, server, admin, load.going_on, SECONDS).run(bench.rounds(12))
    took = sorted(reloads(server.log))
    server.stop()
    origin.stop()
    result["reloads"] = {"asked": load.asked, "done": len(took), "milliseconds": took}
    if not took:
        raise BenchError("nothing was reloaded")
    what = f"{COUNT:,} routes reloaded every {PAUSE * 1000:.0f} ms at {result['rate']:.0f} requests/s (half of the peak)"
    p99, requests = result["p99"], result["requests"]
    lines = [
        judge(Line(f"{what}: failed requests", f"{result['failed']} of {requests:,}"), result["failed"], bar=0,
              text="{:.0f}"),
        judge(Line(f"{what}: closed connections", f"{result['closed']}"), result["closed"], bar=0, text="{:.0f}"),
        judge(Line(f"{what}: p99", f"{p99['ours']:.0f} us", "without reloads", f"{p99['theirs']:.0f} us",
                   ratio_text(p99)), p99["ratio"], bar=1.5, goal=1.1),
        Line(f"{what}: a reload takes", f"{quantile(took, 0.5)} ms, at most {took[-1]} ms",
             "done of asked for", f"{len(took)} of {load.asked}"),
    ]
    return lines, result
