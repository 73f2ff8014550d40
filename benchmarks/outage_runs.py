"""Two vendors on loopback whose right answers are known, and load on them while the first fails."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle, repeat
from pathlib import Path
from typing import Any, Final, Self

import facegate
from facegate import FacegateError, Image, ImageFormat, VerificationResult
from facegate.gateway import create_app, serving
from facegate.plugin import (
    Answer,
    CompareRequest,
    Flow,
    FlowProvider,
    Handling,
    Kept,
    ProviderInfo,
    ProviderSettings,
    Scale,
    ScoreSpec,
)
from facegate.providers.registry import Registry
from facegate.testing import FaultProxy
from facegate.testing.faults import (
    Answered,
    InjectedFault,
    html_502,
    passes,
    rate_limited,
    reset,
    stall,
    truncated,
    wrong_length,
)
from facegate.testing.pictures import noise
from facegate.testing.server import PendingRequest, message

PICTURES: Final = [Image.of(noise(seed)) for seed in range(40)]
PERSON: Final = {picture.digest: index // 2 for index, picture in enumerate(PICTURES)}
"""Two pictures of each of twenty people."""

KEY: Final = "a-key-of-thirty-two-letters-or-more"
READ_S: Final = 0.25
MANY: Final = 100_000
"""Requests that a fault is kept in store for."""
THREADS: Final = 128
WAYS: Final = ("threads", "async")

CONFIG: Final = f"""
[providers.main]
plugin = "opencv_cloud"
base_url = "{{main}}/opencv_cloud"
api_key = "{KEY}"
read_s = {READ_S}

[providers.backup]
plugin = "verifik"
base_url = "{{backup}}/verifik"
token = "{KEY}"

[routes.kyc]
deadline_s = 5
"""
ROUTES: Final = {
    "main alone": 'to = "main"\n',
    "failover": 'failover = ["main", "backup"]\n',
    "failover, breaker": 'failover = ["main", "backup"]\n'
    "[breaker]\nwindow_s = 1\nminimum_calls = 5\nopen_s = 0.2\n",
}

SPEC: Final = ScoreSpec(Scale(name="knowing"), threshold=0.5)


class Knowing(FlowProvider[ProviderSettings]):
    """The engine behind both vendors, which is never wrong."""

    settings_type = ProviderSettings
    info = ProviderInfo(
        plugin="knowing",
        lineage="knowing",
        handling=Handling(
            "this process", keeps=Kept.NOTHING, enrols=False, searches=False, trains=False
        ),
        formats=frozenset(ImageFormat),
        match=SPEC,
    )

    def compare(self, request: CompareRequest[ProviderSettings]) -> Flow[Answer]:
        yield from ()
        score = 0.99 if same(request.probe, request.gallery[0]) else 0.01
        return Answer(SPEC.match(score, request.threshold))


def same(probe: Image, document: Image) -> bool:
    """The truth."""
    return PERSON[probe.digest] == PERSON[document.digest]


class Primary:
    """The first vendor: a proxy before a real server, which fails on demand.

    Args:
        upstream: the real server.
        fault: its key in ``FAULTS``.
    """

    def __init__(self, upstream: str, fault: str) -> None:
        self.proxy = FaultProxy(upstream)
        self.proxy.will(*repeat(self._play, MANY))
        self._dies, self._faults = fault == DIES, cycle(FAULTS[fault])
        self._failing = False

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Fail, whoever asks, until the block ends."""
        with ExitStack() as hidden:
            self._failing = True
            if self._dies:
                hidden.enter_context(self.proxy.refusing())
            yield
        self._failing = False

    def _play(self, line: PendingRequest, ask: Callable[[], Answered]) -> bool:
        fault = next(self._faults) if self._failing else passes
        return fault(line, ask)


def lies(body: Any) -> InjectedFault:
    """A well-formed reply that says nothing of use."""

    def fault(line: PendingRequest, _: Callable[[], Answered]) -> bool:
        line.socket.sendall(message(200, body))
        return True

    return fault


def stutters(line: PendingRequest, ask: Callable[[], Answered]) -> bool:
    """The reply twice, so that the second one lies ready for whoever asks next."""
    answered = ask()
    line.socket.sendall(2 * (answered.head + answered.body))
    return True


DIES: Final = "dies"
FAULTS: Final[dict[str, tuple[InjectedFault, ...]]] = {
    "is well": (passes,),
    "stalls": (stall(), stall(after=5)),
    "resets": (reset(), reset(after=5)),
    "answers garbage": (
        truncated(at=7),
        wrong_length(9),
        wrong_length(-3),
        html_502(),
        lies(b""),
        lies({"score": "high"}),
        lies({"score": 99}),
        lies({"similarity": 0.99}),
        stutters,
    ),
    "throttles": (rate_limited(1),),
    DIES: (reset(),),  # for what had come in; nobody else gets a connection
}


@dataclass(frozen=True)
class Asked:
    """One request and what became of it.

    Attributes:
        due: when, in seconds from the first one; whoever is late, its time begins then.
        seconds: until it ended.
        attempts: how often a vendor was asked.
        provider: who answered.
        right: whether the decision was; None where there was none.
        error: code of facegate's error, where it said that there is no answer.
        lost: neither an answer nor one of facegate's errors.
    """

    due: float
    seconds: float
    attempts: int = 0
    provider: str | None = None
    right: bool | None = None
    error: str | None = None
    lost: bool = False


