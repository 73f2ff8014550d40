"""One id for each request, whatever callers give."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from databases import EVERY, fresh
from facegate import InvalidRequest
from facegate.events import Finished, Shadowed
from facegate.journal import Journal
from journals import NOON, finished, journal, write

SECOND = timedelta(seconds=1)


@pytest.fixture(params=EVERY)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return fresh(request.param, tmp_path)


def given(request_id: str, second: int = 0) -> Finished:
    return finished(request_id, at=NOON + second * SECOND)


def ids(kept: Journal) -> list[str]:
    return [row.request_id for row in kept.rows()]


def test_an_id_that_is_taken_is_counted_on(url: str) -> None:
    with journal(url) as kept:
        write(kept, *(given("order-77", second) for second in range(3)), given("other"))
        assert ids(kept) == ["order-77", "order-77.2", "order-77.3", "other"]
        found = kept.decision("order-77.2")
        assert found.decision.given_id == "order-77"
        assert len(found.attempts) == 1
        assert found.repeats == ["order-77", "order-77.3"]
        assert kept.decision("order-77").repeats == ["order-77.2", "order-77.3"]
        assert kept.decision("other").repeats == []
        assert kept.verify().problems == ()


def test_a_counted_id_that_a_caller_has_given_already_is_passed_over(url: str) -> None:
    with journal(url) as kept:
        write(kept, given("r"), given("r.2"), given("r", 1), given("r.2", 2), given("r", 3))
        assert ids(kept) == ["r", "r.2", "r.3", "r.2.2", "r.4"]


def test_ids_written_together_are_told_apart_as_well(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    with journal(url, sync="background") as kept:
        write(kept, *(given("r", second) for second in range(4)), given("r.2", 9))
    with journal(url) as kept:
        assert ids(kept) == ["r", "r.2", "r.3", "r.4", "r.2.2"]


@pytest.mark.parametrize("sync", ["before_answer", "background"])
def test_a_shadow_has_the_id_that_its_primary_got(tmp_path: Path, sync: str) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    first, second = given("r"), given("r", 1)
    with journal(url, sync=sync) as kept:
        write(kept, first, second)
        write(kept, Shadowed(second, given("r", 2)), Shadowed(first, given("r", 3)))
    with journal(url) as kept:
        assert [(row.request_id, row.shadow) for row in kept.rows()] == [
            ("r", False),
            ("r.2", False),
            ("r.2", True),
            ("r", True),
        ]
        assert [len(kept.decision(each).shadows) for each in ("r", "r.2")] == [1, 1]


def test_a_label_touches_one_request(url: str) -> None:
    with journal(url) as kept:
        write(kept, given("r"), given("r", 1))
        kept.label("r.2", genuine=False)
        assert [row.genuine for row in kept.rows()] == [None, False]


def test_no_id_is_longer_than_one_can_be(url: str) -> None:
    long = "x" * 128
    with journal(url) as kept:
        write(kept, given(long), given(long, 1))
        assert ids(kept) == [long, f"{'x' * 126}.2"]


def test_an_old_journal_says_that_an_id_is_of_two(url: str) -> None:
    with journal(url) as kept:
        write(kept, given("r"), given("r", 1))
        with kept.store.writing() as connection:
            connection.exec_driver_sql(
                "UPDATE facegate_records SET request_id = 'r', given_id = NULL"
            )
        with pytest.raises(InvalidRequest, match="2 requests have the id 'r'"):
            kept.label("r", genuine=True)


def _write_all(url: str, number: int) -> None:
    with journal(url) as kept:
        write(kept, *(given("order-77", 10 * number + second) for second in range(10)))


@pytest.mark.slow
def test_processes_that_write_at_once_give_no_id_twice(url: str) -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as processes:
        list(processes.map(_write_all, [url] * 4, range(4)))
    with journal(url) as kept:
        found = ids(kept)
        assert kept.verify().problems == ()
    assert sorted(found) == sorted(["order-77", *(f"order-77.{n}" for n in range(2, 41))])
