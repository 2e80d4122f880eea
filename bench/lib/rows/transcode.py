"""CPU of a call that comes as REST against the same call as plain gRPC, over HTTP/2 on both sides."""

import pathlib
import re

from ..processes import BenchError, free_port, need, run as run_load
from ..proxies import BENCH, Server, envoy
from ..report import Line, judge, ratio_text
from ..rounds import alternate, compare

# Ours against our own plain call, and against Envoy's transcoder.
BARS = {"plain": {"bar": 2.0}, "envoy": {"bar": 1.0}}
BOOK = b"\x0a\x11shelves/1/books/2\x12\x05Faust\x18\xc0\x02"


def frame(message):
    return b"\0" + len(message).to_bytes(4, "big") + message


CALLS = {
    "GET": {
        "method": "GetBook", "target": "/v1/shelves/1/books/2", "json": None, "message": b"\x0a\x11shelves/1/books/2",
    },
    "POST": {
        "method": "CreateBook", "target": "/v1/shelves/1/books", "json": b'{"title":"Faust","pages":"320"}',
        "message": b"\x0a\x09shelves/1\x12\x0a\x12\x05Faust\x18\xc0\x02",
    },
}


def start_origin(bench):
    folder = pathlib.Path(bench.directory) / "grpc" / "library.v1.Library"
    folder.mkdir(parents=True, exist_ok=True)
    for call in CALLS.values():
        (folder / call["method"]).write_bytes(frame(BOOK))
    port, calls = free_port(), free_port()
    path = bench.render("grpc-origin.conf", f"grpc-origin-{port}.conf", PORT=port, CALLS=calls)
    server = Server(bench, "grpc-origin", [need("nginx", "nginx"), "-c", path], port, [bench.load_core])
    return server, calls


def start_peer(bench, name, origin):
    port = free_port()
    descriptor = BENCH.parent / "examples" / "library.pb"
    path = bench.render(f"{name}-transcode.yaml", f"{name}-transcode-{port}.yaml", PORT=port, ORIGIN=origin,
                        DESCRIPTOR=descriptor)
    if name == "sluice":
        command = [bench.options.sluice, "run", "-c", path, "--workers", "1"]
    else:
        command = [envoy(), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c", path]
    return Server(bench, name, command, port, [bench.proxy_core], status=404)


def command(bench, port, kind, call):
    arguments = [need("h2load", "nghttp2-client"), "-t1", "-c16", "-m4", f"-D{bench.options.seconds}"]
    if kind == "grpc":
        body = f"{bench.directory}/{call['method']}.request"
        pathlib.Path(body).write_bytes(frame(call["message"]))
        target = f"/library.v1.Library/{call['method']}"
        arguments += ["-d", body, "-H", "content-type: application/grpc", "-H", "te: trailers"]
    else:
        target = call["target"]
        if call["json"]:
            body = f"{bench.directory}/{call['method']}.json"
            pathlib.Path(body).write_bytes(call["json"])
            arguments += ["-d", body, "-H", "content-type: application/json"]
    return [*arguments, f"http://127.0.0.1:{port}{target}"]


def measure(bench, server, kind, call):
    """CPU microseconds per call."""
    server.meter.start()
    output = run_load(command(bench, server.port, kind, call), [bench.load_core], bench.options.seconds + 20)
    used = server.meter.stop()
    done = re.search(r"requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored", output)
    statuses = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", output)
    if not done or not statuses or any(int(one) for one in statuses.groups()[1:]) or int(statuses[1]) == 0:
        raise BenchError(f"the load generator saw errors:\n{output}")
    return used / 1000 / int(statuses[1])


def run(bench, subject, peers):
    if subject not in ("sluice", "envoy"):
        raise BenchError("transcode: nginx and HAProxy cannot do this")
    origin, calls = start_origin(bench)
    names = [subject, *(peer for peer in peers if peer in ("sluice", "envoy"))]
    servers = {name: start_peer(bench, name, calls) for name in names}
    lines, raw = [], {}
    for method, call in CALLS.items():
        bench.note(f"load (transcode, {method})", ["taskset", "-c", str(bench.load_core),
                                                   *command(bench, servers[subject].port, "rest", call)])
        sides = [(servers[subject], "rest"), (servers[subject], "grpc")]
        sides += [(servers[name], "rest") for name in names[1:]]
        for server, kind in sides:
            measure(bench, server, kind, call)
        rounds = alternate(sides, bench.rounds(20), lambda side: measure(bench, *side, call))
        raw[method] = {"rest": rounds[0], "grpc": rounds[1], **dict(zip(names[1:], rounds[2:]))}
        for what, theirs in [("plain", rounds[1]), *zip(names[1:], rounds[2:])]:
            cpu = compare(rounds[0], theirs)
            line = Line(f"REST to gRPC, {method}, CPU per call", f"{cpu['ours']:.1f} us",
                        "itself, plain gRPC" if what == "plain" else what, f"{cpu['theirs']:.1f} us", ratio_text(cpu))
            if what in BARS and subject == "sluice":
                judge(line, cpu["ratio"], **BARS[what])
            lines.append(line)
    for server in (*servers.values(), origin):
        server.stop()
    return lines, raw
