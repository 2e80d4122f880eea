"""Gets what the checks of tools/check-* need: packages of PyPI in an environment of their own, and of Debian.

Each check has one environment, .build/check-NAME-venv. Nothing here fails a check: it says whether all is there.
"""

import importlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def quietly(check, command, seconds):
    """Whether a command did it in time; what it says is shown only when it did not."""
    print(f"{check}: {' '.join(command[:4])} ...", file=sys.stderr)
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired) as problem:
        print(f"{check}: {problem}", file=sys.stderr)
        return False
    if done.returncode:
        print(done.stdout[-2000:] + done.stderr[-2000:], file=sys.stderr)
    return done.returncode == 0


def install_debian(check, packages, before=""):
    """Installs packages with apt-get, if this is a system that has it and lets us."""
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not packages or not shutil.which("apt-get") or root and not shutil.which("sudo"):
        return
    install = "DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends " + " ".join(packages)
    quietly(check, [*root, "sh", "-c", f"{before}apt-get update -q && {install}"], 300)


def has(modules):
    try:
        for module in modules:
            importlib.import_module(module)
    except ImportError:
        return False
    return True


def enter(check, packages, modules):
    """Goes on in the environment that has the packages, which is made first where there is none.

    Returns whether the modules are there; when they had to be got, the script begins again and comes here once more.
    """
    venv = os.path.join(ROOT, ".build", f"{check}-venv")
    if has(modules) or sys.prefix == venv:
        return has(modules)
    python = os.path.join(venv, "bin", "python")
    # Made last, and so a sign that all of it is there.
    done = os.path.join(venv, "complete")
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--timeout", "20", *packages]
    if not os.path.exists(done):
        if not all(quietly(check, command, 240) for command in [[sys.executable, "-m", "venv", venv], pip]):
            return False
        open(done, "w").close()
    os.execv(python, [python, *sys.argv])


def need(check, packages, modules):
    """As `enter`, for checks that are nothing without the packages: says so and ends where they cannot be had."""
    if has(modules):
        return
    if "--install" not in sys.argv:
        raise SystemExit(f"{check}: needs {', '.join(packages)}; --install gets them")
    if not enter(check, packages, modules):
        print(f"{check}: NOTHING WAS CHECKED: {', '.join(packages)} cannot be had")
        raise SystemExit(0)
