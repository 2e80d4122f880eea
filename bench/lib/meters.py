"""What a process and its children have used: processor time and memory, from /proc."""

import contextlib
import os


def family(pid):
    """The process and all its descendants."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                # The command may hold blanks and parentheses; the parent is the second field behind the last ')'.
                parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


class Meter:
    """Reads a running server. Build it when the server has started its workers and threads."""

    def __init__(self, pid):
        self.pids = family(pid)

    def _threads(self):
        times = {}
        for pid in self.pids:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with contextlib.suppress(OSError):
                    with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                        times[thread] = int(file.read().split()[0])
        return times

    def start(self):
        self._before = self._threads()

    def stop(self):
        """Nanoseconds on a processor, user and kernel, of all threads since `start`."""
        return sum(now - self._before.get(thread, 0) for thread, now in self._threads().items())

    def memory(self):
        """Bytes of all processes: resident, proportional share, anonymous."""
        total = {"rss": 0, "pss": 0, "anonymous": 0}
        names = {"Rss:": "rss", "Pss:": "pss", "Anonymous:": "anonymous"}
        for pid in self.pids:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                for line in file:
                    key, *rest = line.split()
                    if key in names:
                        total[names[key]] += int(rest[0]) * 1024
        return total

    def reset_peak(self):
        for pid in self.pids:
            with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
                file.write("5")

    def peak(self):
        """Largest resident size since `reset_peak`, in bytes, summed over the processes."""
        total = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
                total += next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024
        return total
