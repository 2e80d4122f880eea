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
