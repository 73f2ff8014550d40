"""What facegate adds to a call to a vendor's HTTP API, against clients that do without it.

``python benchmarks/client_overhead.py`` compares two photos of 20 kB to 8 MB over loopback: through
facegate, by hand with httpx, and with a body made beforehand; and it signs such a request beside
AWS's own signer. In turn, in one run. See README.md beside this.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from inspect import isawaitable
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
from callers import (
    AS_THEY_ARE,
    BY_HAND,
    FACEGATE,
    NAMES,
    SOCKET,
    WIRE,
    Pair,
    another,
    body,
    calls,
    photo,
    prepared,
)
from report import machine
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from signer import BOTOCORE, signing

HERE: Final = Path(__file__).resolve().parent
SIZES: Final = {20_000: "20 kB", 200_000: "200 kB", 2_000_000: "2 MB", 8_000_000: "8 MB"}
WAYS: Final = ("sync", "async")
AT_ONCE: Final = 100
TOGETHER: Final = (20_000, 200_000)
SMALL: Final = 20_000
LARGE: Final = 2_000_000
TURN: Final = 5
"""Calls that one makes before it is the next one's turn, so that it does not find the processor's
caches as another left them."""

Result = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """How often each is asked."""

    rounds: int = 40
    batches: int = 20


QUICK: Final = Plan(rounds=5, batches=3)


class Contest:
    """One run."""

    def __init__(self, url: str, plan: Plan, progress: Progress) -> None:
        self._progress = progress
        self._url = url
        self._plan = plan
        self._numbers = count()
        self._draw = random.Random(20_240_229)  # noqa: S311  a repeatable order is wanted

    def run(self) -> Result:
        """Every figure, ready for JSON."""
        steps = [(way, size) for way in WAYS for size in SIZES]
        alone = [
            {
                "way": way,
                "size": size,
                "ms": asyncio.run(self.one_by_one(way, size)),
                "peak": self.peaks(way, size),
            }
            for way, size in self._progress.track(steps, description="one call at a time")
        ]
        together = [
            {"size": size, "per_s": asyncio.run(self.at_once(size))}
            for size in self._progress.track(TOGETHER, description="a hundred at once")
        ]
        signed = signing(self._plan.rounds)
        reached = goals(alone, signed)
        return {"alone": alone, "together": together, "signed": signed, "goals": reached}

    async def one_by_one(self, way: str, size: int) -> Result:
        """One call at a time: median milliseconds by name."""
        taken: dict[str, list[float]] = {}
        photos = photo(size), photo(size)
        async with AsyncExitStack() as opened:
            asked = await calls(way, self._url, opened)
            for round_ in range(-1, self._plan.rounds):  # one to warm up
                for name in self._draw.sample(list(asked), len(asked)):
                    for _ in range(TURN):
                        given = prepared(name, self._fresh(photos))
                        started = time.perf_counter()
                        outcome = asked[name](given)
                        if isawaitable(outcome):
                            await outcome
                        if round_ >= 0:
                            taken.setdefault(name, []).append(time.perf_counter() - started)
        return {name: median(seconds) * 1e3 for name, seconds in taken.items()}

    async def at_once(self, size: int) -> Result:
        """A hundred calls at once: median calls per second by name."""
        rates: dict[str, list[float]] = {}
        photos = photo(size), photo(size)
        async with AsyncExitStack() as opened:
            asked = await calls("async", self._url, opened)
            del asked[SOCKET]  # it has one connection
            for round_ in range(-1, self._plan.batches):
                for name in self._draw.sample(list(asked), len(asked)):
                    given = [prepared(name, self._fresh(photos)) for _ in range(AT_ONCE)]
                    started = time.perf_counter()
                    await asyncio.gather(*map(asked[name], given))
                    if round_ >= 0:
                        seconds = time.perf_counter() - started
                        rates.setdefault(name, []).append(AT_ONCE / seconds)
        return {name: median(found) for name, found in rates.items()}

    def peaks(self, way: str, size: int) -> Result:
        """Peak memory in a process of its own, as a multiple of the body, by name."""
        pair = photo(size), photo(size)
        with TemporaryDirectory() as folder:
            files = [Path(folder) / name for name in ("probe", "gallery")]
            for file, picture in zip(files, pair, strict=True):
                file.write_bytes(picture)
            return {
                name: self._peak(way, name, files) / len(body(pair)) for name in (FACEGATE, BY_HAND)
            }

    def _peak(self, way: str, name: str, files: list[Path]) -> int:
        command = [sys.executable, str(HERE / "peak.py"), way, name, self._url, *map(str, files)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def _fresh(self, photos: Pair) -> Pair:
        return another(photos[0], next(self._numbers)), another(photos[1], next(self._numbers))


@contextmanager
def server() -> Iterator[str]:
    """URL of a server in a process of its own."""
    command = [sys.executable, str(HERE / "sink.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


def goals(alone: list[Result], signed: Result) -> list[Result]:
    """What was set out to be reached, and the worst that was measured."""
    large = [each for each in alone if each["size"] >= LARGE]
    small = [each for each in alone if each["size"] == SMALL]
    worst = {
        ("time with keep_metadata, ready-made over httpx = 1, from 2 MB on", 1.1): max(
            each["ms"][AS_THEY_ARE] / each["ms"][WIRE] for each in large
        ),
        ("time, by hand = 1, from 2 MB on", 0.5): max(
            each["ms"][FACEGATE] / each["ms"][BY_HAND] for each in large
        ),
        ("time, by hand = 1, at 20 kB", 1.3): max(
            each["ms"][FACEGATE] / each["ms"][BY_HAND] for each in small
        ),
        ("peak memory, body = 1, from 2 MB on", 3.0): max(each["peak"][FACEGATE] for each in large),
        ("signing two pictures of 5 MB, ms", 15): signed["ms"][FACEGATE],
        ("memory for signing, body = 1", 0.01): signed["peak_bytes"] / signed["bytes"],
    }
    return [
        {"goal": goal, "at_most": limit, "worst": value, "reached": value <= limit}
        for (goal, limit), value in worst.items()
    ]


def sheets(result: Result) -> Iterator[list[list[str]]]:
    """The tables, each with its headings first."""
    rows = [
        ["one call", "two pictures of", *(f"{name}, ms" for name in NAMES)]
        + [f"facegate, {name} = 1" for name in (WIRE, BY_HAND)]
        + [f"peak memory, body = 1: {name}" for name in (FACEGATE, BY_HAND)]
    ]
    for each in result["alone"]:
        ms, peak = each["ms"], each["peak"]
        rows.append(
            [each["way"], SIZES[each["size"]], *(f"{ms[name]:.2f}" for name in NAMES)]
            + [f"{ms[FACEGATE] / ms[name]:.2f}" for name in (WIRE, BY_HAND)]
            + [f"{peak[name]:.1f}" for name in (FACEGATE, BY_HAND)]
        )
    yield rows
    names = (FACEGATE, AS_THEY_ARE, WIRE, BY_HAND)
    rows = [
        [
            f"{AT_ONCE} calls at once, async, two pictures of",
            *(f"{name}, calls/s" for name in names),
        ]
    ]
    for each in result["together"]:
        rows.append([SIZES[each["size"]], *(f"{each['per_s'][name]:.0f}" for name in names)])
    yield rows
    signed = result["signed"]
    ms, share = signed["ms"], signed["peak_bytes"] / signed["bytes"]
    signers = (FACEGATE, BOTOCORE)
    heads = (f"facegate, {BOTOCORE} = 1", "memory beside the body, body = 1")
    rows = [["signing", *(f"{name}, ms" for name in signers), *heads]]
    figures = (*(ms[name] for name in signers), ms[FACEGATE] / ms[BOTOCORE])
    rows.append(["two pictures of 5 MB", *(f"{each:.2f}" for each in figures), f"{share:.4f}"])
    yield rows
    rows = [["goal", "at most", "worst measured", ""]]
    for each in result["goals"]:
        rows.append(
            [
                each["goal"],
                f"{each['at_most']:g}",
                f"{each['worst']:.2f}",
                "reached" if each["reached"] else "missed",
            ]
        )
    yield rows


def caption(result: Result) -> str:
    """What the figures are of."""
    quick = "A quick look: too few calls to quote. " if result["quick"] else ""
    return (
        f"{quick}{result['date']}, {result['machine']}, httpx {httpx.__version__}. One comparison"
        " of two photos over unencrypted HTTP on loopback, with a server in a process of its own"
        " that reads the body and answers a fixed score. Each client keeps its connections, and"
        " every call has pictures that were not sent before. Medians of"
        f" {result['rounds'] * TURN} calls each, or of {result['batches']} times {AT_ONCE} calls."
        " Memory is that of a fresh process, the two pictures included."
    )


def markdown(result: Result) -> str:
    """For the docs."""
    lines = []
    for headings, *rows in sheets(result):
        lines += [f"| {' | '.join(headings)} |", f"|{' --- |' * len(headings)}"]
        lines += [*(f"| {' | '.join(row)} |" for row in rows), ""]
    return "\n".join([*lines, caption(result)])


def tables(result: Result) -> Iterator[Table | str]:
    """For the terminal."""
    for headings, *rows in sheets(result):
        table = Table(*headings)
        for row in rows:
            table.add_row(*row)
        yield table
    yield f"\n{caption(result)}"


def main() -> None:
    """Run all, and print what was measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a look, not for the docs")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    parser.add_argument("--markdown", action="store_true", help="print the tables for the docs")
    options = parser.parse_args()
    plan = QUICK if options.quick else Plan()
    with server() as url, Progress(console=Console(stderr=True)) as progress:
        measured = Contest(url, plan, progress).run()
    about = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "quick": options.quick,
        **asdict(plan),
    }
    result = {**about, **measured}
    console = Console()
    if options.json:
        console.print_json(data=result)
    elif options.markdown:
        console.out(markdown(result), highlight=False)
    else:
        console.print(*tables(result), sep="\n")


if __name__ == "__main__":
    main()
