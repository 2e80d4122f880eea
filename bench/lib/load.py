"""The load generators: wrk for closed loops, h2load and steady.c for open ones, pump.c for large bodies."""

import json
import os
import pathlib
import re

from .processes import BenchError, need, run

REPORT = pathlib.Path(__file__).with_name("report.lua")

# An h2load round starts its connections spread over one period, and what happens meanwhile (accepts, first requests)
# does not count.
LEAD = 0.3


def wrk_command(port, connections=64, seconds=1, script=None):
    return [need("wrk", "wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
            "-s", str(script or REPORT), f"http://127.0.0.1:{port}/"]


def summary(output):
    """The line of JSON in the output; any error makes the round worthless."""
    found = re.search(r"^@JSON (.*)$", output, re.M)
    result = json.loads(found[1]) if found else {"errors": 1}
    if result["errors"] or not result["requests"]:
        raise BenchError(f"the load generator saw errors:\n{output}")
    return result


def wrk(port, core, connections=64, seconds=1, script=None):
    """A closed loop for `seconds`. Returns requests, microseconds, bytes, p50, p99 (microseconds)."""
    return summary(run(wrk_command(port, connections, seconds, script), core, seconds + 15))


def pump(binary, port, core, direction, size, connections, seconds):
    """Bodies of `size` bytes, `down` or `up`, as many as possible. Returns requests and microseconds."""
    command = [binary, str(port), str(connections), str(seconds), direction, str(size)]
    return summary(run(command, core, seconds + 15))


def h2load_command(port, rate, connections, seconds, log):
    # h2load counts the rate per connection, and connections started at once would fire in bursts for ever: they start
    # evenly over one period instead.
    period = connections / rate
    per_millisecond = max(1, round(connections / (period * 1000)))
    return [need("h2load", "nghttp2-client"), "--h1", "-c", str(connections), "-n", str(round(rate * (seconds + LEAD))),
            "-r", str(per_millisecond), "--rate-period=1ms", f"--rps={rate / connections:.3f}",
            f"--log-file={log}", f"http://127.0.0.1:{port}/"]


def open_loop(port, core, rate, connections, seconds, log):
    """`rate` requests a second whether answers come or not. Returns the latencies in microseconds, sorted.

    A connection that waits for an answer cannot send, so h2load is open only as long as answers are faster than
    `connections / rate`; the round fails when the achieved rate shows that they were not.
    """
    if os.path.exists(log):
        os.unlink(log)
    run(h2load_command(port, rate, connections, seconds, log), core, seconds + 20)
    with open(log, encoding="ascii") as file:
        rows = sorted(tuple(map(int, line.split()[:3])) for line in file)
    if any(status != 200 for _, status, _ in rows):
        raise BenchError("h2load got answers other than 200")
    begin = rows[0][0] + LEAD * 1e6
    counted = [row for row in rows if row[0] >= begin]
    achieved = len(counted) / ((counted[-1][0] - begin) / 1e6)
    if abs(achieved / rate - 1) > 0.05:
        raise BenchError(f"h2load reached {achieved:.0f} requests/s instead of {rate:.0f}")
    return sorted(latency for _, _, latency in counted)


def steady_command(binary, port, rate, connections, seconds):
    return [binary, str(port), str(connections), str(seconds + LEAD), str(LEAD), f"{rate:.1f}"]


def steady(binary, port, core, rate, connections, seconds):
    """`rate` requests a second, timed from when they were due; see steady.c for what comes back."""
    output = run(steady_command(binary, port, rate, connections, seconds), core, seconds + 20)
    found = re.search(r"^@JSON (.*)$", output, re.M)
    if not found:
        raise BenchError(f"steady says nothing:\n{output}")
    return json.loads(found[1])


def streams_command(port, secure, connections, streams, seconds, path="/", body=None, headers=()):
    scheme = "https" if secure else "http"
    extra = [f"--data={body}"] if body else []
    return [need("h2load", "nghttp2-client"), "-c", str(connections), "-m", str(streams), "-D", str(seconds),
            *(f"--header={header}" for header in headers), *extra, f"{scheme}://127.0.0.1:{port}{path}"]


def streams(command, core, seconds, answer_bytes=None):
    """HTTP/2 in a closed loop: so many connections, each with so many streams at once.

    Returns requests and microseconds. A failed request, another status than 200 or an answer of another length is an error.
    """
    output = run(command, core, seconds + 20)
    done, failed, errored, timeout = map(int, re.search(
        r"requests: \d+ total, \d+ started, (\d+) done, \d+ succeeded, (\d+) failed, (\d+) errored, (\d+) timeout",
        output).groups())
    good = int(re.search(r"status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx", output)[1])
    data = int(re.search(r"traffic: .*\((\d+)\) data", output)[1])
    time, unit = re.search(r"finished in ([\d.]+)(us|ms|s)", output).groups()
    # What is under way when the time is over may have begun to answer.
    is_short = answer_bytes is not None and data < done * answer_bytes
    if failed or errored or timeout or good < done or not done or is_short:
        raise BenchError(f"h2load saw errors:\n{output}")
    return {"requests": done, "microseconds": float(time) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]}