@dataclass
class Load:
    """Requests at a steady rate, of which the middle half meets a failing vendor.

    Attributes:
        seconds: how long.
        rate: requests a second; they come when they are due, however slow the answers are.
        done: those that have ended.
    """

    seconds: float
    rate: float
    done: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        draw = random.Random(7)  # noqa: S311  the same load for all
        # Every other one is asked about one person, so that always yes would often be wrong.
        self._pairs = []
        for number in range(int(self.seconds * self.rate)):
            first = draw.randrange(len(PICTURES))
            second = first ^ 1 if number % 2 else (first + draw.randrange(2, 38)) % len(PICTURES)
            self._pairs.append((PICTURES[first], PICTURES[second]))
        self._begin = 0.0

    @property
    def count(self) -> int:
        """How many requests there are."""
        return len(self._pairs)

    @property
    def outage(self) -> tuple[float, float]:
        """When the vendor begins to fail, and when it is well again."""
        return self.seconds / 4, self.seconds * 3 / 4

    def due(self) -> Iterator[tuple[float, Image, Image, float]]:
        """How long to wait for each request, its pictures, and its moment."""
        self._begin = time.perf_counter()
        for number, pair in enumerate(self._pairs):
            moment = number / self.rate
            yield max(0.0, self._begin + moment - time.perf_counter()), *pair, moment

    @contextmanager
    def met_by(self, primary: Primary) -> Iterator[None]:
        """Let the vendor fail for the middle half of the load."""

        def fail() -> None:
            begins, ends = self.outage
            over.wait(begins)
            with primary.failing():
                over.wait(ends - begins)

        over = threading.Event()
        thread = threading.Thread(target=fail)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def note(
        self, probe: Image, document: Image, due: float, ended: VerificationResult | Exception
    ) -> None:
        """Hold what a request came to against the truth."""
        told: dict[str, Any] = {"lost": True}
        if isinstance(ended, VerificationResult):
            right = ended.accepted == same(probe, document)
            told = {"right": right, "provider": ended.provider, "attempts": len(ended.attempts)}
        elif isinstance(ended, FacegateError):
            told = {"error": ended.code, "attempts": len(ended.attempts)}
        self.done.append(Asked(due, time.perf_counter() - self._begin - due, **told))


class Vendors:
    """A primary behind a proxy that fails on demand, and a backup in another vendor's words."""

    def __enter__(self) -> Self:
        self._opened = ExitStack()
        registry = Registry()
        apis = [
            kind(kind.settings_type(), (KEY,))
            for kind in map(registry.api_type, ("opencv_cloud", "verifik"))
        ]
        app = create_app(apis, lambda: facegate.AsyncFaceVerifier(Knowing(ProviderSettings())))
        self._url = self._opened.enter_context(serving(app))
        return self

    def __exit__(self, *exception: object) -> None:
        self._opened.close()

    @contextmanager
    def standing(self, fault: str, route: str, folder: Path) -> Iterator[tuple[Primary, Path]]:
        """A first vendor that can fail in that way, and a configuration with a route ``kyc``."""
        primary, file = Primary(self._url, fault), folder / "facegate.toml"
        with primary.proxy as proxy:
            text = CONFIG.format(main=proxy.url, backup=self._url) + ROUTES[route]
            file.write_text(text, encoding="utf-8")
            yield primary, file

    def meet(self, load: Load, way: str, fault: str, route: str, folder: Path) -> list[Asked]:
        """Put the load to a route, by ``threads`` or as ``async`` tasks, while the first fails."""
        with self.standing(fault, route, folder) as (primary, file), load.met_by(primary):
            if way == "threads":
                with facegate.open(file, route="kyc") as verifier:
                    _in_threads(load, verifier)
            else:
                asyncio.run(_as_tasks(load, facegate.open_async(file, route="kyc")))
        return load.done


def _in_threads(load: Load, verifier: facegate.FaceVerifier) -> None:
    def ask(probe: Image, document: Image, due: float) -> None:
        ended: VerificationResult | Exception
        try:
            ended = verifier.compare(probe, [document])
        except Exception as error:  # noqa: BLE001  whatever it is, it is counted
            ended = error
        load.note(probe, document, due, ended)

    with ThreadPoolExecutor(THREADS) as threads:
        for wait, probe, document, due in load.due():
            time.sleep(wait)
            threads.submit(ask, probe, document, due)


async def _as_tasks(load: Load, verifier: facegate.AsyncFaceVerifier) -> None:
    async def ask(probe: Image, document: Image, due: float) -> None:
        ended: VerificationResult | Exception
        try:
            ended = await verifier.compare(probe, [document])
        except Exception as error:  # noqa: BLE001  whatever it is, it is counted
            ended = error
        load.note(probe, document, due, ended)

    async with verifier, asyncio.TaskGroup() as tasks:
        for wait, probe, document, due in load.due():
            await asyncio.sleep(wait)
            tasks.create_task(ask(probe, document, due))
