"""Limits of keys and of people, counted by all processes together."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import select

from clocks import Clock
from databases import EVERY, fresh
from facegate import (
    AsyncFaceVerifier,
    ConfigurationError,
    FacegateError,
    InvalidRequest,
    Operation,
    ProviderUnavailable,
    Question,
)
from facegate.errors import JournalUnavailable
from facegate.events import BudgetPassed
from facegate.gateway import counters as module
from facegate.gateway.attempts import AttemptSettings, per_transaction
from facegate.gateway.budgets import SOFT, Admission, Admitted, BudgetSpent, TooManyAttempts
from facegate.gateway.budgets import TooManyRequests as TooMany
from facegate.gateway.counters import NOWHERE, Counters, Full, RedisCounters, Spending, Taken, Use
from facegate.gateway.keys import Caller
from facegate.gateway.stored import TableCounters
from facegate.journal.schema import uses
from facegate.routing.failover import Failover
from facegate.routing.route import Route
from journals import journal
from redises import Redis
from scripted import QUESTION, Book, Vendor, leaves, route

TEAM = Caller("team", "team", frozenset({"verify"}))
FAR = 4e9
"""A moment in many years."""


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(params=[*EVERY, "redis"])
def counters(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Counters]:
    if request.param == "redis":
        # A Redis on a busy machine is no Redis that fails.
        monkeypatch.setattr(module, "_PATIENCE_S", 60)
        server: Redis = request.getfixturevalue("redis")
        shared = RedisCounters(SecretStr(server.url))
        yield shared
        shared._redis.flushdb()
        shared._redis.close()
        return
    with journal(fresh(request.param, tmp_path)) as kept:
        yield TableCounters(kept.store)


@pytest.fixture
def timed(tmp_path: Path) -> Iterator[tuple[TableCounters, Clock]]:
    clock = Clock()
    with journal(fresh("sqlite", tmp_path)) as kept:
        yield TableCounters(kept.store, clock), clock


def money(most: int | None, amount: int, name: str = "money:team") -> Spending:
    return Spending(name, "2026-11-28", most, amount, FAR)


def question(subject: str | None = None, **fields: Any) -> Question:
    return Question(**{"operation": Operation.COMPARE, **QUESTION, "subject": subject, **fields})


async def ask(
    admission: Admission, caller: Caller, vendor: Vendor, asked: Question | None = None
) -> Admitted:
    """One question, as the API asks it."""
    asked = asked or question()
    async with (
        AsyncFaceVerifier(vendor) as verifier,
        admission.admitted(caller, asked, verifier.route) as admitted,
    ):
        admitted.settle(await verifier.ask(asked))
    return admitted


def asks(*arguments: Any) -> Admitted:
    return anyio.run(ask, *arguments)


def spent(counters: Counters, caller: Caller = TEAM) -> int:
    """Money of the day, in millionths."""
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    taken = counters.take([], [Spending(f"money:{caller.id}", day, None, 0, FAR)])
    assert isinstance(taken, Taken)
    return int(taken.spent[0])


def limited(**limits: Any) -> Caller:
    return Caller("team", "team", frozenset({"verify"}), **limits)


def test_as_many_uses_as_there_are_places(counters: Counters) -> None:
    use = Use("at once:team", 2, 60)
    first, second = counters.take([use], []), counters.take([use], [])
    assert isinstance(first, Taken)
    assert isinstance(second, Taken)
    third = counters.take([use], [])
    assert isinstance(third, Full)
    assert third.name == use.name
    assert 0 < third.wait <= 60
    counters.give_back(first, [use.name], [])
    assert isinstance(counters.take([use], []), Taken)


def test_money_is_spent_to_the_last_millionth_and_no_further(counters: Counters) -> None:
    for _ in range(3):
        assert isinstance(counters.take([], [money(30, 10)]), Taken)
    assert isinstance(counters.take([], [money(30, 1)]), Full)
    counters.give_back(Taken(), [], [money(None, -4)])
    taken = counters.take([], [money(30, 4)])
    assert isinstance(taken, Taken)
    assert list(taken.spent) == [30]


def test_what_is_refused_has_counted_nothing(counters: Counters) -> None:
    rate, once = Use("rate:team", 1, 60), Use("at once:team", 1, 60)
    assert isinstance(counters.take([once], [money(10, 10)]), Taken)
    for _ in range(2):
        assert isinstance(counters.take([rate, once], []), Full)
        assert isinstance(counters.take([rate], [money(10, 1)]), Full)
    assert isinstance(counters.take([rate], []), Taken)


def test_names_do_not_count_together(counters: Counters) -> None:
    for name in ("rate:one", "rate:two", "at once:one"):
        assert isinstance(counters.take([Use(name, 1, 60)], []), Taken)


_names = count()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(most=st.integers(1, 4), steps=st.lists(st.floats(0, 40), max_size=25))
def test_no_window_holds_more_than_the_rate(
    timed: tuple[TableCounters, Clock], most: int, steps: list[float]
) -> None:
    counters, clock = timed
    use = Use(f"rate:{next(_names)}", most, 60)
    begun: list[float] = []
    for step in steps:
        clock.now += step
        taken = counters.take([use], [])
        recent = [moment for moment in begun if moment + 60 > clock.now]
        if isinstance(taken, Taken):
            begun.append(clock.now)
            assert len(recent) < most
        else:
            assert len(recent) == most  # never refused without need
            assert taken.wait == pytest.approx(recent[0] + 60 - clock.now)


def test_a_rate_holds_for_each_key(counters: Counters) -> None:
    admission, vendor = Admission(counters), Vendor("main")
    caller = limited(rate=(2, 3600))
    for _ in range(2):
        asks(admission, caller, vendor)
    with pytest.raises(TooMany, match="may ask 2 times in 3600 s") as refused:
        asks(admission, caller, vendor)
    assert refused.value.http_status == 429
    assert 0 < (refused.value.retry_after or 0) <= 3600
    assert len(vendor.asked) == 2


def test_a_place_is_given_back_however_a_question_ends(counters: Counters) -> None:
    admission, caller = Admission(counters), limited(at_once=1)
    asks(admission, caller, Vendor("main"))
    with pytest.raises(ProviderUnavailable):
        asks(admission, caller, Vendor("main", "unavailable"))

    async def gives_up() -> None:
        with anyio.CancelScope() as scope:
            async with admission.admitted(caller, question(), Route.to(Vendor("main"))):
                with pytest.raises(TooMany, match="1 questions at once"):
                    await ask(admission, caller, Vendor("other"))
                scope.cancel()
                await anyio.sleep(60)

    anyio.run(gives_up)
    asks(admission, caller, Vendor("main"))


def test_the_place_of_a_process_that_died_ends_by_itself(
    timed: tuple[TableCounters, Clock],
) -> None:
    counters, clock = timed
    use = Use("at once:team", 1, 30)
    assert isinstance(counters.take([use], []), Taken)  # and then it dies
    clock.now += 29
    assert isinstance(counters.take([use], []), Full)
    clock.now += 1
    assert isinstance(counters.take([use], []), Taken)


def test_a_question_costs_what_was_charged(counters: Counters) -> None:
    admission, caller = Admission(counters), limited(budget=(10.0, "day"))
    asks(admission, caller, Vendor("main", cost=0.05))
    assert spent(counters) == 50_000
    with pytest.raises(ProviderUnavailable):  # which no vendor charges for
        asks(admission, caller, Vendor("main", "unavailable", cost=0.05))
    assert spent(counters) == 50_000
    with pytest.raises(FacegateError):  # which it may have charged for
        asks(admission, caller, Vendor("main", "late", cost=0.05))
    assert spent(counters) == 100_000


def test_the_dearest_way_is_reserved(counters: Counters) -> None:
    cheap, dear = Vendor("cheap", cost=0.01), Vendor("dear", cost=0.5)
    way = route(Failover("kyc", leaves(cheap, dear)), max_attempts=2)
    caller = limited(budget=(1.0, "day"))

    async def main() -> None:
        async with Admission(counters).admitted(caller, question(), way):
            assert spent(counters) == 1_000_000
            with pytest.raises(BudgetSpent, match="not left of the key's 1 a day") as refused:
                await ask(Admission(counters), caller, cheap)
            assert (refused.value.retry_after or 0) <= 86_400

    anyio.run(main)


def test_a_question_that_broke_off_has_cost_all_that_was_reserved(counters: Counters) -> None:
    caller = limited(budget=(10.0, "day"))
    way = Route.to(Vendor("main", cost=0.05))

    async def main() -> None:
        with anyio.CancelScope() as scope:
            async with Admission(counters).admitted(caller, question(), way):
                scope.cancel()
                await anyio.sleep(60)

    anyio.run(main)
    assert spent(counters) == 50_000


def test_a_budget_without_a_price_is_refused_before_anybody_is_asked(counters: Counters) -> None:
    vendor = Vendor("main")
    with pytest.raises(ConfigurationError, match="has no price for compare"):
        asks(Admission(counters), limited(budget=(10.0, "day")), vendor)
    assert not vendor.asked


def test_days_and_months_are_counted_side_by_side(counters: Counters) -> None:
    caller = limited(budget=(0.1, "day"), soft_budget=(0.04, "month"))
    vendor = Vendor("main", cost=0.05)
    for _ in range(2):
        asks(Admission(counters), caller, vendor)
    with pytest.raises(BudgetSpent):
        asks(Admission(counters), caller, vendor)


def test_a_soft_budget_tells_and_refuses_nothing(
    counters: Counters, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "facegate.gateway")
    book = Book()
    admission = Admission(counters, observers=(book,))
    caller, vendor = limited(soft_budget=(0.1, "day")), Vendor("main", cost=0.05)
    for _ in range(2):
        assert SOFT not in asks(admission, caller, vendor).headers
    for total in ("0.15", "0.2"):
        told = asks(admission, caller, vendor).headers[SOFT]
        assert told == f"{total} spent or reserved of 0.1 a day"
    assert caplog.messages == ["key team: 0.15 spent or reserved of 0.1 a day"]  # once
    assert book.seen == [BudgetPassed("team", 0.15, 0.1, "day")]


def test_a_person_who_is_not_accepted_may_try_so_often(counters: Counters) -> None:
    admission = Admission(counters, AttemptSettings(per_subject="2/hour"), b"k" * 32)
    thief = Vendor("main", "no")
    for _ in range(2):
        asks(admission, TEAM, thief, question("ann"))
    with pytest.raises(TooManyAttempts) as refused:
        asks(admission, TEAM, thief, question("ann"))
    assert refused.value.http_status == 429
    assert 0 < (refused.value.retry_after or 0) <= 3600
    assert "ann" not in str(refused.value)
    with pytest.raises(TooManyAttempts):  # whoever asks
        asks(admission, Caller("other", "other", frozenset()), thief, question("ann"))
    asks(admission, TEAM, thief, question("ben"))


def test_who_is_accepted_may_come_as_often_as_they_like(counters: Counters) -> None:
    admission = Admission(counters, AttemptSettings(per_subject="1/hour"), b"k" * 32)
    for _ in range(3):
        asks(admission, TEAM, Vendor("main"), question("ann"))


@pytest.mark.parametrize("word", ["unavailable", "late", "no face", "something"])
def test_an_outage_is_nobodys_failed_attempt(counters: Counters, word: str) -> None:
    admission = Admission(counters, AttemptSettings(per_subject="1/hour"), b"k" * 32)
    for _ in range(2):
        with pytest.raises(FacegateError):
            asks(admission, TEAM, Vendor("main", word), question("ann"))
    asks(admission, TEAM, Vendor("main", "no"), question("ann"))


def test_attempts_at_once_do_not_get_past_the_limit(counters: Counters) -> None:
    """A thief who sends them all together, before the first has failed."""
    admission = Admission(counters, AttemptSettings(per_subject="2/hour"), b"k" * 32)
    thief, refused = Vendor("main", "no"), []

    async def attempt() -> None:
        try:
            await ask(admission, TEAM, thief, question("ann"))
        except TooManyAttempts as error:
            refused.append(error)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(attempt)

    anyio.run(main)
    assert (len(thief.asked), len(refused)) == (2, 4)


def test_leaving_the_name_out_is_no_way_around(counters: Counters) -> None:
    admission = Admission(counters, AttemptSettings(per_subject="2/hour"), b"k" * 32)
    vendor = Vendor("main")
    with pytest.raises(InvalidRequest, match="name the subject"):
        asks(admission, TEAM, vendor)
    assert not vendor.asked


def test_questions_with_liveness_have_a_limit_of_their_own() -> None:
    both = AttemptSettings(per_subject="5/hour", per_subject_live="10/hour")
    assert both.rate(Operation.COMPARE) == "5/hour"
    assert both.rate(Operation.COMPARE_LIVE) == both.rate(Operation.LIVENESS) == "10/hour"
    assert AttemptSettings(per_subject="5/hour").rate(Operation.LIVENESS) == "5/hour"
    assert AttemptSettings(per_subject_live="10/hour").rate(Operation.COMPARE) is None


def test_one_limit_does_not_hold_for_as_long_as_the_other(counters: Counters) -> None:
    both = AttemptSettings(per_subject="2/minute", per_subject_live="3/hour")
    admission, thief = Admission(counters, both), Vendor("main", "no")
    for _ in range(2):
        asks(admission, TEAM, thief, question("ann"))
    with pytest.raises(TooManyAttempts) as refused:
        asks(admission, TEAM, thief, question("ann"))
    assert 0 < (refused.value.retry_after or 0) <= 60


def test_a_question_that_never_fits_the_budget_is_not_to_be_tried_again(
    counters: Counters,
) -> None:
    caller = limited(budget=(0.02, "day"))
    with pytest.raises(BudgetSpent) as refused:
        asks(Admission(counters), caller, Vendor("main", cost=0.03))
    assert refused.value.retry_after is None


def test_no_name_of_a_person_is_kept(tmp_path: Path) -> None:
    with journal(fresh("sqlite", tmp_path)) as kept:
        admission = Admission(
            TableCounters(kept.store), AttemptSettings(per_subject="2/hour"), b"k" * 32
        )
        asks(admission, TEAM, Vendor("main", "no"), question("ann-of-the-tests"))
        for file in tmp_path.iterdir():
            assert b"ann-of-the-tests" not in file.read_bytes()


def test_a_key_without_limits_touches_no_store() -> None:
    class Untouched:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    asks(Admission(Untouched()), TEAM, Vendor("main"))


def test_nothing_is_kept_of_people_who_never_come_again(
    timed: tuple[TableCounters, Clock], tmp_path: Path
) -> None:
    counters, clock = timed
    counters.take([Use("person:once", 5, 3600)], [])
    clock.now += 3601
    counters.take([Use("person:other", 5, 3600)], [])
    with journal(fresh("sqlite", tmp_path)) as kept, kept.store.reading() as connection:
        assert connection.execute(select(uses.c.name)).scalars().all() == ["person:other"]


def test_limits_without_a_store_let_nobody_in() -> None:
    vendor = Vendor("main")
    with pytest.raises(ConfigurationError, match=r"need \[journal\]"):
        asks(Admission(NOWHERE), limited(rate=(2, 1)), vendor)
    assert not vendor.asked


def test_a_database_that_is_away_lets_nobody_in(tmp_path: Path) -> None:
    vendor = Vendor("main", cost=0.05)
    with journal(f"sqlite:///{tmp_path}/gone/journal.db") as kept:
        counters = TableCounters(kept.store)
        with pytest.raises(JournalUnavailable) as refused:
            asks(Admission(counters), limited(budget=(10.0, "day")), vendor)
        with pytest.raises(JournalUnavailable):
            counters.check()
    assert refused.value.http_status == 503
    assert not vendor.asked


def test_a_redis_that_is_away_lets_nobody_in(tmp_path: Path) -> None:
    vendor = Vendor("main", cost=0.05)
    server = Redis(tmp_path)
    counters = RedisCounters(SecretStr(server.url))
    counters.check()
    server.stop()
    with pytest.raises(ProviderUnavailable, match="cannot be counted") as refused:
        asks(Admission(counters), limited(budget=(10.0, "day")), vendor)
    with pytest.raises(ProviderUnavailable):
        counters.check()
    counters._redis.close()
    assert refused.value.http_status == 503
    assert "hunter2" not in str(refused.value)
    assert not vendor.asked


def test_an_answer_is_given_even_if_its_limits_cannot_be_given_back(
    timed: tuple[TableCounters, Clock],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def away(*_: object) -> None:
        raise JournalUnavailable("the journal's database failed")

    counters, _ = timed
    monkeypatch.setattr(counters, "give_back", away)
    asks(Admission(counters), limited(budget=(10.0, "day")), Vendor("main", cost=0.05))
    assert caplog.messages[-1].startswith("a question's limits were not given back")
    assert spent(counters) == 50_000


def test_a_url_of_a_redis_that_is_none_is_not_shown() -> None:
    with pytest.raises(ConfigurationError, match="not a URL of a Redis") as refused:
        RedisCounters(SecretStr("http://:hunter2@host"))
    assert "hunter2" not in str(refused.value)


@given(st.floats(0, 1), st.integers(1, 50))
def test_more_attempts_give_a_thief_more_chances(fmr: float, attempts: int) -> None:
    share = per_transaction(fmr, attempts)
    assert fmr * (1 - 1e-9) <= share <= min(1.0, attempts * fmr * (1 + 1e-9))
    assert share <= per_transaction(fmr, attempts + 1)


def test_five_attempts_at_one_in_ten_thousand() -> None:
    assert per_transaction(1e-4, 5) == pytest.approx(0.00049990001)


@pytest.mark.slow
@pytest.mark.parametrize("database", EVERY)
def test_two_processes_never_spend_more_than_the_budget(database: str, tmp_path: Path) -> None:
    url = fresh(database, tmp_path)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        answered = pool.map(_spend, [url, url])
    with journal(url) as kept:
        counters = TableCounters(kept.store)
        assert spent(counters) == 10_000_000
        # All went to the end, and nothing is still held.
        assert isinstance(counters.take([Use("at once:team", 1, 60)], []), Taken)
    assert sum(answered) == 200


def _spend(url: str) -> int:
    """Ask, 40 at once, until the budget is spent; gives how many were answered."""
    caller = limited(budget=(10.0, "day"), at_once=80)
    way, answered = Route.to(Vendor("main", cost=0.05)), 0

    async def main() -> None:
        with journal(url) as kept:
            admission = Admission(TableCounters(kept.store))
            async with AsyncFaceVerifier(way) as verifier, anyio.create_task_group() as tasks:
                for _ in range(40):
                    tasks.start_soon(until_spent, admission, verifier)

    async def until_spent(admission: Admission, verifier: AsyncFaceVerifier) -> None:
        nonlocal answered
        while True:
            try:
                async with admission.admitted(caller, question(), way) as admitted:
                    admitted.settle(await verifier.ask(question()))
            except BudgetSpent:
                return
            answered += 1

    anyio.run(main)
    return answered
