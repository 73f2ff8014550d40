#!/usr/bin/env python3
"""Set up and run everything from a fresh clone, with nothing but Python 3.11 or newer.

    python3 dev.py demo              watch facegate decide about real faces
    python3 dev.py test              lint, types, documentation, tests: what CI runs
    python3 dev.py test --quick      lint, types, and the tests not marked slow: a minute or so.
                                     Slow are whole stories, crashes and forks, loads, other
                                     interpreters, and the embedded engine on real faces
    python3 dev.py test --coverage   the tests, and the branches that they do not take
    python3 dev.py test ...          pytest alone, with these arguments
    python3 dev.py docs              the documentation, and where it is then

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
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
SITE = ROOT / "docs" / "_build" / "html"
PYTEST = [PYTHON, "-m", "pytest"]
PARALLEL = ["-n", "2", "--dist", "loadfile"]
RUN = ["-e", ".[cli]", "-e", "plugins/facegate-local"]
DEVELOP = ["-e", ".[all]", "-r", "requirements-dev.txt"]
for plugin in sorted([*ROOT.glob("plugins/*/pyproject.toml"), *ROOT.glob("docs/*/pyproject.toml")]):
    DEVELOP += ["-e", plugin.parent.relative_to(ROOT).as_posix()]
PLUGINS_TESTS = [*sorted(ROOT.glob("plugins/*/tests")), *sorted(ROOT.glob("docs/*/tests"))]
"""A checker reads them one folder at a time, as modules of one have the names of another's."""
CLIENTS = VENV / "clients"
OTHERS: list[Sequence[str | Path]] = [
    # Its opencv-python would overwrite the cv2 of facegate-local with one that needs a desktop's
    # libraries; what else it needs is in DEVELOP.
    ["pip", "--no-deps", "opencv-face-recognition==1.1.1"],
    # It needs a urllib3 of long ago.
    ["pip", "--target", CLIENTS / "compreface", "--upgrade", "compreface-sdk==0.6.0", "urllib3<2"],
    # Oracles of the statistics. They ask for a NumPy of last year, or for much that is not used.
    ["pip", "--no-deps", "cimat==0.1.2", "tqdm", "lir==1.3.1; python_version < '3.12'"],
    ["npm", "--prefix", CLIENTS, "@aws-sdk/client-rekognition@3.1142.0"],
    ["npm", "--prefix", CLIENTS, "@exadel/compreface-js-sdk@1.0.0"],
]
"""Other people's clients, that ask the APIs which answer as their vendors do, and oracles, that get
along with nothing else. Those who do are in ``requirements-dev.txt``. Without Node, clients in
JavaScript are left out, and so are their tests."""


def demo() -> int:
    """Run the demonstration."""
    set_up("demo", "300 MB", ["pip", *RUN])
    return run(PYTHON, "-m", "facegate", "demo", *sys.argv[2:])


def test() -> int:
    """Run the checks that the arguments ask for."""
    set_up("test", "1.5 GB", ["pip", *DEVELOP], *OTHERS)
    match sys.argv[2:]:
        case []:
            return lint() or build() or run(*PYTEST, *PARALLEL, "--durations=25")
        case ["--quick"]:
            return lint() or run(*PYTEST, *PARALLEL, "-m", "not slow")
        case ["--coverage"]:
            return coverage()
        case arguments:
            return run(*PYTEST, *arguments)


def lint() -> int:
    """Check style and types."""
    return (
        run(BIN / "ruff", "check", ".")
        or run(BIN / "ruff", "format", "--check", ".")
        or run(BIN / "mypy")
        or any(run(BIN / "mypy", tests.relative_to(ROOT)) for tests in PLUGINS_TESTS)
        or run(BIN / "basedpyright", "--pythonpath", PYTHON)
    )


def coverage() -> int:
    """Run the tests, in every process that they start, and say which branches nobody took."""
    tool = [PYTHON, "-m", "coverage"]
    return (
        run(*tool, "erase")
        or run(*tool, "run", *PYTEST[1:], *PARALLEL)
        or run(*tool, "combine", "-q")
        or run(*tool, "report")
    )


def docs() -> int:
    """Build the documentation, and say where it is."""
    set_up("test", "1.5 GB", ["pip", *DEVELOP], *OTHERS)
    failed = build()
    if not failed:
        print(SITE.relative_to(ROOT) / "index.html", (SITE / "index.html").as_uri(), sep=": ")
    return failed


def build() -> int:
    """Build the documentation; a warning is a failure."""
    return run(PYTHON, "-m", "sphinx", "-qW", "-b", "html", "docs", SITE.relative_to(ROOT))


def run(*command: str | Path) -> int:
    """Run a command in the project's root and say what it was."""
    shown = [Path(part).name if Path(part).is_absolute() else str(part) for part in command]
    print("$", *shown)
    sys.stdout.flush()
    return subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode


def set_up(name: str, size: str, *steps: Sequence[str | Path]) -> None:
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
    tools = {
        "pip": [PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check"],
        "npm": ["npm", "install", "--silent", "--no-audit", "--no-fund"],
    }
    steps = tuple(step for step in steps if step[0] == "pip" or shutil.which("npm"))
    with Ticker(f"Installing into {VENV.name} (once, about {size})"):
        for tool, *arguments in steps:
            done = subprocess.run(
                [*tools[str(tool)], *arguments],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                break
    if done.returncode:
        sys.exit(
            f"{done.stderr}\nInstalling failed; what was said is above. Run it again once the "
            "cause is gone: nothing needs to be cleaned up."
        )
    stamp.write_text(wanted)


def fingerprint(requirements: tuple[Sequence[str | Path], ...]) -> str:
    """What an installed environment depends on."""
    files = [ROOT / "requirements-dev.txt"]
    for folder in (ROOT, *ROOT.glob("plugins/*"), *ROOT.glob("docs/example-plugin*")):
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
    commands = {"demo": demo, "test": test, "docs": docs}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    try:
        sys.exit(commands[sys.argv[1]]())
    except KeyboardInterrupt:
        sys.exit(130)
