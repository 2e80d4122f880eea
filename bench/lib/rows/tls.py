"""TLS 1.3 handshakes, full and resumed: CPU per connection with one small answer, and handshakes per CPU second."""

from ..edges import start_edge
from ..load import summary
from ..processes import run as run_load
from ..proxies import compiled
from ..report import Line, judge, ratio_text
from ..rounds import alternate, compare

CONNECTIONS = 16
KINDS = ("full", "resumed")


def run(bench, subject, peers):
    peers = [peer for peer in peers if peer in ("sluice", "nginx", "envoy")]
    program = compiled(bench, "handshakes", ["-lssl", "-lcrypto"])
    servers = {name: start_edge(bench, name, secure=True) for name in (subject, *peers)}
    lines, raw = [], {}

    def measure(server, kind):
        command = [program, str(server.port), str(CONNECTIONS), str(bench.options.seconds), kind]
        bench.note(f"load (tls, {kind})", ["taskset", "-c", str(bench.load_core), *command])
        server.meter.start()
        result = summary(run_load(command, [bench.load_core], bench.options.seconds + 15))
        used = server.meter.stop()
        return {"cpu": used / 1000 / result["requests"], "rate": result["requests"] * 1e6 / result["microseconds"],
                "busy": used / 1000 / result["microseconds"]}

    for kind in KINDS:
        for server in servers.values():
            measure(server, kind)
        for peer in peers:
            rounds = alternate([servers[subject], servers[peer]], bench.rounds(12), lambda one: measure(one, kind))
            cpu = compare(*([one["cpu"] for one in side] for side in rounds))
            raw[f"{kind} {peer}"] = {"cpu": cpu, subject: rounds[0], peer: rounds[1]}
            line = Line(f"TLS 1.3 connection, {kind} handshake, CPU", f"{cpu['ours']:.0f} us", peer,
                        f"{cpu['theirs']:.0f} us", ratio_text(cpu))
            if subject == "sluice" and peer == "nginx":
                # As many handshakes per CPU second, or more.
                judge(line, cpu["ratio"], bar=1.0)
            lines.append(line)
            lines.append(Line(f"the same, {kind} handshakes per CPU second", f"{1e6 / cpu['ours']:,.0f}", peer,
                              f"{1e6 / cpu['theirs']:,.0f}"))
    for server in servers.values():
        server.stop()
    return lines, raw
