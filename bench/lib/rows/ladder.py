"""What each filter adds to the CPU per request: the plain proxy and one with that filter, in turn."""

from ..load import wrk
from ..processes import free_port
from ..proxies import Server, start_origin, start_proxy
from ..report import Line, judge
from ..rounds import alternate, trimmed_median, quantile
from ..tokens import AUDIENCE, ISSUER, Tokens

# Short name (for bench/instructions), name, goal in microseconds, what stands at the top of the file, what the route has.
STEPS = [
    ("jwt", "JWT, cached", 1.5, "", "- jwt: {issuer: ISSUER, audiences: [AUDIENCE], jwks: {inline: 'JWKS'}}"),
    ("key_auth", "key auth", 0.7, 'consumers: [{name: alice, keys: ["KEY"]}]', "- key_auth: {}"),
    ("rate_limit", "local limit by address", 0.7, "", "- rate_limit: {by: ip, rate: 1000000/s}"),
    ("cors", "CORS", 0.5, "", '- cors: {origins: ["https://app.bench"]}'),
    ("headers", "header edit", 1.0, "",
     "- headers: {request: {set: {x-a: b}, remove: [x-c]}, response: {set: {x-d: e}}}"),
    ("trace", "trace context", 0.7, "", "- trace: {}"),
    ("log", "JSON log line", 1.5, 'telemetry: {access_log: "DIR/ladder.log"}', ""),
    ("metrics", "metrics", None, 'admin: {address: "127.0.0.1:ADMIN"}', ""),
]
HEADERS = [("X-Api-Key", "KEY"), ("Origin", "https://app.bench"), ("X-C", "c"),
           ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")]
KEY = "0123456789abcdef0123456789abcdef"


def headers():
    """What all requests of the ladder carry, but for the token."""
    return [(name, value.replace("KEY", KEY)) for name, value in HEADERS]


def start_step(bench, origin, tokens, step, prefix=(), wait=20):
    """A proxy with one step of the ladder."""
    short, _, _, top, filters = step
    port = free_port()
    path = configuration(bench, port, origin.port, tokens, top, filters)
    return Server(bench, "sluice", [bench.options.sluice, "run", "-c", path, "--workers", "1"], port, [bench.proxy_core],
                  wait, prefix, status=401 if short in ("jwt", "key_auth") else 200)


def configuration(bench, port, origin, tokens, top, filters):
    text = f"""version: 1
listeners: [{{name: bench, address: "127.0.0.1:{port}"}}]
upstreams: {{origin: {{endpoints: ["127.0.0.1:{origin}"]}}}}
{top}
routes:
  - name: all
    match: {{prefix: /}}
    upstream: origin
    filters:
      {filters or "[]"}
"""
    for name, value in {"ISSUER": ISSUER, "AUDIENCE": AUDIENCE, "JWKS": tokens.jwks, "KEY": KEY,
                        "DIR": bench.directory, "ADMIN": str(free_port())}.items():
        text = text.replace(name, value)
    path = f"{bench.directory}/ladder-{port}.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def run(bench, subject, peers):
    if subject != "sluice":
        return [], {}
    tokens = Tokens(bench.directory)
    script = tokens.script(bench.directory, headers())
    origin = start_origin(bench)
    plain = start_proxy(bench, "sluice", origin.port)

    def measure(server):
        server.meter.start()
        result = wrk(server.port, [bench.load_core], seconds=bench.options.seconds, script=script)
        return server.meter.stop() / 1000 / result["requests"]

    lines, raw = [], {}
    measure(plain)
    for step in STEPS:
        _, name, goal, _, _ = step
        server = start_step(bench, origin, tokens, step)
        measure(server)
        rounds = alternate([server, plain], bench.rounds(12), measure)
        added = sorted(ours - theirs for ours, theirs in zip(*rounds))
        value = trimmed_median(added)
        spread = f"{quantile(added, 0.25):.2f} to {quantile(added, 0.75):.2f} us"
        line = Line(f"ladder: {name} adds", f"{value:.2f} us", "sluice, plain", f"{trimmed_median(rounds[1]):.1f} us",
                    spread)
        lines.append(judge(line, value, goal=goal, text="{:.1f} us") if goal else line)
        raw[name] = {"added": added, "with": rounds[0], "plain": rounds[1]}
        server.stop()
    for server in (plain, origin):
        server.stop()
    return lines, raw
