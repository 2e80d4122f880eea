"""Child processes: started in their own group, bound to processors, always ended again."""

import atexit
import contextlib
import ctypes
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_running = []


class BenchError(Exception):
    """A measurement that cannot be made or cannot be trusted; the message is for the person at the terminal."""


def processors():
    """The processor of the proxy and the one of load generator and upstream."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise BenchError("two processors are needed: one for the proxy, one for the load")
    return allowed[0], allowed[1]


def prepare():
    """Call once: end the children on every way out, and allow enough open files for the idle row."""
    atexit.register(stop_all)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, _: sys.exit(128 + n))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in ((65536, max(hard, 65536)), (hard, hard)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, wanted)
            return


def limit_time(seconds):
    """Ends the whole run after `seconds`, whatever hangs."""

    def over(*_):
        raise BenchError(f"not done after {seconds} s")

    signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)


def scratch():
    """A directory that is gone when the run ends; readable by the workers of a peer that drops its rights."""
    path = tempfile.mkdtemp(prefix="sluice-bench-")
    os.chmod(path, 0o755)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def stand_back():
    """The calling thread gets what the load generator and the upstream, which share its processor, leave."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


def need(program, package):
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if not path:
        raise BenchError(f"{program} is missing (package {package}); bench/setup installs it")
    return path


def pinned(command, cores):
    """The command behind `taskset`, which replaces itself, so the process id stays."""
    return ["taskset", "-c", ",".join(map(str, cores)), *command]


def start(command, cores, log):
    """Starts a server; its output goes to the file `log`."""
    with open(log, "ab") as out:
        process = subprocess.Popen(
            pinned(command, cores),
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True,
            # The kernel ends the child when this process dies without running its exit handlers.
            preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM),
        )
    _running.append(process)
    return process


def stop(process, patience=5):
    if process not in _running:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            break
    # Children of the process that outlived it are in its group.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    _running.remove(process)


def stop_all():
    for process in list(_running):
        stop(process, patience=1)


def run(command, cores, seconds):
    """Runs a load generator to its end and returns what it printed."""
    process = subprocess.Popen(
        pinned(command, cores),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
        preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
    )
    _running.append(process)
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise BenchError(f"{command[0]} did not end within {seconds} s") from None
    finally:
        stop(process, patience=1)
    if process.returncode:
        raise BenchError(f"{' '.join(command)} failed with {process.returncode}:\n{output}")
    return output


def free_port():
    """A free port below the range that outgoing connections take theirs from."""
    for _ in range(1000):
        port = random.randrange(10000, 30000)
        with socket.socket() as probe:
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise BenchError("no free port between 10000 and 30000")


def fetch(port, request, patience=2.0):
    """Sends one request on a new connection and returns the first bytes of the answer (b"" if there is none)."""
    with contextlib.suppress(OSError):
        with socket.create_connection(("127.0.0.1", port), patience) as connection:
            connection.sendall(request)
            return connection.recv(4096)
    return b""


def get(path="/", host="127.0.0.1"):
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()


def wait_ready(process, port, log, seconds=20, request=None, interval=0.02, status=200, probe=None):
    """Waits until the server answers with `status`, or `probe` says so. Returns the clock at that moment."""

    def answers():
        return fetch(port, request or get()).startswith(f"HTTP/1.1 {status}".encode())

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if (probe or answers)():
            return time.monotonic()
        time.sleep(interval)
    with open(log, encoding="utf-8", errors="replace") as file:
        tail = "".join(file.readlines()[-20:])
    state = f"ended with {process.returncode}" if process.poll() is not None else f"did not answer within {seconds} s"
    raise BenchError(f"{process.args[3]} {state}; its output ends with:\n{tail}")
