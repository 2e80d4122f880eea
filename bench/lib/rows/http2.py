"""HTTP/2 at the front, HTTP/1.1 at the back: CPU per small request, in cleartext and over TLS; memory while at it."""

from ..edges import start_edge
from ..load import streams, streams_command
from ..proxies import start_origin
from ..report import Line, judge, ratio_text
from ..rounds import alternate, compare

BARS = {"nginx": {"bar": 1.1}, "envoy": {"bar": 0.35}}
SHAPES = ((10, 10), (64, 1))
ANSWER = len("hello, world\n")


def measure(bench, server, secure, connections, parallel):
    """One round: CPU microseconds per request, requests per second, share of its processor that the proxy used."""
    command = streams_command(server.port, secure, connections, parallel, bench.options.seconds)
    bench.note(f"load (http2, {'TLS' if secure else 'cleartext'}, {connections}x{parallel})",
               ["taskset", "-c", str(bench.load_core), *command])
    server.meter.start()
    result = streams(command, [bench.load_core], bench.options.seconds, ANSWER)
    used = server.meter.stop()
    return {"cpu": used / 1000 / result["requests"], "rate": result["requests"] * 1e6 / result["microseconds"],
            "busy": used / 1000 / result["microseconds"]}


def run(bench, subject, peers):
    peers = [peer for peer in peers if peer in ("sluice", "nginx", "envoy")]
    origin = start_origin(bench)
    lines, raw = [], {}
    for secure in (False, True):
        kind = "TLS" if secure else "cleartext"
        servers = {name: start_edge(bench, name, secure, "http", origin.port) for name in (subject, *peers)}
        for connections, parallel in SHAPES:
            shape = f"{connections} x {parallel}"
            for server in servers.values():
                measure(bench, server, secure, connections, parallel)
            for peer in peers:
                rounds = alternate([servers[subject], servers[peer]], bench.rounds(12),
                                   lambda one: measure(bench, one, secure, connections, parallel))
                cpu = compare(*([one["cpu"] for one in side] for side in rounds))
                raw[f"{kind} {shape} {peer}"] = {"cpu": cpu, subject: rounds[0], peer: rounds[1]}
                line = Line(f"HTTP/2 to HTTP/1.1, {kind}, {shape} streams, CPU per request", f"{cpu['ours']:.1f} us",
                            peer, f"{cpu['theirs']:.1f} us", ratio_text(cpu))
                if subject == "sluice" and peer in BARS:
                    judge(line, cpu["ratio"], **BARS[peer])
                lines.append(line)
        peaks = {name: server.meter.peak() / 2**20 for name, server in servers.items()}
        raw[f"{kind} peak MiB"] = peaks
        lines += [Line(f"the same, {kind}, peak RSS", f"{peaks[subject]:.1f} MiB", peer, f"{peaks[peer]:.1f} MiB")
                  for peer in peers]
        for server in servers.values():
            server.stop()
    origin.stop()
    return lines, raw
