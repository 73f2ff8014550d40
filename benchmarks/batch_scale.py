"""How a batch grows with workers: one against two of each engine, and a simulated fleet.

``python benchmarks/batch_scale.py`` has the embedded engine, and a provider that answers at once,
asked the same rows by one worker on one core and by two on two cores: processes of this machine,
Dask and Ray. It ends with exit code 1 if two processes of the embedded engine reach less than 0.85
of what the two cores can do.

``python benchmarks/batch_scale.py --simulate`` says what 64 workers would need of what they share,
and what there is of it: a simulation on one machine, see ``fleet.py``.

See README.md. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

import batch
from printed import show
from report import machine
from rich.progress import track
from served import Served
from service_overhead import portraits

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))  # a Redis, a PostgreSQL

CORES: Final = (0, 1)
ENOUGH: Final = 0.85
LOOK_S: Final = 0.2
ENGINES: Final = {"processes": (), "dask": ("--on", "dask"), "ray": ("--on", "ray")}
LIBRARIES: Final = {"dask": "distributed", "ray": "ray"}
ALONE: Final = "two jobs of one worker"
"""What the two cores can do: two commands that know nothing of each other, a core each."""


@dataclass(frozen=True)
class Case:
    """What is asked.

    Attributes:
        name: words for it.
        rows: rows for one worker; two have twice as many.
        chunk: rows of a chunk.
        embedded: whether the embedded engine is asked, which looks at pictures.
    """

    name: str
    rows: int
    chunk: int
    embedded: bool

    def prepare(self, folder: Path, count: int) -> None:
        """Make a folder with a configuration, pictures and so many rows."""
        folder.mkdir()
        if not self.embedded:
            batch.prepared(folder, count, 40, billed=False)
            return
        (folder / "facegate.toml").write_text("[providers.main]\nplugin = 'local'\npull = false\n")
        pictures = portraits()
        lines = ["probe,gallery"]
        for row in range(count):
            # Every row has pictures of its own name: none is looked at once for two rows.
            for side, picture in zip(("probe", "gallery"), pictures, strict=True):
                (folder / f"{side}{row}.jpg").write_bytes(picture)
            lines.append(f"probe{row}.jpg,gallery{row}.jpg")
        (folder / "pairs.csv").write_text("\n".join(lines))


CASES: Final = (
    Case("the embedded engine", 60, 10, embedded=True),
    Case("a provider that answers at once", 6_000, 500, embedded=False),
)


class Spent(NamedTuple):
    """What a command took."""

    seconds: float
    cpu_s: float


@dataclass
class Measured:
    """One engine with so many workers.

    Attributes:
        rows: rows of a run.
        starts: what each run with a row for each worker took.
        whole: what each run with all rows took.
        all_mib: memory of all processes at most, what they share counted once.
        largest_mib: memory of the largest process.
    """

    rows: int
    starts: list[Spent] = field(default_factory=list)
    whole: list[Spent] = field(default_factory=list)
    all_mib: float = 0.0
    largest_mib: float = 0.0

    @property
    def start_s(self) -> float:
        """Seconds of a start."""
        return statistics.median(each.seconds for each in self.starts)

    @property
    def rate(self) -> float:
        """Rows a second, without the start."""
        whole = statistics.median(each.seconds for each in self.whole)
        return self.rows / (whole - self.start_s)

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of processor time of a row, without the start."""
        whole, start = (
            statistics.median(each.cpu_s for each in spent) for spent in (self.whole, self.starts)
        )
        return 1e3 * (whole - start) / self.rows


