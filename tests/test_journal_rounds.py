"""A sentinel's rounds in the journal: recorded, held against, asked by one process at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from clocks import Clock
from databases import EVERY, fresh
from facegate.journal.rounds import HELD_S, Rounds
from journals import finished, journal, write

SINCE = "2026-03-02T12:00:00.000000Z"
ROUND = {"part": "watch", "cost": 0.2}
ALARM = ROUND | {"changed": SINCE}


@pytest.fixture(params=EVERY)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return fresh(request.param, tmp_path)


def test_rounds_are_kept_in_their_order(url: str) -> None:
    with journal(url) as kept:
        kept.rounds.append("main", [{"part": "baseline"}, {"part": "watch"}])
        kept.rounds.append("backup", [ALARM])
        found = kept.rounds.all("main")
        assert [(each.number, each.detail["part"]) for each in found] == [
            (1, "baseline"),
            (2, "watch"),
        ]
        assert [each.number for each in kept.rounds.all("main", after=1)] == [2]
        assert (kept.rounds.last("main"), kept.rounds.last("nobody")) == (2, 0)


def test_each_is_a_record_that_proves_it(url: str) -> None:
    with journal(url) as kept:
        kept.rounds.append("main", [ROUND])
        write(kept, finished())
        kept.rounds.append("main", [ROUND])
        assert [each.seq for each in kept.rounds.all("main")] == [1, 4]
        assert kept.verify().problems == ()
        assert [each.request_id for each in kept.rows()] == ["r-1"]


def test_the_last_round_says_whether_a_provider_changed(url: str) -> None:
    with journal(url) as kept:
        kept.rounds.append("main", [ROUND])
        assert kept.rounds.changed() == {}
        for _ in range(2):
            kept.rounds.append("main", [ALARM])
        kept.rounds.append("backup", [ROUND])
        assert kept.rounds.changed() == {"main": SINCE}
        kept.rounds.append("main", [ROUND])
        assert kept.rounds.changed() == {}
        assert kept.rounds.changes() == [("main", SINCE)]


def test_a_purge_leaves_what_later_rounds_are_held_against(url: str) -> None:
    with journal(url) as kept:
        kept.rounds.append("main", [ALARM])
        assert kept.purge(datetime.now(UTC) + timedelta(days=1)) == 1
        assert kept.rounds.changed() == {"main": SINCE}
        assert len(kept.rounds.all("main")) == 1
        assert kept.verify().problems == ()


def test_a_round_that_was_altered_shows(url: str) -> None:
    with journal(url) as kept:
        for each in (ROUND, ALARM, ROUND):
            kept.rounds.append("main", [each])
        for statement, shown in (
            (
                "UPDATE facegate_rounds SET changed = NULL",
                "round 2 of main is not as record 2 says",
            ),
            ("DELETE FROM facegate_rounds WHERE number = 3", "record 3 is of a round of main"),
            ("UPDATE facegate_rounds SET detail = '{}'", "round 1 of main is not as record 1 says"),
        ):
            with kept.store.transaction() as connection:
                connection.execute(text(statement))
            assert any(shown in each for each in kept.verify().problems)


def test_of_many_that_try_one_gets_the_turn(url: str) -> None:
    with journal(url) as one, journal(url) as other, ThreadPoolExecutor(8) as threads:
        tries = [one, other] * 4
        taken = list(threads.map(lambda each: each.rounds.take("main", every_s=60), tries))
        assert sum(taken) == 1


def test_a_turn_is_over_when_it_is_given_back(url: str) -> None:
    clock = Clock()
    with journal(url) as kept:
        rounds = Rounds(kept.store, clock)
        assert rounds.asked("main") is None
        assert rounds.take("main", every_s=60)
        assert not rounds.take("main")
        rounds.give_back("main", asked=True)
        assert rounds.asked("main") == datetime.fromtimestamp(clock.now, UTC)
        assert not rounds.take("main", every_s=60)
        assert rounds.take("main")
        rounds.give_back("main", asked=False)
        assert rounds.take("main", every_s=0)  # whoever asks more often need not wait
        rounds.give_back("main", asked=True)
        clock.now += 60
        assert rounds.take("main", every_s=60)


def test_a_turn_of_somebody_who_was_killed_ends(url: str) -> None:
    clock = Clock()
    with journal(url) as kept:
        rounds = Rounds(kept.store, clock)
        assert rounds.take("main")
        clock.now += HELD_S - 1
        rounds.hold("main")
        clock.now += HELD_S - 1
        assert not rounds.take("main")
        clock.now += 1
        assert rounds.take("main")


def test_a_clock_that_was_wrong_holds_nobody_up(url: str) -> None:
    clock = Clock()
    with journal(url) as kept:
        rounds = Rounds(kept.store, clock)
        clock.now += 1e6
        assert rounds.take("main")
        clock.now -= 1e6
        assert rounds.take("main")
        clock.now += 1e6
        rounds.give_back("main", asked=True)
        clock.now -= 1e6
        assert rounds.take("main", every_s=60)
