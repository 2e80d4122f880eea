"""The slowest hundredth at half of Envoy's peak rate, open loop."""

import math

from ..load import h2load_command, open_loop, wrk
from ..processes import BenchError
from ..proxies import start_origin, start_proxy
from ..report import Line, judge, ratio_text
from ..rounds import alternate, compare, quantile, trimmed_median

# h2load sends at most 100 requests/s over one connection evenly (its timer does not go below 10 ms).
PER_CONNECTION = 60


def peak(bench, server):
    """Requests per second of a closed loop with 64 connections."""
    rounds = [wrk(server.port, [bench.load_core]) for _ in range(4)][1:]
    return trimmed_median([one["requests"] * 1e6 / one["microseconds"] for one in rounds])


def run(bench, subject, peers):
    origin = start_origin(bench)
    names = list(dict.fromkeys([subject, *peers, "envoy"]))
    servers = {name: start_proxy(bench, name, origin.port) for name in names}
    envoy_peak = peak(bench, servers["envoy"])
    rate = envoy_peak / 2
    connections = max(64, math.ceil(rate / PER_CONNECTION))
    log = f"{bench.directory}/tail.log"
    bench.note("load (tail)", ["taskset", "-c", str(bench.load_core),
                               *h2load_command(servers[subject].port, rate, connections, bench.options.seconds, log)])

    def measure(name):
        """One round; a round that missed its rate (the machine was away) is repeated."""
        for attempt in range(3):
            try:
                times = open_loop(servers[name].port, [bench.load_core], rate, connections, bench.options.seconds, log)
                return {"p50": quantile(times, 0.5), "p99": quantile(times, 0.99)}
            except BenchError:
                if attempt == 2:
                    raise

    for name in names:
        measure(name)
    lines, raw = [], {"envoy_peak": envoy_peak, "rate": rate, "connections": connections}
    for peer in (name for name in names if name != subject):
        rounds = alternate([subject, peer], bench.rounds(20), measure)
        for which in ("p50", "p99"):
            compared = compare(*([one[which] for one in side] for side in rounds))
            raw[f"{peer} {which}"] = {**compared, subject: rounds[0], peer: rounds[1]}
            line = Line(f"{which} at {rate:.0f} requests/s (half of Envoy's peak)", f"{compared['ours']:.0f} us",
                        peer, f"{compared['theirs']:.0f} us", ratio_text(compared))
            if subject == "sluice" and peer == "nginx" and which == "p99":
                judge(line, compared["ratio"], bar=1.2, goal=1.0)
            lines.append(line)
    for server in (*servers.values(), origin):
        server.stop()
    return lines, raw