class Job:
    """A command at work in a folder, and the memory of its processes.

    Args:
        folder: where its configuration and rows are.
        options: further ones of the command.
        cores: processors that it may use.
    """

    def __init__(self, folder: Path, options: Sequence[str], cores: Sequence[int]) -> None:
        out = Path(tempfile.mkdtemp(dir=folder)) / "job"
        command = [sys.executable, "-m", "facegate", "batch", "run", "pairs.csv", "--out", str(out)]
        self._began, self._cpu_s = time.perf_counter(), ended_cpu_s()
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores)
        try:
            self._process = subprocess.Popen(
                [*command, *options],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(folder)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        finally:
            os.sched_setaffinity(0, before)
        self.all_mib = self.largest_mib = 0.0

    def ended(self) -> Spent:
        """Wait for its end.

        Processor time is that of all commands that end meanwhile, and of processes that they have
        waited for.
        """
        looked = Served("", self._process.pid)
        while self._process.poll() is None:
            with suppress(OSError, KeyError):  # a process that ends meanwhile
                told = looked.memory_mib()
                self.all_mib = max(self.all_mib, sum(share for _, share in told))
                self.largest_mib = max(self.largest_mib, *(own for own, _ in told))
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(LOOK_S)
        seconds = time.perf_counter() - self._began
        _, said = self._process.communicate()
        if self._process.returncode:
            raise RuntimeError(said)
        return Spent(seconds, ended_cpu_s() - self._cpu_s)


def ended_cpu_s() -> float:
    """Seconds of processor time of all commands that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def options(engine: str, chunk: int, workers: int) -> list[str]:
    """Those of the command."""
    return ["--chunk", str(chunk), "--workers", str(workers), *ENGINES[engine]]


def measure(case: Case, engines: Sequence[str], rounds: int) -> dict[tuple[str, int], Measured]:
    """Seconds of each engine with one worker and with two, in turn."""
    ways = [(engine, workers) for engine in engines for workers in (1, 2)]
    found = {way: Measured(case.rows * way[1]) for way in ways}
    alone = found[ALONE, 2] = Measured(2 * case.rows)
    with tempfile.TemporaryDirectory() as there:
        whole, little = ({n: Path(there, f"{name}{n}") for n in (1, 2)} for name in ("all", "few"))
        for n in (1, 2):
            case.prepare(whole[n], case.rows * n)
            case.prepare(little[n], n)
        for _ in track(range(rounds), case.name, disable=not sys.stderr.isatty()):
            for (engine, n), measured in found.items():
                if measured is alone:
                    continue
                start = Job(little[n], options(engine, 1, n), CORES[:n])
                measured.starts.append(start.ended())
                job = Job(whole[n], options(engine, case.chunk, n), CORES[:n])
                measured.whole.append(job.ended())
                measured.all_mib = max(measured.all_mib, job.all_mib)
                measured.largest_mib = max(measured.largest_mib, job.largest_mib)
            for folder, chunk, spent in (
                (little[1], 1, alone.starts),
                (whole[1], case.chunk, alone.whole),
            ):
                jobs = [Job(folder, options(engines[0], chunk, 1), [core]) for core in CORES]
                spent.append(max(job.ended() for job in jobs))
    return found


def share(found: Mapping[tuple[str, int], Measured], engine: str) -> float:
    """What two workers reach of what the two cores can do."""
    return found[engine, 2].rate / found[ALONE, 2].rate


def rows(found: Mapping[tuple[str, int], Measured], engines: Sequence[str]) -> Iterator[list[str]]:
    """Lines of a table."""
    for engine in engines:
        one, two = found[engine, 1], found[engine, 2]
        yield [
            engine,
            f"{one.rate:,.1f}",
            f"{two.rate:,.1f}",
            f"{two.rate / one.rate / 2:.2f}",
            f"{share(found, engine):.2f}",
            # Of so few rows, the start of an engine may have taken more than all of them.
            f"{two.cpu_ms / one.cpu_ms:.2f}" if min(one.cpu_ms, two.cpu_ms) > 0 else "not known",
            f"{two.start_s:.1f}",
            f"{two.all_mib:.0f}",
            f"{two.largest_mib:.0f}",
        ]
    yield [ALONE, "", f"{found[ALONE, 2].rate:,.1f}", "", "1.00", "", "", "", ""]


HEADINGS: Final = (
    "engine",
    "1 worker, 1 core, rows/s",
    "2 workers, 2 cores, rows/s",
    "of twice as much",
    "of what the cores can do",
    "CPU of a row, 1 worker = 1",
    "start, s",
    "all, MiB",
    "largest process, MiB",
)


def simulate(seconds: float, *, markdown: bool, as_json: bool) -> None:
    """Say what 64 workers would need, and what there is."""
    import fleet  # the servers of the tests, which the rest does without

    shared = list(track(fleet.fleet(seconds), "simulating", disable=not sys.stderr.isatty()))
    if as_json:
        print(json.dumps([asdict(each) for each in shared], indent=2))
        return
    show(fleet.HEADINGS, [each.row() for each in shared], markdown=markdown)
    print(
        f"A simulation: {fleet.WORKERS} workers of {fleet.AT_ONCE} calls at once of"
        f" {1e3 * fleet.CALL_S:.0f} ms would answer {fleet.NEEDED:,.0f} rows a second. Its"
        f" processes share {machine()}; the disk confirms a page in {fleet.confirming_ms():.2f} ms."
        " PostgreSQL does not wait for the disk here."
    )


def main() -> int:
    """Measure, print, and tell whether two workers are worth two."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--simulate", action="store_true", help="64 workers, on this machine")
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each part of a simulation")
    parser.add_argument("--quick", action="store_true", help="a ninth of it, for a look")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.simulate:
        seconds = given.seconds / 9 if given.quick else given.seconds
        simulate(seconds, markdown=given.markdown, as_json=given.json)
        return 0
    engines = [name for name in given.engines if find_spec(LIBRARIES.get(name, "facegate"))]
    rounds, part = (1, 3) if given.quick else (given.rounds, 1)
    cases = [replace(each, rows=each.rows // part) for each in CASES]
    told = {}
    for case in cases:
        told[case] = found = measure(case, engines, rounds)
        if not given.json:
            print(f"{case.name}:\n")
            show(HEADINGS, list(rows(found, engines)), markdown=given.markdown)
    if given.json:
        data = {
            case.name: [
                {"engine": name, "workers": workers, **asdict(each)}
                for (name, workers), each in found.items()
            ]
            for case, found in told.items()
        }
        print(json.dumps(data, indent=2))
    else:
        print(f"{datetime.now(UTC).date().isoformat()}, {machine()}.")
    embedded = next(found for case, found in told.items() if case.embedded)
    return int(share(embedded, engines[0]) < ENOUGH)


if __name__ == "__main__":
    sys.exit(main())
