"""Bodies of 1 MiB, down and up: throughput, CPU per MiB, and memory that stays flat."""

from ..load import pump
from ..proxies import compiled, start_proxy, start_sink
from ..report import Line, judge, ratio_text
from ..rounds import alternate, compare

MIB = 1 << 20
CONNECTIONS = 16
LARGE = 16


def transfer(bench, server, direction, mebibytes=1):
    """One round of bodies of `mebibytes` each; returns MiB/s and CPU microseconds per MiB."""
    server.meter.start()
    result = pump(f"{bench.directory}/pump", server.port, [bench.load_core], direction, mebibytes * MIB, CONNECTIONS,
                  bench.options.seconds)
    used = server.meter.stop()
    moved = result["requests"] * mebibytes
    elapsed = result["microseconds"]
    return {"rate": moved * 1e6 / elapsed, "cpu": used / 1000 / moved, "busy": used / 1000 / elapsed}


def growth(bench, server, direction):
    """Peak resident size in MiB: over the first rounds, over later ones, and with bodies 16 times as large."""
    peaks = []
    for size in (1, 1, LARGE):
        server.meter.reset_peak()
        for _ in range(2):
            transfer(bench, server, direction, size)
        peaks.append(server.meter.peak() / MIB)
    return peaks


def run(bench, subject, peers):
    sink = start_sink(bench)
    servers = {name: start_proxy(bench, name, sink.port, bodies=True) for name in (subject, *peers)}
    program = compiled(bench, "pump")
    bench.note("load (bodies)", ["taskset", "-c", str(bench.load_core), program, str(servers[subject].port),
                                 str(CONNECTIONS), str(bench.options.seconds), "down|up", str(MIB)])
    lines, raw = [], {}
    for direction in ("down", "up"):
        # First, while nothing has been transferred yet.
        peaks = {name: growth(bench, server, direction) for name, server in servers.items()}
        raw[f"{direction} peaks"] = peaks
        for peer in peers:
            sides = [servers[subject], servers[peer]]
            rounds = alternate(sides, bench.rounds(12), lambda server: transfer(bench, server, direction))
            rate = compare(*([one["rate"] for one in side] for side in rounds))
            cpu = compare(*([one["cpu"] for one in side] for side in rounds))
            raw[f"{direction} {peer}"] = {"rate": rate, "cpu": cpu, subject: rounds[0], peer: rounds[1]}
            line = Line(f"1 MiB bodies {direction}, throughput", f"{rate['ours']:.0f} MiB/s", peer,
                        f"{rate['theirs']:.0f} MiB/s", ratio_text(rate))
            if subject == "sluice" and peer == "nginx":
                judge(line, rate["ratio"], bar=0.9, goal=1.0, at_least=True)
            lines.append(line)
            lines.append(Line(f"1 MiB bodies {direction}, CPU per MiB", f"{cpu['ours']:.0f} us", peer,
                              f"{cpu['theirs']:.0f} us", ratio_text(cpu)))
        shown = {name: ", ".join(f"{one:.1f}" for one in values) + " MiB" for name, values in peaks.items()}
        what = f"peak RSS, bodies {direction}: first rounds, later ones, {LARGE} MiB bodies"
        first, later, large = peaks[subject]
        for peer in peers or [""]:
            line = Line(what, shown[subject], peer, shown.get(peer, ""))
            if subject == "sluice":
                # One more buffer per connection and direction is no growth; a collected body would be 256 MiB.
                judge(line, max(later, large) - first, bar=4, text="+{:.0f} MiB")
            lines.append(line)
    for server in (*servers.values(), sink):
        server.stop()
    return lines, raw
