"""Jobs for tests: a vendor that counts, files of pairs, and the command, here or in a process."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import duckdb
import pytest

from facegate.cli import main as cli
from facegate.providers.registry import plugin_versions
from facegate.testing.pictures import noise
from installed import Site

VENDOR = '''
import os
import resource
import signal
from hashlib import sha256
from itertools import count
from pathlib import Path
from facegate.plugin import *

CALL = count(1)
FATE = os.environ.get("FATE", "").split()

def befall(call):
    """What happens to this process: "9 at 37", its 37th call, "after 0.3" seconds, "disk 20000"."""
    match FATE:
        case [("worker" | "run" | "interrupt") as whom, "at", which] if call == int(which):
            if not (Path.cwd() / "it happened").exists():
                (Path.cwd() / "it happened").touch()
                number = signal.SIGINT if whom == "interrupt" else signal.SIGKILL
                os.kill(os.getpid() if whom == "worker" else os.getppid(), number)
        case [number, "at", which] if call == int(which):
            os.kill(os.getpid(), int(number))
        case ["after", seconds] if call == 1:
            signal.setitimer(signal.ITIMER_REAL, float(seconds))  # it ends as by kill -9
        case ["disk", size] if call == 1:
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), resource.RLIM_INFINITY))

SPEC = ScoreSpec(Scale(name="counted"), threshold=0.5, rates=Rates(thresholds={1e-4: 0.9}, by="it"))

class Settings(ProviderSettings):
    calls: Path
    seconds: float = 0.0
    free: bool = False

class Counted(FlowProvider[Settings]):
    """Writes each call down before it answers. A file named `down` closes it."""

    settings_type = Settings
    info = ProviderInfo(
        plugin="counted",
        lineage="counted-1",
        handling=Handling("Counted Ltd", keeps=Kept.NOTHING, enrols=False, searches=False,
                          trains=False, region="eu"),
        formats=frozenset(ImageFormat),
        match=SPEC,
        liveness=SPEC,
    )

    def __init__(self, settings, name=None):
        super().__init__(settings, name)
        if settings.free:
            from dataclasses import replace
            self.info = replace(self.info, billed=Billed.NO, embedded=True)

    def _called(self, *pictures):
        names = [sha256(each.data).hexdigest()[:12] for each in pictures]
        file = os.open(self.settings.calls, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, " ".join(names).encode() + b"\\n")
        os.close(file)
        befall(next(CALL))
        yield from sleep(self.settings.seconds) if self.settings.seconds else ()
        if (self.settings.calls.parent / "down").exists():
            raise ProviderUnavailable("closed for the day")
        return int(names[0][:6], 16) / 0xFFFFFF

    def compare(self, request):
        score = yield from self._called(request.probe, *request.gallery)
        if (self.settings.calls.parent / "no face").exists():
            raise CaptureRejected("no face", reason=CaptureReason.FACE_NOT_FOUND, image="probe")
        return Answer(SPEC.match(score, request.threshold))

    def liveness(self, request):
        score = yield from self._called(request.probe)
        return Answer(liveness=SPEC.liveness(score, request.liveness_threshold))

@hookimpl
def facegate_providers():
    return [Counted]
'''

NURSERY = """
import json, os, signal, sys
import duckdb, facegate.batch.run, facegate.plugin
from facegate.cli.main import main

for line in sys.stdin:
    os.environ["FATE"], *arguments = json.loads(line)
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(f"../{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        try:
            main(arguments)
        except SystemExit as ended:
            sys.stdout.flush()
            os._exit(ended.code or 0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""A process with all that takes long to load, which forks itself for each job."""


class Desk:
    """A folder with pictures, a configuration and a vendor, from which jobs are run."""

    def __init__(self, folder: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self._nursery: subprocess.Popen[str] | None = None
        self.calls_file = folder / "calls"
        site.install("counted", VENDOR)
        plugin_versions.cache_clear()  # an earlier test's do not have it
        self.configure()

    def configure(self, settings: str = "", more: str = "") -> None:
        """Write the configuration: settings of the vendor, and further tables."""
        text = (
            f"[providers.main]\nplugin = 'counted'\ncalls = '{self.calls_file}'\n{settings}\n{more}"
        )
        (self.folder / "facegate.toml").write_text(text)

    def pictures(self, count: int) -> list[str]:
        """Names of so many pictures, each another one."""
        for number in range(count):
            path = self.folder / f"{number:03}.png"
            if not path.exists():
                path.write_bytes(noise(number))
        return [f"{number:03}.png" for number in range(count)]

    def pairs(self, rows: int, name: str = "pairs.csv", of: int = 0) -> Path:
        """A file of so many pairs, each another one, of as few pictures as it takes."""
        count = of or next(n for n in range(2, rows + 3) if n * (n - 1) // 2 >= rows)
        pairs = islice(combinations(self.pictures(count), 2), rows)
        return self.write(name, ("probe", "gallery"), pairs)

    def write(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
        """A CSV of those rows."""
        path = self.folder / name
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(rows)
        return path

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """``facegate batch ...`` in this process: its exit code, what it printed and said."""
        with pytest.raises(SystemExit) as ended:
            cli.main(["batch", *arguments])
        out, err = self._capsys.readouterr()
        return int(ended.value.code or 0), out, err

    def fated(self, fate: str, *arguments: str) -> tuple[int, str, str]:
        """The same in a process of its own, that something befalls; see ``befall``."""
        if self._nursery is None:
            self._nursery = subprocess.Popen(
                [sys.executable, "-c", NURSERY],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(self.folder.parent)},  # the tests' Site
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._nursery.stdin
        assert self._nursery.stdout
        print(json.dumps([fate, "batch", *arguments]), file=self._nursery.stdin, flush=True)
        code = int(self._nursery.stdout.readline())
        out, err = ((self.folder.parent / name).read_text() for name in ("out", "err"))
        return code, out, err

    def close(self) -> None:
        """End the process that others are made of."""
        if self._nursery is not None:
            self._nursery.communicate()

    @property
    def calls(self) -> Counter[str]:
        """How often the vendor was asked each question."""
        text = self.calls_file.read_text() if self.calls_file.exists() else ""
        return Counter(text.splitlines())


def status(desk: Desk, job: str = "job") -> Mapping[str, Any]:
    """The status of a job, as a machine reads it."""
    code, out, _ = desk.run("status", job, "--json")
    assert code == 0
    found: Mapping[str, Any] = json.loads(out)
    return found


def result(desk: Desk, columns: str = "*", job: str = "job") -> list[tuple[Any, ...]]:
    """The rows of a job's result, in order."""
    parts = duckdb.read_parquet(str(desk.folder / job / "parts" / "*.parquet"))
    return parts.order("row").project(columns).fetchall()
