"""Requests learn of a provider that changed from the journal, and from nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from clocks import Clock
from drawn import picture
from facegate import FaceVerifier
from facegate.errors import JournalUnavailable, ProviderUnavailable
from facegate.routing.tables import SentinelTable
from facegate.routing.watch import LOOK_S, Watch, Watched
from scripted import free, leaves, route

PROBE, GALLERY = picture(seed=1), picture(seed=2)


class Rounds:
    """What the journal says, while it is there."""

    def __init__(self) -> None:
        self.changed: Mapping[str, str] = {}
        self.away = False
        self.looks = 0

    def __call__(self) -> Mapping[str, str]:
        self.looks += 1
        if self.away:
            raise JournalUnavailable("away")
        return self.changed


@pytest.fixture
def rounds() -> Rounds:
    return Rounds()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(rounds: Rounds, clock: Clock) -> FaceVerifier:
    settings = SentinelTable(canaries=Path("c.csv"), providers=("main",), on_alarm="leave")
    [leaf] = leaves(free("main"))
    watch = Watch(settings, rounds, clock, begin=lambda look: look())
    return FaceVerifier(route(Watched(leaf, watch)))


def test_the_journal_is_looked_into_now_and_then(
    verifier: FaceVerifier, rounds: Rounds, clock: Clock
) -> None:
    for _ in range(3):
        assert verifier.compare(PROBE, GALLERY).accepted
    assert rounds.looks == 1
    rounds.changed = {"main": "2026-11-28T09:00:00Z"}
    assert verifier.compare(PROBE, GALLERY).accepted
    clock.now += LOOK_S
    with pytest.raises(ProviderUnavailable, match="its model changed by 2026-11-28T09:00:00Z"):
        verifier.compare(PROBE, GALLERY)
    rounds.changed = {}
    clock.now += LOOK_S
    assert verifier.compare(PROBE, GALLERY).accepted


def test_what_was_read_last_holds_while_the_journal_is_away(
    verifier: FaceVerifier, rounds: Rounds, clock: Clock
) -> None:
    rounds.changed = {"main": "2026-11-28T09:00:00Z"}
    for away in (False, True):
        rounds.away = away
        with pytest.raises(ProviderUnavailable):
            verifier.compare(PROBE, GALLERY)
        clock.now += LOOK_S
    assert rounds.looks == 2


def test_nobody_answers_before_the_journal_was_ever_there(
    verifier: FaceVerifier, rounds: Rounds
) -> None:
    rounds.away = True
    for _ in range(2):
        with pytest.raises(JournalUnavailable):
            verifier.compare(PROBE, GALLERY)


def test_a_journal_that_hangs_keeps_nobody_waiting(clock: Clock) -> None:
    settings = SentinelTable(canaries=Path("c.csv"), providers=("main",), on_alarm="leave")
    answers, hangs = threading.Event(), threading.Event()
    answers.set()

    def look() -> Mapping[str, str]:
        if not answers.is_set():
            hangs.set()
        assert answers.wait(60)
        return {}

    [leaf] = leaves(free("main"))
    verifier = FaceVerifier(route(Watched(leaf, Watch(settings, look, clock)), deadline_s=30))
    assert verifier.compare(PROBE, GALLERY).accepted
    answers.clear()
    try:
        for _ in range(3):
            clock.now += LOOK_S
            assert verifier.compare(PROBE, GALLERY).accepted
        assert hangs.is_set()
    finally:
        answers.set()


def test_a_look_that_never_comes_back_is_given_up(clock: Clock) -> None:
    settings = SentinelTable(canaries=Path("c.csv"), providers=("main",), on_alarm="leave")
    looks: list[Callable[[], None]] = []
    changed: list[Mapping[str, str]] = [{}]
    watch = Watch(settings, lambda: changed.pop(0), clock, begin=looks.append)
    [leaf] = leaves(free("main"))
    verifier = FaceVerifier(route(Watched(leaf, watch), deadline_s=30))
    with pytest.raises(JournalUnavailable):
        verifier.compare(PROBE, GALLERY)
    looks.pop(0)()
    assert verifier.compare(PROBE, GALLERY).accepted
    for _ in range(4):  # the second one hangs
        clock.now += LOOK_S
        assert verifier.compare(PROBE, GALLERY).accepted
    hanging, another = looks
    changed[:] = [{"main": "2026-11-28T09:00:00Z"}, {}]
    another()
    hanging()  # and says at last what is no news
    with pytest.raises(ProviderUnavailable):
        verifier.compare(PROBE, GALLERY)


def test_what_happens_to_others_is_no_concern(verifier: FaceVerifier, rounds: Rounds) -> None:
    rounds.changed = {"backup": "2026-11-28T09:00:00Z"}
    assert verifier.compare(PROBE, GALLERY).accepted
