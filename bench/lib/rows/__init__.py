"""One module per row of the table; each has `run(bench, subject, peers)`, which returns (lines, raw)."""
