"""1,000 streams of HTTP/2 on 10 connections: what one reader that hardly reads does to the others, and to memory."""

import pathlib

from ..load import LEAD, summary
from ..processes import free_port, run as run_load
from ..proxies import Server, compiled, start_origin, start_sink
from ..report import Line, judge, ratio_text
from ..rounds import alternate, compare

CONNECTIONS, STREAMS = 10, 100
SECONDS = 3
SIZE = 64 << 20
MIB = 1 << 20


def configuration(bench, port, origin, sink):
    """The origin for the many; the sink, which has large bodies, for who hardly reads."""
    path = f"{bench.directory}/streams-{port}.yaml"
    pathlib.Path(path).write_text(f"""version: 1
listeners: [{{name: bench, address: "127.0.0.1:{port}"}}]
upstreams:
  origin: {{endpoints: ["127.0.0.1:{origin}"]}}
  sink: {{endpoints: ["127.0.0.1:{sink}"]}}
routes:
  - {{name: large, match: {{path: /{SIZE}}}, upstream: sink}}
  - {{name: all, match: {{prefix: /}}, upstream: origin}}
""")
    return path


def round_of(bench, server, program, slow):
    """One round with so many slow readers among the streams."""
    command = [program, server.port, CONNECTIONS, STREAMS, SECONDS, LEAD, slow, SIZE]
    command = [str(word) for word in command]
    bench.note(f"load (streams, {slow} slow)", ["taskset", "-c", str(bench.load_core), *command])
    server.meter.reset_peak()
    result = summary(run_load(command, [bench.load_core], SECONDS + 20))
    return {**result, "rate": result["requests"] * 1e6 / result["microseconds"], "peak": server.meter.peak() / MIB}


def run(bench, subject, peers):
    if subject != "sluice":
        return [Line("streams with a slow reader", "only for sluice")], {}
    origin, sink, port = start_origin(bench), start_sink(bench), free_port()
    path = configuration(bench, port, origin.port, sink.port)
    server = Server(bench, "sluice", [bench.options.sluice, "run", "-c", path, "--workers", "1"], port, [bench.proxy_core])
    program = compiled(bench, "streams", ["-lnghttp2"])
    sides = (1, 0, CONNECTIONS * STREAMS // 10)
    # First, since freed memory stays with the process.
    peaks = {slow: max(round_of(bench, server, program, slow)["peak"] for _ in range(2)) for slow in sorted(sides)}
    one, none, many = alternate(sides, bench.rounds(12), lambda slow: round_of(bench, server, program, slow))
    for each in (server, origin, sink):
        each.stop()
    p99 = compare(*([each["p99"] for each in side] for side in (one, none)))
    with_many = compare(*([each["p99"] for each in side] for side in (many, none)))
    calm, of_one, of_many = (peaks[slow] for slow in sorted(sides))
    what = f"{CONNECTIONS * STREAMS:,} streams on {CONNECTIONS} connections"
    lines = [
        judge(Line(f"{what}, one slow reader: p99 of the others", f"{p99['ours']:.0f} us", "without it",
                   f"{p99['theirs']:.0f} us", ratio_text(p99)), p99["ratio"], bar=1.2),
        judge(Line(f"{what}, one slow reader: peak RSS", f"{of_one:.1f} MiB", "without it",
                   f"{calm:.1f} MiB"), of_one - calm, bar=4, text="+{:.0f} MiB"),
        # A tenth of the streams asks for nothing then, so that the others are faster.
        Line(f"{what}, {sides[2]} slow readers: p99 of the others", f"{with_many['ours']:.0f} us", "without them",
             f"{with_many['theirs']:.0f} us", ratio_text(with_many)),
        judge(Line(f"{what}, {sides[2]} slow readers: peak RSS", f"{of_many:.1f} MiB", "without them",
                   f"{calm:.1f} MiB"), of_many - calm, bar=32, text="+{:.0f} MiB"),
    ]
    return lines, {"one": one, "none": none, "many": many, "p99": p99, "peaks": peaks}
