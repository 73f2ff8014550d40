"""A simulated fleet of workers: what it would put on all that they share; for ``batch_scale.py``.

Nobody asks a vendor here. Up to 64 processes of this machine do what 64 workers on machines of
their own would do to a ledger, a Redis and a journal, as fast as they can. Those are real, and all
share the same cores; so what is measured is less than what there would be.
"""

from __future__ import annotations

import heapq
import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import journal
from pydantic import SecretStr

import databases
from facegate.batch.lease import Lease
from facegate.batch.ledger import Ledger, Replay, sum_of
from facegate.errors import JournalUnavailable
from facegate.journal import open_journal
from facegate.routing.redis import SharedLimits
from redises import Redis

WORKERS, AT_ONCE, CALL_S, CHUNK = 64, 20, 0.3, 2_000
NEEDED: Final = WORKERS * AT_ONCE / CALL_S
"""Rows a second of the whole fleet."""
LOOKS: Final = 2 + NEEDED / CHUNK
"""Looks a second at what workers have done: twice, and at each chunk that is done."""
WRITERS: Final = (1, 8, 64)
WARM_UP_S: Final = 1.0
"""Seconds after which calls end at all moments, and no longer together."""
ANSWER: Final = {
    "decision": "accept",
    "score": 0.8123456,
    "threshold": 0.7,
    "scale": "made up",
    "seconds": 0.3012345,
    "attempts": 1,
    "billed": "yes",
    "cost": 0.05,
    "provider": "main",
    "plugin_version": "1.0",
    "lineage": "made-up-1",
}


Done = tuple[int, float]
"""How much was done, and in how many seconds."""


@dataclass(frozen=True)
class Shared:
    """What a fleet has in common, and how much of it there is.

    Attributes:
        name: words for it.
        needed: how much a second the fleet would need.
        had: how much a second there was, by number of processes.
    """

    name: str
    needed: float
    had: dict[int, float]

    def row(self) -> list[str]:
        """A line of a table."""
        had = (_figure(self.had[each]) if each in self.had else "-" for each in WRITERS)
        share = self.had[max(self.had)] / self.needed
        return [self.name, _figure(self.needed), *had, f"{share:.2f}"]


HEADINGS: Final = (
    "shared",
    "needed a second",
    *(f"there is, {each} processes" for each in WRITERS),
    "of what is needed",
)


def fleet(seconds: float) -> Iterator[Shared]:
    """Everything that is shared, measured for so many seconds each."""
    yield _ledgers("ledger: commits, an answer each", partial(committing, seconds))
    yield _ledgers("ledger: rows, as calls of 300 ms end", partial(calling, seconds))
    yield _polling()
    with TemporaryDirectory() as folder:
        server = Redis(Path(folder))
        try:
            for name, work in (("rate", hitting), ("place taken and given back", leasing)):
                had = {each: together(each, partial(work, seconds, server.url)) for each in WRITERS}
                yield Shared(f"Redis: {name}", NEEDED, had)
        finally:
            server.stop()
    for kind in databases.EVERY:
        for sync, size in (("before_answer", 1), ("before_answer", AT_ONCE), ("background", 100)):
            name = f"journal, {kind}, {sync}: requests, {size} in a commit"
            had = {each: _recorded(kind, each, sync, size, seconds) for each in WRITERS}
            yield Shared(name, NEEDED, had)
    reading_s, look_s = _followed()
    yield Shared("rows that the run reads", NEEDED, {1: WORKERS * CHUNK / 2 / reading_s})
    yield Shared("looks of the run", LOOKS, {1: 1 / look_s})


def together(processes: int, work: Callable[[int], Done]) -> float:
    """What so many processes do a second, each given its number."""
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        done = pool.map(work, range(processes), chunksize=1)
    return sum(each for each, _ in done) / max(seconds for _, seconds in done)


def _ledgers(name: str, work: Callable[[Path, int], Done]) -> Shared:
    had = {}
    for each in WRITERS:
        with TemporaryDirectory() as folder:
            Path(folder, "chunks").mkdir()
            Lease.take(Path(folder, "runs"))
            had[each] = together(each, partial(work, Path(folder)))
    return Shared(name, NEEDED, had)


def _ledger(folder: Path, chunk: int) -> Ledger:
    return Ledger(folder / "chunks", chunk, Lease(folder / "runs", 1), durable=True)


