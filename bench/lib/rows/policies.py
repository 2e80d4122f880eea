"""CPU per request with all policies on, against the same of others and against nginx as a plain proxy."""

from ..load import wrk, wrk_command
from ..proxies import start_origin, start_with_policies
from ..report import Line, judge, ratio_text
from ..rounds import alternate, compare
from ..tokens import Tokens

BARS = {"nginx": {"bar": 1.25, "goal": 1.0}, "haproxy": {"bar": 0.4}, "envoy": {"bar": 0.3}}
TRACE = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")


def run(bench, subject, peers):
    tokens = Tokens(bench.directory)
    script = tokens.script(bench.directory, [TRACE])
    origin = start_origin(bench)
    servers = {name: start_with_policies(bench, name, origin.port, tokens) for name in (subject, *peers)}
    bench.note("load (policies)", ["taskset", "-c", str(bench.load_core),
                                   *wrk_command(servers[subject].port, script=script)])

    def measure(server):
        server.meter.start()
        result = wrk(server.port, [bench.load_core], seconds=bench.options.seconds, script=script)
        return {"cpu": server.meter.stop() / 1000 / result["requests"], "p50": result["p50"], "p99": result["p99"]}

    for server in servers.values():
        measure(server)
    lines, raw = [], {}
    for peer in peers:
        rounds = alternate([servers[subject], servers[peer]], bench.rounds(20), measure)
        cpu = compare(*([one["cpu"] for one in side] for side in rounds))
        raw[peer] = {"cpu": cpu, subject: rounds[0], peer: rounds[1]}
        what = f"{peer}, plain" if peer == "nginx" else peer
        line = Line("all policies, CPU per request", f"{cpu['ours']:.1f} us", what, f"{cpu['theirs']:.1f} us",
                    ratio_text(cpu))
        if subject == "sluice" and peer in BARS:
            judge(line, cpu["ratio"], **BARS[peer])
        lines.append(line)
    for server in (*servers.values(), origin):
        server.stop()
    return lines, raw
