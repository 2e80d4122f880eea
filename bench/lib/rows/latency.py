"""What a proxy adds to the time of a request at 1,000 requests/s over 16 connections."""

from ..load import h2load_command, open_loop
from ..proxies import start_origin, start_proxy
from ..report import Line, judge, ratio_text
from ..rounds import alternate, compare, quantile, trimmed_median

RATE, CONNECTIONS = 1000, 16


def run(bench, subject, peers):
    origin = start_origin(bench)
    names = ["direct", subject, *peers]
    servers = {"direct": origin, **{name: start_proxy(bench, name, origin.port) for name in names[1:]}}
    log = f"{bench.directory}/latency.log"
    load = h2load_command(servers[subject].port, RATE, CONNECTIONS, bench.options.seconds, log)
    bench.note("load (latency)", ["taskset", "-c", str(bench.load_core), *load])

    def measure(name):
        times = open_loop(servers[name].port, [bench.load_core], RATE, CONNECTIONS, bench.options.seconds, log)
        return {"p50": quantile(times, 0.5), "p99": quantile(times, 0.99)}

    for name in names:
        measure(name)
    rounds = dict(zip(names, alternate(names, bench.rounds(20), measure)))
    for server in servers.values():
        server.stop()

    def column(name, which):
        return [one[which] for one in rounds[name]]

    def added(name, which):
        return trimmed_median([a - b for a, b in zip(column(name, which), column("direct", which))])

    lines = []
    for which in ("p50", "p99"):
        what = f"added latency at {RATE:,} requests/s, {which}"
        ours = added(subject, which)
        line = Line(what, f"{ours:.0f} us", "direct", f"{trimmed_median(column('direct', which)):.0f} us")
        if subject == "sluice" and which == "p50":
            judge(line, ours, bar=100, text="{:.0f} us")
        lines.append(line)
        for peer in peers:
            compared = compare(column(subject, which), column(peer, which))
            line = Line(what, f"{ours:.0f} us", peer, f"{added(peer, which):.0f} us", f"whole: {ratio_text(compared)}")
            if subject == "sluice" and which == "p99" and peer == "nginx":
                judge(line, compared["ratio"], goal=1.0)
            lines.append(line)
    return lines, rounds
