"""Unary calls of gRPC, HTTP/2 in cleartext on both sides: CPU per call."""

import pathlib

from ..edges import CALL, start_edge, start_grpcd
from ..load import streams, streams_command
from ..report import Line, judge, ratio_text
from ..rounds import alternate, compare

BARS = {"envoy": {"bar": 0.4}}
SHAPES = ((10, 10), (64, 1))
PATH, MESSAGE, FIELDS = CALL


def run(bench, subject, peers):
    peers = [peer for peer in peers if peer in ("sluice", "nginx", "envoy")]
    origin = start_grpcd(bench)
    body = pathlib.Path(bench.directory) / "call.bin"
    body.write_bytes(MESSAGE)
    servers = {name: start_edge(bench, name, False, "grpc", origin.port) for name in (subject, *peers)}
    lines, raw = [], {}

    def measure(server, connections, parallel):
        command = streams_command(server.port, False, connections, parallel, bench.options.seconds, PATH,
                                  body, FIELDS)
        bench.note(f"load (grpc, {connections}x{parallel})", ["taskset", "-c", str(bench.load_core), *command])
        server.meter.start()
        # Refused calls have the status 200, too, but no message.
        result = streams(command, [bench.load_core], bench.options.seconds, len(MESSAGE))
        used = server.meter.stop()
        return {"cpu": used / 1000 / result["requests"], "rate": result["requests"] * 1e6 / result["microseconds"],
                "busy": used / 1000 / result["microseconds"]}

    for connections, parallel in SHAPES:
        shape = f"{connections} x {parallel}"
        for server in servers.values():
            measure(server, connections, parallel)
        for peer in peers:
            rounds = alternate([servers[subject], servers[peer]], bench.rounds(12),
                               lambda one: measure(one, connections, parallel))
            cpu = compare(*([one["cpu"] for one in side] for side in rounds))
            raw[f"{shape} {peer}"] = {"cpu": cpu, subject: rounds[0], peer: rounds[1]}
            line = Line(f"gRPC unary, {shape} streams, CPU per call", f"{cpu['ours']:.1f} us", peer,
                        f"{cpu['theirs']:.1f} us", ratio_text(cpu))
            if subject == "sluice" and peer in BARS:
                judge(line, cpu["ratio"], **BARS[peer])
            lines.append(line)
    peaks = {name: server.meter.peak() / 2**20 for name, server in servers.items()}
    raw["peak MiB"] = peaks
    lines += [Line("gRPC unary, peak RSS", f"{peaks[subject]:.1f} MiB", peer, f"{peaks[peer]:.1f} MiB") for peer in peers]
    for server in (*servers.values(), origin):
        server.stop()
    return lines, raw