def committing(seconds: float, folder: Path, chunk: int) -> Done:
    """Commits of a worker that does nothing else."""
    with closing(_ledger(folder, chunk)) as ledger:
        ledger.commit([{"asking": [0], "worst": 0.05}])
        rows = count()

        def commit() -> None:
            row = next(rows)
            ledger.commit([{"row": row, **ANSWER}, {"asking": [row + 1], "worst": 0.05}])

        return _times(commit, seconds)


def calling(seconds: float, folder: Path, chunk: int) -> Done:
    """Rows of a worker whose calls take 300 ms, more or less."""
    draw = random.Random(chunk)  # noqa: S311
    rows, flying, done = count(), list[tuple[float, int]](), 0
    with closing(_ledger(folder, chunk)) as ledger:
        finished: list[int] = []
        begins = time.monotonic() + WARM_UP_S
        while time.monotonic() < begins + seconds:
            group = [next(rows) for _ in range(AT_ONCE - len(flying))]
            answers = [{"row": row, **ANSWER} for row in finished]
            ledger.commit([*answers, {"asking": group, "worst": 0.05 * len(group)}])
            now = time.monotonic()
            for row in group:
                heapq.heappush(flying, (now + CALL_S * draw.lognormvariate(-0.045, 0.3), row))
            time.sleep(max(0.0, flying[0][0] - now))
            finished = []
            while flying and flying[0][0] <= time.monotonic():
                finished.append(heapq.heappop(flying)[1])
            done += len(finished) if time.monotonic() > begins else 0
    return done, time.monotonic() - begins


def _polling() -> Shared:
    """Looks at the files that tell a worker to stop: four at each commit."""
    with TemporaryDirectory() as folder:
        lease, times = Lease.take(Path(folder, "runs")), 20_000
        began = time.perf_counter()
        for _ in range(times):
            lease.stop_file.exists()
        spent = time.perf_counter() - began
    return Shared("looks for a file, four at a commit", 4 * NEEDED, {1: times / spent})


def hitting(seconds: float, url: str, _number: int) -> Done:
    """Requests that are counted against a rate which is never reached."""
    limits = SharedLimits(SecretStr(url), "vendor")
    return _times(lambda: limits.hit(1_000_000, 1), seconds)


def leasing(seconds: float, url: str, _number: int) -> Done:
    """Places that are taken among 1,280, and given back."""
    limits = SharedLimits(SecretStr(url), "vendor")

    def use() -> None:
        lease = limits.lease(WORKERS * AT_ONCE, 30)
        lease.acquire()
        lease.release()

    return _times(use, seconds, limits.close)


def _times(
    work: Callable[[], object], seconds: float, close: Callable[[], object] = lambda: None
) -> Done:
    """How often work succeeds, until what it left behind is done as well."""
    began, done = time.monotonic(), 0
    while time.monotonic() < began + seconds:
        with suppress(JournalUnavailable):
            work()
            done += 1
    close()
    return done, time.monotonic() - began


def _recorded(kind: str, processes: int, sync: str, size: int, seconds: float) -> float:
    """Requests a second that so many processes record in one journal."""
    with TemporaryDirectory() as folder:
        settings = {"url": databases.fresh(kind, Path(folder)), "sync": sync}
        with closing(open_journal(settings, "the benchmark")) as kept:
            kept.check()  # its tables are there before the others come
        return together(processes, partial(recording, seconds, settings, size))


def recording(seconds: float, settings: dict[str, str], size: int, _number: int) -> Done:
    """Requests of a process that records so many at a time."""
    requests = list(journal.requests(size))
    with closing(open_journal(settings, "the benchmark")) as kept:
        done, took = _times(lambda: kept.store.append(requests), seconds)
    return size * done, took


def _followed() -> tuple[float, float]:
    """Seconds of reading 64 ledgers that are half full, and of one look more at them."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        lease = Lease.take(folder / "runs")
        for chunk in range(WORKERS):
            with closing(Ledger(folder, chunk, lease, durable=False)) as ledger:
                ledger.commit([{"row": row, **ANSWER} for row in range(CHUNK // 2)])
        began = time.perf_counter()
        replays = [Replay().read(folder, chunk) for chunk in range(WORKERS)]
        read = time.perf_counter()
        for chunk, replay in enumerate(replays):
            replay.read(folder, chunk)
        sum_of(replay.figures() for replay in replays)
        return read - began, time.perf_counter() - read


def confirming_ms() -> float:
    """What the disk takes to confirm a page."""
    return 1e3 * journal.confirming()


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"
