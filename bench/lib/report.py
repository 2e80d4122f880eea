"""The table of results, and the raw figures as JSON."""

import dataclasses
import datetime
import json
import os
import pathlib
import platform


@dataclasses.dataclass
class Line:
    """One line of the table."""

    what: str
    ours: str
    peer: str = ""
    theirs: str = ""
    ratio: str = ""
    bar: str = ""
    goal: str = ""
    met: str = ""


def ratio_text(compared):
    low, high = compared["quartiles"]
    return f"{compared['ratio']:.3f} ({low:.3f} to {high:.3f})"


def judge(line, value, bar=None, goal=None, text="{:.2f}x", at_least=False):
    """Fills the columns `bar`, `goal` and `met`."""

    def passes(limit):
        return value >= limit if at_least else value <= limit

    sign = ">=" if at_least else "<="
    for name, limit in (("bar", bar), ("goal", goal)):
        if limit is not None:
            setattr(line, name, f"{sign} {text.format(limit)}")
    if goal is not None and passes(goal):
        line.met = "goal"
    elif bar is not None:
        line.met = "bar" if passes(bar) else "no"
    elif goal is not None:
        line.met = "no"
    return line


def markdown(lines, subject, quick):
    head = ["what", subject, "compared with", "its value", "ratio (quartiles)", "bar", "goal", "met"]
    rows = [[getattr(line, field.name) for field in dataclasses.fields(line)] for line in lines]
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def text(cells):
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths)) + " |"

    table = [text(head), text(["-" * width for width in widths]), *map(text, rows)]
    if quick:
        table += ["", "Measured with `--quick`: few rounds, good for a look only."]
    return "\n".join(table)


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return f"{model}, {os.cpu_count()} processors, Linux {platform.release()}"


def appendix(versions, commands):
    lines = ["", f"Machine: {machine()}.", "", f"Versions: {'; '.join(versions.values())}.", "", "Commands:", "", "```"]
    lines += [f"{name}: {command}" for name, command in commands.items()]
    return "\n".join([*lines, "```"])


def save(folder, name, content):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    path = folder / f"{stamp}-{name}.json"
    path.write_text(json.dumps(content, indent=1))
    return path
