"""A private environment per rival, and the process in it that answers."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any, Final

RUNNERS: Final = Path(__file__).resolve().parent / "rivals"
PATIENCE: Final = 300.0
"""Seconds after which a rival that does not answer is ended."""


@dataclass(frozen=True)
class Rival:
    """One engine: how it is installed, and what a reader of its figures should know."""

    name: str
    install: tuple[tuple[str, ...], ...]
    note: str
    prepare: str | None = None
    worker: str = "worker.py"

    def recipe(self) -> str:
        """What its environment is made from; a change makes it anew."""
        projects = [
            Path(each) / "pyproject.toml" for each in self.install[0] if Path(each).is_dir()
        ]
        parts = [sys.version, repr(self.install), *(each.read_text("utf-8") for each in projects)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class Failed(Exception):
    """A rival cannot be installed, or its process ended."""


class Environments:
    """A private virtual environment per rival, in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.logs = directory / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)

    def python(self, rival: Rival) -> Path:
        """The interpreter that a rival runs in."""
        scripts = "Scripts" if os.name == "nt" else "bin"
        return self.directory / rival.name / "venv" / scripts / "python"

    def prepare(self, rival: Rival) -> None:
        """Install the rival, unless that was done before."""
        home = self.directory / rival.name
        marker = home / "recipe"
        if marker.exists() and marker.read_text("utf-8") == rival.recipe():
            return
        shutil.rmtree(home, ignore_errors=True)
        venv.create(home / "venv", with_pip=True)
        for arguments in rival.install:
            self.run(rival, "-m", "pip", "install", "--quiet", *arguments)
        if rival.prepare:
            self.run(rival, str(RUNNERS / rival.prepare), str(home))
        marker.write_text(rival.recipe(), "utf-8")

    def run(self, rival: Rival, *arguments: str) -> None:
        """Run the rival's Python to its end.

        Raises:
            Failed: with the last line it said.
        """
        command = [str(self.python(rival)), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        (self.logs / f"{rival.name}.setup.log").write_text(done.stdout + done.stderr, "utf-8")
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise Failed(said[-1] if said else f"ended with status {done.returncode}")


class Worker:
    """A rival's process. Requests and answers are lines of JSON."""

    def __init__(self, rival: Rival, environments: Environments) -> None:
        home = environments.directory / rival.name
        self._log = environments.logs / f"{rival.name}.log"
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [str(environments.python(rival)), str(RUNNERS / rival.worker), rival.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "BENCHMARK_HOME": str(home), "DEEPFACE_HOME": str(home)},
            )

    def ask(self, **request: Any) -> Any:
        """One request.

        Raises:
            Failed: the process ended instead of answering.
        """
        assert self._process.stdin is not None  # noqa: S101
        assert self._process.stdout is not None  # noqa: S101
        watchdog = Timer(PATIENCE, self._process.kill)
        watchdog.start()
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())
        except (OSError, ValueError):
            status = self._process.wait()
            said = self._log.read_text("utf-8", errors="replace").strip().splitlines()
            raise Failed(f"ended with status {status}: {said[-1] if said else ''}") from None
        finally:
            watchdog.cancel()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
