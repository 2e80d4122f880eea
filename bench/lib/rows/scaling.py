"""What a second loop costs: CPU per request with two loops against one.

Both run on both processors and share them with the load, so the rates say nothing; the CPU per request does, and the
peers show how much of the difference is the machine's.
"""

from ..load import wrk, wrk_command
from ..proxies import start_origin, start_proxy
from ..report import Line, judge, ratio_text
from ..rounds import alternate, compare


def run(bench, subject, peers):
    both = [bench.proxy_core, bench.load_core]
    origin = start_origin(bench, cores=both)
    lines, raw = [], {}

    def measure(server):
        server.meter.start()
        result = wrk(server.port, both, seconds=bench.options.seconds)
        return server.meter.stop() / 1000 / result["requests"]

    for name in (subject, *peers):
        servers = [start_proxy(bench, name, origin.port, workers=count, cores=both) for count in (2, 1)]
        bench.note("load (scaling)", ["taskset", "-c", ",".join(map(str, both)), *wrk_command(servers[0].port)])
        for server in servers:
            measure(server)
        rounds = alternate(servers, bench.rounds(20), measure)
        compared = compare(*rounds)
        raw[name] = {**compared, "two": rounds[0], "one": rounds[1]}
        line = Line("two loops on two cores, CPU per request", f"{name}: {compared['ours']:.1f} us",
                    f"{name}, one loop", f"{compared['theirs']:.1f} us", ratio_text(compared))
        if name == "sluice":
            judge(line, compared["ratio"], bar=1.15, goal=1.05)
        lines.append(line)
        for server in servers:
            server.stop()
    origin.stop()
    return lines, raw
