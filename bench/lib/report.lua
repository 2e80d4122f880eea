-- Makes wrk end with one line of JSON; it does not touch the path of a request.
function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format(
        '\n@JSON {"requests": %d, "microseconds": %d, "bytes": %d, "errors": %d, "p50": %d, "p99": %d}\n',
        summary.requests, summary.duration, summary.bytes, e.connect + e.read + e.write + e.status + e.timeout,
        latency:percentile(50), latency:percentile(99)))
end
