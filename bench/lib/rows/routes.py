"""A native file of 10,000 routes: time to the first answer, and memory five seconds later."""

import pathlib
import time

from ..meters import Meter
from ..processes import BenchError, fetch, free_port, get, start, stop, wait_ready
from ..proxies import start_origin
from ..report import Line, judge

COUNT = 10_000
UPSTREAMS = 100


def native_file(path, port, origin, *more):
    """Writes routes of every kind over 200 hosts; the last one is asked for below. `more` are lines for the top."""
    lines = ["version: 1", *more, "listeners:", f'  - {{name: bench, address: "127.0.0.1:{port}"}}', "upstreams:"]
    lines += [f'  service{n}: {{endpoints: ["127.0.0.1:{origin}"]}}' for n in range(UPSTREAMS)]
    lines.append("routes:")
    for n in range(COUNT):
        host = f"tenant{n % 200}.example.com"
        match = (
            f"prefix: /v1/area{n}",
            f"path: /v1/area{n}/status",
            f'template: "/v1/area{n}/items/{{id}}"',
            f"prefix: /v1/area{n}, methods: [GET, POST]",
            f'prefix: /v1/area{n}, headers: {{x-canary: "true"}}',
        )[n % 5]
        lines += [f"  - name: route{n}", f"    match: {{hosts: [{host}], {match}}}",
                  f"    upstream: service{n % UPSTREAMS}", "    timeout: 5s"]
    # One route without conditions, to see that the whole table stands.
    lines.append("  - {name: last, match: {prefix: /}, upstream: service0}")
    pathlib.Path(path).write_text("\n".join(lines) + "\n")


def measure(bench, origin):
    port = free_port()
    path, log = f"{bench.directory}/routes-{port}.yaml", f"{bench.directory}/routes-{port}.log"
    native_file(path, port, origin.port)
    command = [bench.options.sluice, "run", "-c", path, "--workers", "1"]
    bench.note("sluice (routes)", ["taskset", "-c", str(bench.proxy_core), *command])
    begin = time.monotonic()
    process = start(command, [bench.proxy_core], log)
    ready = wait_ready(process, port, log, seconds=60, interval=0.005) - begin
    checked = fetch(port, get("/v1/area9998/", host="tenant198.example.com"))
    if not checked.startswith(b"HTTP/1.1 200"):
        raise BenchError(f"the routes do not work: {checked[:200]!r}")
    time.sleep(5)
    memory = Meter(process.pid).memory()
    stop(process)
    return {"seconds": ready, "rss": memory["rss"], "anonymous": memory["anonymous"]}


def run(bench, subject, peers):
    if subject != "sluice":
        return [Line("10,000-route native file", "only for sluice")], {}
    origin = start_origin(bench)
    raw = sorted((measure(bench, origin) for _ in range(3)), key=lambda one: one["seconds"])
    origin.stop()
    middle, rss = raw[1], max(one["rss"] for one in raw)
    ready = Line(f"{COUNT:,}-route native file, time to the first answer", f"{middle['seconds']:.2f} s")
    memory = Line(f"{COUNT:,}-route native file, RSS 5 s later", f"{rss / 1e6:.0f} MB")
    return [judge(ready, middle["seconds"], bar=2, goal=1, text="{:.0f} s"),
            judge(memory, rss / 1e6, bar=80, text="{:.0f} MB")], raw
