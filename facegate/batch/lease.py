"""The lease on a job: one run at a time works on it, on whichever machine.

Runs are numbered files, ``runs/000001.json`` and so on. To begin one is to create the file of the
next number, which of two that try succeeds for one, on shared storage too. Whoever works for a run
looks, after each write and before it asks, for the next number: there is none as long as the lease
is its own. So a run that was taken for dead, and only slept, asks nobody any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facegate.errors import ConfigurationError

LEASE_S = 30.0
"""Seconds that a run of another machine is waited for before it is taken for dead."""
BEAT_S = 5.0
"""Seconds between two signs of life."""


@dataclass
class Lease:
    """The right to work on a job.

    Attributes:
        folder: the folder of the runs.
        number: the run's number, from 1 on.
    """

    folder: Path
    number: int
    _beaten: float = 0.0

    @classmethod
    def take(
        cls, folder: Path, lease_s: float = LEASE_S, sleep: Callable[[float], object] = time.sleep
    ) -> Lease:
        """Begin the next run.

        A run of a process on this machine that is gone is over. One on another machine is over
        once it has shown no sign of life for ``lease_s`` seconds, by the clock here.

        Raises:
            ConfigurationError: another run is at work.
        """
        folder.mkdir(parents=True, exist_ok=True)
        last = max((int(each.stem) for each in folder.glob("[0-9]*.json")), default=0)
        if last and not _over(folder / f"{last:06}.json", lease_s, sleep):
            raise _busy(folder, last)
        lease = cls(folder, last + 1)
        try:
            with lease.path.open("x", encoding="utf-8") as file:
                json.dump(_myself(), file)
        except FileExistsError:
            raise _busy(folder, last + 1) from None
        return lease

    @property
    def path(self) -> Path:
        """The run's file."""
        return self.folder / f"{self.number:06}.json"

    @property
    def stop_file(self) -> Path:
        """The file that tells the run's workers to ask no more."""
        return self.folder / f"{self.number:06}.stop"

    @property
    def successor(self) -> Path:
        """The file that is there once the lease is lost."""
        return self.folder / f"{self.number + 1:06}.json"

    def beat(self) -> None:
        """Show a sign of life, where the last one is some time ago."""
        if time.monotonic() - self._beaten > BEAT_S:
            self._beaten = time.monotonic()
            os.utime(self.path)

    def stop(self) -> None:
        """Tell the run's workers to ask no more."""
        self.stop_file.touch()

    def release(self) -> None:
        """End the run. Its workers stay stopped: an engine may have lost sight of some."""
        written = self.path.with_suffix(".ended")
        written.write_text(json.dumps({**_myself(), "ended": True}), encoding="utf-8")
        written.replace(self.path)


def at_work(folder: Path) -> bool:
    """Whether a run seems to be at work, as far as that can be told without waiting."""
    last = max(folder.glob("[0-9]*.json"), default=None)
    return last is not None and not _over(last, 0, lambda _: None)


def _over(path: Path, lease_s: float, sleep: Callable[[float], object]) -> bool:
    holder, me = _read(path), _myself()
    if holder.get("ended"):
        return True
    if holder.get("machine") == me["machine"] and os.name == "posix":
        return bool(_started(holder["pid"]) != holder["started"])
    ends, seen = time.monotonic() + lease_s, path.stat().st_mtime_ns
    while time.monotonic() < ends:
        sleep(min(1.0, lease_s / 10))
        if path.stat().st_mtime_ns != seen:
            return False
    return bool(lease_s)


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # it was killed, or lost its disk, while it began
        return {}
    return data if isinstance(data, dict) else {}


def _busy(folder: Path, number: int) -> ConfigurationError:
    holder = _read(folder / f"{number:06}.json")
    return ConfigurationError(
        f"{folder.parent}: another run is at work on this job: process {holder.get('pid')} on"
        f" {holder.get('host')}; let it end, or stop it"
    )


def _myself() -> dict[str, Any]:
    pid, host = os.getpid(), socket.gethostname()
    # Containers may share a name and number their processes alike.
    namespace = ""
    with contextlib.suppress(OSError):
        namespace = str(Path("/proc/self/ns/pid").readlink())
    machine = f"{host} {namespace}"
    return {"host": host, "machine": machine, "pid": pid, "started": _started(pid)}


def _started(pid: int) -> str | None:
    """The moment when a process began, in the system's words; None if it has ended.

    Where the system does not tell, a process that is there has the moment "".
    """
    try:
        # The name in parentheses may hold anything. After it: the state, and 19 fields on the
        # moment.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None if Path("/proc/self/stat").exists() or not _is_there(pid) else ""
    return None if fields[0] == "Z" else fields[19]


def _is_there(pid: int) -> bool:
    if os.name != "posix":  # there, the same call ends a process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
