#!/usr/bin/env python3
"""Set up and run everything from a fresh clone, with nothing but Python 3.11 or newer.

    python3 dev.py demo     watch facegate decide about real faces
    python3 dev.py test     lint, type-check, test and build the documentation

Each does its own set-up in .venv; a second run starts at once.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import threading
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
RUN = ["-e", ".[cli]", "-e", "plugins/facegate-local"]
DEVELOP = [
    *("-e", ".[all]", "-e", "plugins/facegate-local", "-e", "plugins/facegate-opencv"),
    *("-e", "plugins/facegate-verifik", "-e", "docs/example-plugin"),
    *("-r", "requirements-dev.txt"),
]
VENDORS_CLIENT = ["--no-deps", "opencv-face-recognition==1.1.1"]
"""Asks the API that answers as its vendor does. Its opencv-python would overwrite the cv2 of
facegate-local with one that needs a desktop's libraries; what else it needs is in DEVELOP."""


def demo() -> int:
    """Run the demonstration."""
    set_up("demo", "300 MB", RUN)
    return run(PYTHON, "-m", "facegate", "demo", *sys.argv[2:])


def test() -> int:
    """Run every check; further arguments go to pytest, which then runs alone."""
    set_up("test", "1.1 GB", DEVELOP, VENDORS_CLIENT)
    if sys.argv[2:]:
        return run(PYTHON, "-m", "pytest", *sys.argv[2:])
    return (
        run(BIN / "ruff", "check", ".")
        or run(BIN / "ruff", "format", "--check", ".")
        or run(BIN / "mypy")
        or run(PYTHON, "-m", "sphinx", "-qW", "-b", "html", "docs", "docs/_build/html")
        or run(PYTHON, "-m", "pytest", "-n", "2", "--dist", "loadfile")
    )


def run(*command: str | Path) -> int:
    """Run a command in the project's root and say what it was."""
    print("$", " ".join(Path(part).name if os.sep in str(part) else str(part) for part in command))
    sys.stdout.flush()
    return subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode


def set_up(name: str, size: str, *steps: list[str]) -> None:
    """Make the virtual environment and install into it, unless nothing changed since last time."""
    stamp = VENV / f"{name}.stamp"
    wanted = fingerprint(steps)
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    if not PYTHON.exists():
        shutil.rmtree(VENV, ignore_errors=True)
        try:
            venv.create(VENV, with_pip=True)
        except subprocess.CalledProcessError:
            shutil.rmtree(VENV, ignore_errors=True)
            sys.exit(
                "This Python cannot make virtual environments (on Debian and Ubuntu: "
                "apt install python3-venv)."
            )
    install = [PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    with Ticker(f"Installing into {VENV.name} (once, about {size})"):
        for step in steps:
            done = subprocess.run(
                [*install, *step], cwd=ROOT, capture_output=True, text=True, check=False
            )
            if done.returncode:
                break
    if done.returncode:
        sys.exit(
            f"{done.stderr}\nInstalling failed; what pip said is above. Run it again once the "
            "cause is gone: nothing needs to be cleaned up."
        )
    stamp.write_text(wanted)


def fingerprint(requirements: tuple[list[str], ...]) -> str:
    """What an installed environment depends on."""
    files = [ROOT / "requirements-dev.txt"]
    for folder in (ROOT, *ROOT.glob("plugins/*"), ROOT / "docs" / "example-plugin"):
        files += folder.glob("pyproject.toml")
    digest = hashlib.sha256(repr((requirements, sys.version, str(ROOT))).encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()


class Ticker:
    """Shows that something slow is still going on."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.tick, daemon=True)

    def tick(self) -> None:
        for second in itertools.count():
            print(f"\r{self.text} ... {second} s", end="", flush=True)
            if self.over.wait(1):
                return

    def __enter__(self) -> Ticker:
        if sys.stdout.isatty():
            self.thread.start()
        else:
            print(self.text, "...", flush=True)
        return self

    def __exit__(self, *exception: object) -> None:
        self.over.set()
        if self.thread.ident:
            self.thread.join()
            print()


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036  whoever has an older one should be told
        sys.exit(f"facegate needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    commands = {"demo": demo, "test": test}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    try:
        sys.exit(commands[sys.argv[1]]())
    except KeyboardInterrupt:
        sys.exit(130)
