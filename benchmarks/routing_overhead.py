"""What a route costs: failover, split, shadow, breaker, journal, over vendors that answer at once.

``python benchmarks/routing_overhead.py`` asks a provider directly, through routes, and through
LiteLLM's Router, in turn, in one run, blocking and on an event loop. It ends with exit code 1 if
the whole route adds more than 0.5 ms at the median with the journal in the background, or does not
answer five times as many requests a second as the Router where both fall over. See README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Final

from environments import Environments, Failed, Rival, Worker
from printed import show
from report import machine
from rich.progress import track

from facegate import AsyncFaceVerifier, FaceVerifier, Image
from facegate.config import Config
from facegate.opening import Setup, setup
from facegate.providers.registry import Registry
from facegate.testing.pictures import noise

WAYS: Final = ("sync", "async")
WARM_UP: Final = 100
CALLERS: Final = 16
ALLOWED_MS: Final = 0.5
TIMES: Final = 5
SHADOWED: Final = 0.05
REGISTRY: Final = Registry([EntryPoint("instant", "instant", "facegate")])
LITELLM: Final = Rival(
    "litellm",
    (("--only-binary", ":all:", "litellm==1.105.3"),),
    "Router, fallbacks, a provider of one's own",
    worker="litellm_router.py",
)
"""Pinned: versions of this package (1.82.7, 1.82.8) were once published by a thief."""

PROVIDERS: Final = """
[providers.main]
plugin = "instant"
down = {down}
[providers.backup]
plugin = "instant"
threshold = 0.6
[providers.new]
plugin = "instant"
[providers.candidate]
plugin = "instant"
"""
FAILOVER: Final = """
[routes.kyc]
failover = ["main", "backup"]
"""
WHOLE: Final = f"""
[routes.kyc]
split = {{{{ control = 90, trial = 10 }}}}
shadow = {{{{ to = "candidate", sample = {SHADOWED} }}}}
[routes.control]
failover = ["main", "backup"]
[routes.trial]
failover = ["main", "new"]
[breaker]
minimum_calls = {{calls}}
"""
JOURNAL: Final = """
[journal]
url = "sqlite:///{folder}/journal.db"
sync = "{sync}"
subject_key = "a secret of sixteen letters or more"
"""


@dataclass
class Contestant:
    """One way to ask, and what was measured of it.

    Attributes:
        route: its part of the configuration; empty for the provider itself.
        sync: the journal's rule; None for no journal.
        first: what the first provider does: answers, fails, or is left alone because it failed.
        seconds: of each call, by way.
        rates: calls a second of each turn, by way: until the last is recorded, where there is a
            journal.
        together: likewise, of several threads at once.
    """

    name: str
    route: str = ""
    sync: str | None = None
    first: str = "answers"
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    rates: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    together: list[float] = field(default_factory=list)

    @contextmanager
    def setup(self) -> Iterator[Setup]:
        """Those of a verifier."""
        down = str(self.first != "answers").lower()
        # So that it never opens, or opens at the first failure.
        calls = 1_000_000_000 if self.first == "fails" else 1
        text = PROVIDERS.format(down=down) + self.route.format(calls=calls)
        with tempfile.TemporaryDirectory() as folder:
            if self.sync:
                text += JOURNAL.format(folder=folder, sync=self.sync)
            file = Path(folder) / "facegate.toml"
            file.write_text(text, encoding="utf-8")
            yield setup(Config.load(file, {}), REGISTRY, "kyc" if self.route else "main")

    def median_ms(self, way: str) -> float:
        return 1e3 * statistics.median(self.seconds[way])

    def p99_ms(self, way: str) -> float:
        return 1e3 * statistics.quantiles(self.seconds[way], n=100)[-1]

    def rate(self, way: str) -> float:
        return statistics.median(self.rates[way])

    def take_turn(self, way: str, count: int) -> None:
        """Ask so many times, one after the other."""
        with self.setup() as made:
            if way == "sync":
                self._ask(made.blocking(), count)
            else:
                asyncio.run(self._ask_async(made.awaited(), count))

    def take_turn_together(self, count: int) -> None:
        """Ask from several threads at once."""
        with self.setup() as made, ThreadPoolExecutor(CALLERS) as threads:
            verifier = made.blocking()
            verifier.compare(PROBE, [DOCUMENT], subject="somebody")
            started = time.perf_counter()
            asked = [
                threads.submit(verifier.compare, PROBE, [DOCUMENT], subject=f"person {number}")
                for number in range(count)
            ]
            for each in asked:
                each.result()
            verifier.close()
            self.together.append(count / (time.perf_counter() - started))

    def _ask(self, verifier: FaceVerifier, count: int) -> None:
        clock, seconds = time.perf_counter, self.seconds["sync"]
        for number in range(WARM_UP):
            verifier.compare(PROBE, [DOCUMENT], subject=f"person {number}")
        begun = clock()
        for number in range(count):
            started = clock()
            verifier.compare(PROBE, [DOCUMENT], subject=f"person {number}")
            seconds.append(clock() - started)
        verifier.close()
        self.rates["sync"].append(count / (clock() - begun))

    async def _ask_async(self, verifier: AsyncFaceVerifier, count: int) -> None:
        clock, seconds = time.perf_counter, self.seconds["async"]
        for number in range(WARM_UP):
            await verifier.compare(PROBE, [DOCUMENT], subject=f"person {number}")
        begun = clock()
        for number in range(count):
            started = clock()
            await verifier.compare(PROBE, [DOCUMENT], subject=f"person {number}")
            seconds.append(clock() - started)
        await verifier.close()
        self.rates["async"].append(count / (clock() - begun))


@dataclass
class Routed(Contestant):
    """LiteLLM's Router, in a process of its own."""

    worker: Worker | None = None

    def take_turn(self, way: str, count: int) -> None:
        if self.worker:
            count = max(1, count // 10)
            done = self.worker.ask(first=self.first, way=way, count=count)
            self.seconds[way] += done["seconds"]
            self.rates[way].append(count / done["whole"])


PROBE, DOCUMENT = Image.of(noise(1)), Image.of(noise(2))

DIRECT: Final = Contestant("the provider, asked directly")
UNRECORDED: Final = Contestant("whole route, no journal", WHOLE)
BEFORE: Final = Contestant("whole route, journal before the answer", WHOLE, "before_answer")
IN_BACKGROUND: Final = Contestant("whole route, journal in the background", WHOLE, "background")
FALLS_OVER: Final = Contestant(
    "whole route, journal in the background, first one fails", WHOLE, "background", "fails"
)
FACEGATE: Final = (
    DIRECT,
    Contestant("failover", FAILOVER),
    Contestant("failover, first one fails", FAILOVER, None, "fails"),
    UNRECORDED,
    IN_BACKGROUND,
    BEFORE,
    FALLS_OVER,
    Contestant(
        "whole route, journal in the background, first one is left alone",
        WHOLE,
        "background",
        "left alone",
    ),
)
FALLS_OVER_TOO: Final = Routed("LiteLLM's Router, first one fails", first="fails")
ROUTED: Final = (
    Routed("LiteLLM's Router"),
    FALLS_OVER_TOO,
    Routed("LiteLLM's Router, first one is left alone", first="left alone"),
)
CONTESTANTS: Final = (*FACEGATE, *ROUTED)


def measure(rounds: int, count: int) -> None:
    """All of them in turn; who is first changes."""
    turns = [(way, round_) for round_ in range(rounds) for way in WAYS]
    for way, round_ in track(turns, "in turn", disable=not sys.stderr.isatty()):
        first = round_ % len(CONTESTANTS)
        for each in (*CONTESTANTS[first:], *CONTESTANTS[:first]):
            each.take_turn(way, count)
    for _ in range(rounds):
        for each in FACEGATE:
            each.take_turn_together(count)


def confirmed_ms() -> float:
    """What the disk takes to confirm a write, without any database."""
    seconds = []
    with tempfile.TemporaryFile() as file:
        for _ in range(200):
            started = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            seconds.append(time.perf_counter() - started)
    return 1e3 * statistics.median(seconds)


def rows() -> Iterator[list[str]]:
    """What was measured."""
    for each in CONTESTANTS:
        if not each.seconds:
            continue
        cells = [each.name]
        for way in WAYS:
            own = isinstance(each, Routed) or each is DIRECT
            added = "" if own else f"{each.median_ms(way) - DIRECT.median_ms(way):.3f}"
            cells += [f"{each.median_ms(way):.3f}", f"{each.p99_ms(way):.2f}", added or "-"]
            cells.append(f"{each.rate(way):,.0f}")
        cells.append(f"{statistics.median(each.together):,.0f}" if each.together else "-")
        yield cells


def goals() -> Iterator[tuple[str, bool]]:
    """What was to be reached, and whether it was."""
    for way in WAYS:
        added = IN_BACKGROUND.median_ms(way) - DIRECT.median_ms(way)
        yield f"{way}: the whole route adds {added:.3f} ms at the median", added <= ALLOWED_MS
        if FALLS_OVER_TOO.seconds:
            times = FALLS_OVER.rate(way) / FALLS_OVER_TOO.rate(way)
            yield f"{way}: {times:.1f} times the Router's rate, both falling over", times >= TIMES


def caption(rounds: int, count: int) -> str:
    """What the figures are of."""
    return (
        f"{datetime.now(UTC).date().isoformat()}, {machine()}; the disk confirms a write in"
        f" {confirmed_ms():.2f} ms. {rounds} turns of {count:,} calls each ({count // 10:,} of the"
        " Router's) one after the other, and the same from"
        f" {CALLERS} threads; medians of turns for rates. A rate counts until the last record is in"
        " the database. The whole route is a split of 90 to 10 whose arms are failovers, with a"
        f" breaker for each provider and a shadow of {SHADOWED:.0%} of the requests. The journal is"
        f" SQLite. {LITELLM.install[0][-1].replace('==', ' ')} is in a process of its own."
    )


def journals_cost() -> str:
    """What the journal adds to the whole route."""
    told = []
    for each, when in ((IN_BACKGROUND, "in the background"), (BEFORE, "before the answer")):
        added = (f"{each.median_ms(way) - UNRECORDED.median_ms(way):.2f} ms {way}" for way in WAYS)
        told.append(f"{' and '.join(added)} {when}")
    return f"The journal adds, at the median, {'; '.join(told)}."


def headings() -> list[str]:
    """Of the table."""
    of = [
        f"{way}: {what}" for way in WAYS for what in ("median, ms", "p99, ms", "added, ms", "per s")
    ]
    return ["asked", *of, f"per s, {CALLERS} threads"]


def main() -> int:
    """Run, print, and tell whether the goals were reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=1000, help="calls in a turn")
    parser.add_argument("--without-litellm", action="store_true")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/facegate/benchmarks")
    parser.add_argument("--markdown", action="store_true", help="print the table for the docs")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.without_litellm:
        environments = Environments(options.cache)
        try:
            environments.prepare(LITELLM)
            for each in ROUTED:
                each.worker = Worker(LITELLM, environments)
        except (Failed, OSError, subprocess.SubprocessError) as error:
            print(f"LiteLLM cannot be installed: {error}", file=sys.stderr)
    try:
        measure(options.rounds, options.count)
    finally:
        for each in ROUTED:
            if each.worker:
                each.worker.close()
    reached = list(goals())
    if options.json:
        told = [dict(zip(headings(), row, strict=True)) for row in rows()]
        print(json.dumps({"rows": told, "goals": dict(reached)}, indent=2))
    else:
        show(headings(), list(rows()), markdown=options.markdown)
        print(caption(options.rounds, options.count), journals_cost())
        for goal, met in reached:
            print(f"\n{'reached' if met else 'MISSED'}: {goal}")
    return int(not all(met for _, met in reached))


if __name__ == "__main__":
    sys.exit(main())
