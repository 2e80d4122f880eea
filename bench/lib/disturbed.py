"""What a disturbance does to requests that come at a steady rate: rounds with and without it, in turn, on one process."""

import contextlib
import re
import urllib.request

from .load import steady, steady_command, wrk
from .proxies import compiled
from .rounds import alternate, compare, trimmed_median

CONNECTIONS = 256


def peak(bench, port):
    """Requests per second of a closed loop with 64 connections."""
    rounds = [wrk(port, [bench.load_core]) for _ in range(4)][1:]
    return trimmed_median([one["requests"] * 1e6 / one["microseconds"] for one in rounds])


def scrape(admin):
    """All metrics, as text."""
    with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics", timeout=60) as answer:
        return answer.read().decode()


def accepted(admin):
    """How many connections the listener has taken in."""
    return int(re.search(r'^sluice_listener_accepted_total\{listener="bench"\} (\d+)', scrape(admin), re.M)[1])


class Disturbed:
    """Rounds at half of the peak rate. `disturb` makes a context manager that lasts as long as a disturbed round."""

    def __init__(self, bench, server, admin, disturb, seconds):
        self.bench, self.port, self.admin, self.disturb, self.seconds = bench, server.port, admin, disturb, seconds
        self.program = compiled(bench, "steady")
        self.peak = peak(bench, server.port)
        self.rate = self.peak / 2
        command = steady_command(self.program, self.port, self.rate, CONNECTIONS, seconds)
        bench.note("load (steady)", ["taskset", "-c", str(bench.load_core), *command])

    def round(self, is_disturbed):
        before = accepted(self.admin)
        with self.disturb() if is_disturbed else contextlib.nullcontext():
            result = steady(self.program, self.port, [self.bench.load_core], self.rate, CONNECTIONS, self.seconds)
        # Who has to connect anew was cut off; the load counts that too, but both must say so.
        result["closed"] = max(result["closed"], accepted(self.admin) - before - CONNECTIONS)
        return result

    def run(self, count):
        """The rounds: how the slowest compare, and what failed in the disturbed ones."""
        self.round(False)
        self.round(True)
        disturbed, calm = alternate([True, False], count, self.round)
        result = {"peak": self.peak, "rate": self.rate, "disturbed": disturbed, "calm": calm}
        for which in ("p50", "p99", "p999"):
            result[which] = compare(*([one[which] for one in side] for side in (disturbed, calm)))
        for which in ("failed", "closed", "requests"):
            result[which] = sum(one[which] for one in disturbed)
        return result
