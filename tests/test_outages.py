"""A short version of ``benchmarks/outages.py``: a vendor fails while many ask, and is back."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from outage_runs import PICTURES, Vendors, same

import facegate
from facegate import FacegateError, Image, VerificationResult

pytestmark = pytest.mark.slow

FAILS = ["stalls", "resets", "answers garbage", "throttles", "dies"]

Pair = tuple[Image, Image]
Ended = VerificationResult | FacegateError
AskAll = Callable[[Sequence[Pair]], list[Ended]]


@pytest.fixture(scope="module")
def vendors() -> Iterator[Any]:
    with Vendors() as opened:
        yield opened


@contextmanager
def threads(file: Path) -> Iterator[AskAll]:
    """Eight threads that share a verifier."""
    with facegate.open(file, route="kyc") as verifier, ThreadPoolExecutor(8) as pool:

        def ask(pair: Pair) -> Ended:
            try:
                return verifier.compare(pair[0], [pair[1]])
            except FacegateError as error:
                return error

        yield lambda pairs: list(pool.map(ask, pairs))


@contextmanager
def tasks(file: Path) -> Iterator[AskAll]:
    """Tasks on an event loop that share a verifier."""
    verifier = facegate.open_async(file, route="kyc")

    async def ask_all(pairs: Sequence[Pair]) -> list[Ended]:
        ended: dict[int, Ended] = {}

        async def ask(number: int, pair: Pair) -> None:
            try:
                ended[number] = await verifier.compare(pair[0], [pair[1]])
            except FacegateError as error:
                ended[number] = error

        async with anyio.create_task_group() as group:
            for number, pair in enumerate(pairs):
                group.start_soon(ask, number, pair)
        return [ended[number] for number in range(len(pairs))]

    with start_blocking_portal() as portal, ExitStack() as closing:
        closing.callback(portal.call, verifier.close)
        yield lambda pairs: portal.call(ask_all, pairs)


def pairs(count: int) -> list[Pair]:
    """Of one person and of two, in turn."""
    firsts = random.Random(3).sample(range(len(PICTURES)), count)
    return [
        (PICTURES[first], PICTURES[first ^ 1 if number % 2 else first - 2])
        for number, first in enumerate(firsts)
    ]


def right(pair: Pair, ended: Ended) -> bool:
    return isinstance(ended, VerificationResult) and ended.accepted == same(*pair)


@pytest.mark.parametrize("asking", [threads, tasks])
@pytest.mark.parametrize("fault", FAILS)
def test_every_request_is_answered_and_rightly_while_the_first_vendor(
    vendors: Any, asking: Any, fault: str, tmp_path: Path
) -> None:
    asked = pairs(16)
    with (
        vendors.standing(fault, "failover, breaker", tmp_path) as (primary, file),
        asking(file) as ask_all,
    ):
        before = ask_all(asked)
        with primary.failing():
            during = ask_all(asked)
        after = ask_all(asked)
        while after[-1].provider != "main":
            after += ask_all(asked[-1:])
    told = [*zip(asked, before, strict=True), *zip(asked, during, strict=True)]
    told += zip(asked + asked[-1:] * (len(after) - len(asked)), after, strict=True)
    assert [ended for pair, ended in told if not right(pair, ended)] == []
    assert {ended.provider for ended in during} == {"backup"}
    assert max(len(ended.attempts) for ended in during) <= 2


@pytest.mark.parametrize("fault", FAILS)
def test_with_nobody_to_step_in_it_is_an_error_and_never_a_decision_when_the_vendor(
    vendors: Any, fault: str, tmp_path: Path
) -> None:
    asked = pairs(16)
    with (
        vendors.standing(fault, "main alone", tmp_path) as (primary, file),
        threads(file) as ask_all,
    ):
        with primary.failing():
            during = ask_all(asked)
        after = ask_all(asked)
    assert [ended for ended in during if not isinstance(ended, FacegateError)] == []
    assert [
        ended
        for pair, ended in zip(asked, after, strict=True)
        if not right(pair, ended) and not isinstance(ended, FacegateError)
    ] == []
