"""/metrics with 2,500 upstreams: how long a scrape takes, and what one a second does to requests at half of the peak."""

import contextlib
import http.client
import pathlib
import threading
import time

from ..disturbed import Disturbed, scrape
from ..processes import BenchError, free_port, stand_back
from ..proxies import Server, start_origin
from ..report import Line, judge, ratio_text
from ..rounds import trimmed_median

UPSTREAMS = 2500
SCRAPES = 10
PAUSE = 1
SECONDS = 4


def configuration(bench, port, admin, origin):
    """As many routes as upstreams, each of which has metrics of its own, and one for the load."""
    lines = ["version: 1", f'admin: {{address: "127.0.0.1:{admin}"}}',
             f'listeners: [{{name: bench, address: "127.0.0.1:{port}"}}]', "upstreams:"]
    lines += [f'  service{n}: {{endpoints: ["127.0.0.1:{origin}"]}}' for n in range(UPSTREAMS)]
    lines.append("routes:")
    lines += [f"  - {{name: route{n}, match: {{prefix: /r{n}}}, upstream: service{n}}}" for n in range(UPSTREAMS)]
    lines.append("  - {name: last, match: {path: /}, upstream: service0}")
    path = f"{bench.directory}/scrape-{port}.yaml"
    pathlib.Path(path).write_text("\n".join(lines) + "\n")
    return path


def touch_all(port):
    """A request to each route, so that all there can be to show is there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for n in range(UPSTREAMS):
        connection.request("GET", f"/r{n}")
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise BenchError(f"route {n} answers {answer.status}")
    connection.close()


class Scrapes:
    """One at once and one each second after."""

    def __init__(self, admin):
        self.admin, self.milliseconds = admin, []

    def one(self):
        begin = time.monotonic()
        text = scrape(self.admin)
        self.milliseconds.append((time.monotonic() - begin) * 1000)
        return text

    @contextlib.contextmanager
    def going_on(self):
        over = threading.Event()
        thread = threading.Thread(target=self._go_on, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _go_on(self, over):
        stand_back()
        while not over.wait(PAUSE / 2):
            self.one()
            if over.wait(PAUSE / 2):
                return


def run(bench, subject, peers):
    if subject != "sluice":
        return [Line("/metrics under load", "only for sluice")], {}
    origin = start_origin(bench)
    port, admin = free_port(), free_port()
    path = configuration(bench, port, admin, origin.port)
    server = Server(bench, "sluice", [bench.options.sluice, "run", "-c", path, "--workers", "1"], port,
                    [bench.proxy_core], wait=60)
    touch_all(port)
    idle, busy = Scrapes(admin), Scrapes(admin)
    size = len(idle.one())
    for _ in range(SCRAPES):
        idle.one()
    result = Disturbed(bench, server, admin, busy.going_on, SECONDS).run(bench.rounds(12))
    server.stop()
    origin.stop()
    result["milliseconds"] = {"idle": idle.milliseconds, "busy": busy.milliseconds}
    result["bytes"] = size
    took, p99 = trimmed_median(idle.milliseconds), result["p99"]
    what = f"/metrics with {UPSTREAMS:,} upstreams and routes"
    rate = f"at {result['rate']:.0f} requests/s (half of the peak)"
    lines = [
        judge(Line(f"{what}, {size / 1e6:.1f} MB", f"{took:.0f} ms"), took, bar=200, text="{:.0f} ms"),
        Line(f"the same {rate}", f"{trimmed_median(busy.milliseconds):.0f} ms, at most {max(busy.milliseconds):.0f} ms"),
        judge(Line(f"p99 {rate}, a scrape every second", f"{p99['ours']:.0f} us", "without scrapes",
                   f"{p99['theirs']:.0f} us", ratio_text(p99)), p99["ratio"], bar=1.1),
        judge(Line(f"failed requests {rate}", f"{result['failed']} of {result['requests']:,}"), result["failed"], bar=0,
              text="{:.0f}"),
    ]
    return lines, result
