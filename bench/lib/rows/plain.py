"""CPU per request of a plain proxy: one worker, 64 keep-alive connections, closed loop."""

from ..load import wrk, wrk_command
from ..proxies import start_origin, start_proxy
from ..report import Line, judge, ratio_text
from ..rounds import alternate, compare

BARS = {"nginx": {"bar": 1.05, "goal": 0.95}, "envoy": {"bar": 0.30}}


def measure(server):
    """One round: CPU microseconds per request, requests per second, latencies of the closed loop."""
    server.meter.start()
    result = wrk(server.port, [server.bench.load_core], seconds=server.bench.options.seconds)
    used = server.meter.stop()
    return {
        "cpu": used / 1000 / result["requests"],
        "rate": result["requests"] * 1e6 / result["microseconds"],
        # Share of its processor that the proxy used; well below 1, the load was the limit and the rate says little.
        "busy": used / 1000 / result["microseconds"],
        "p50": result["p50"], "p99": result["p99"],
    }


def run(bench, subject, peers):
    origin = start_origin(bench)
    servers = {name: start_proxy(bench, name, origin.port) for name in (subject, *peers)}
    bench.note("load (plain)", ["taskset", "-c", str(bench.load_core), *wrk_command(servers[subject].port)])
    for server in servers.values():
        measure(server)
    lines, raw = [], {}
    for peer in peers:
        rounds = alternate([servers[subject], servers[peer]], bench.rounds(20), measure)
        cpu = compare(*([one["cpu"] for one in side] for side in rounds))
        rate = compare(*([one["rate"] for one in side] for side in rounds))
        raw[peer] = {"cpu": cpu, "rate": rate, subject: rounds[0], peer: rounds[1]}
        line = Line("plain proxy, CPU per request", f"{cpu['ours']:.1f} us", peer, f"{cpu['theirs']:.1f} us",
                    ratio_text(cpu))
        if subject == "sluice" and peer in BARS:
            judge(line, cpu["ratio"], **BARS[peer])
        lines.append(line)
        lines.append(Line("plain proxy, requests/s", f"{rate['ours']:.0f}", peer, f"{rate['theirs']:.0f}",
                          ratio_text(rate)))
    for server in (*servers.values(), origin):
        server.stop()
    return lines, raw
