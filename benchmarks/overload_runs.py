"""More callers than the backup can serve, while the first of two vendors is dead."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from outage_runs import PICTURES, SPEC, Knowing, same

from facegate import AsyncFaceVerifier, FacegateError, FaceVerifier, Image, VerificationResult
from facegate.events import BreakerTurned, Event
from facegate.plugin import (
    Answer,
    BlockingProvider,
    CompareRequest,
    ConnectionFailed,
    Flow,
    FlowProvider,
    ProviderSettings,
    seconds_left,
    sleep,
)
from facegate.routing.breaker import Breaker, BreakerSettings, Circuit, State
from facegate.routing.failover import Failover
from facegate.routing.leaf import Leaf
from facegate.routing.route import Route
from facegate_local.pool import Pool

CALLERS: Final = 64
A_SECOND: Final = 20
"""What the backup can do."""
DEADLINE_S: Final = 1.0
OPEN_S: Final = 0.5
MAIN_S: Final = 0.05
"""How long the first vendor takes while it is well."""
PAUSE_S: Final = 0.2
"""How long a caller who was refused waits before it asks again."""


def answered(request: CompareRequest[ProviderSettings]) -> Answer:
    """What an engine that is never wrong says."""
    score = 0.99 if same(request.probe, request.gallery[0]) else 0.01
    return Answer(SPEC.match(score, request.threshold))


class Main(FlowProvider[ProviderSettings]):
    """The first vendor, dead while it is told to be."""

    settings_type = ProviderSettings
    info = Knowing.info
    dead = threading.Event()

    def compare(self, request: CompareRequest[ProviderSettings]) -> Flow[Answer]:
        if self.dead.is_set():
            raise ConnectionFailed("no connection")
        yield from sleep(MAIN_S)
        return answered(request)


class Backup(BlockingProvider[ProviderSettings]):
    """One engine that takes its time, lent as the embedded engines are."""

    settings_type = ProviderSettings
    info = Knowing.info

    def compare(self, request: CompareRequest[ProviderSettings]) -> Answer:
        def job(_: object) -> Answer:
            time.sleep(1 / A_SECOND)
            return answered(request)

        return _POOL.run([job], timeout=seconds_left())[0]


_POOL: Final = Pool(object, 1)


@dataclass
class Overload:
    """What became of the requests that were made while the first vendor was dead.

    Attributes:
        waits: seconds that answers took.
        refusals: seconds that errors took.
        wrong: answers that were.
        opened: whether the backup's breaker opened.
        back_s: from the end of the outage to the first answer of the first vendor.
    """

    seconds: float
    waits: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    wrong: int = 0
    opened: bool = False
    back_s: float | None = None
    _over: float | None = None

    def route(self) -> Route:
        """A failover whose breakers are the configuration's, but for how long they stay open."""
        main, backup = (
            Breaker(Leaf(vendor), Circuit(vendor.name, BreakerSettings(open_s=OPEN_S)))
            for vendor in (
                Main(ProviderSettings(), name="main"),
                Backup(ProviderSettings(), name="backup"),
            )
        )
        return Route("kyc", Failover("kyc", [main, backup]), DEADLINE_S, 3)

    def __call__(self, event: Event) -> None:
        if isinstance(event, BreakerTurned) and event.provider == "backup":
            self.opened |= event.state is State.OPEN

    @contextmanager
    def outage(self) -> Iterator[threading.Event]:
        """The first vendor is dead, then well for a while; set once callers are to stop."""
        stop = threading.Event()

        def end() -> None:
            time.sleep(self.seconds)
            Main.dead.clear()
            self._over = time.perf_counter()
            time.sleep(4 * OPEN_S)
            stop.set()

        Main.dead.set()
        thread = threading.Thread(target=end)
        thread.start()
        try:
            yield stop
        finally:
            thread.join()

    def pair(self, number: int) -> tuple[Image, Image]:
        """Two pictures; every other time, of one person."""
        first = number * 7 % len(PICTURES)
        return PICTURES[first], PICTURES[first ^ 1 if number % 2 else (first + 2) % len(PICTURES)]

    def note(
        self,
        pair: tuple[Image, Image],
        began: float,
        ended: VerificationResult | FacegateError,
    ) -> None:
        """Count one request."""
        now = time.perf_counter()
        if isinstance(ended, VerificationResult):
            self.wrong += ended.accepted != same(*pair)
            if ended.provider == "main" and self.back_s is None and self._over is not None:
                self.back_s = now - self._over
        if self._over is None:
            (self.waits if isinstance(ended, VerificationResult) else self.refusals).append(
                now - began
            )

    def by_threads(self) -> None:
        """Let each caller ask again and again, in a thread of its own."""

        def caller(number: int) -> None:
            while not stop.is_set():
                pair, began = self.pair(number), time.perf_counter()
                number += CALLERS + 1
                try:
                    self.note(pair, began, verifier.compare(pair[0], [pair[1]]))
                except FacegateError as error:
                    self.note(pair, began, error)
                    time.sleep(PAUSE_S)

        with (
            FaceVerifier(self.route(), observers=[self]) as verifier,
            self.outage() as stop,
            ThreadPoolExecutor(CALLERS) as threads,
        ):
            list(threads.map(caller, range(CALLERS)))

    async def as_tasks(self) -> None:
        """Likewise, as tasks of an event loop."""

        async def caller(number: int) -> None:
            while not stop.is_set():
                pair, began = self.pair(number), time.perf_counter()
                number += CALLERS + 1
                try:
                    self.note(pair, began, await verifier.compare(pair[0], [pair[1]]))
                except FacegateError as error:
                    self.note(pair, began, error)
                    await asyncio.sleep(PAUSE_S)

        async with AsyncFaceVerifier(self.route(), observers=[self]) as verifier:
            with self.outage() as stop:
                async with asyncio.TaskGroup() as tasks:
                    for number in range(CALLERS):
                        tasks.create_task(caller(number))


def overload(way: str, seconds: float) -> Overload:
    """What an outage of so many seconds comes to, asked by ``threads`` or as ``async`` tasks."""
    _POOL.clear()
    run = Overload(seconds)
    if way == "threads":
        run.by_threads()
    else:
        asyncio.run(run.as_tasks())
    return run
