"""Looking something up in the journal: requests by what is known of them, and one of them whole."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from acme import SAME
from databases import EVERY, fresh
from facegate import Billed, ConfigurationError, Decision, Operation, ProviderTimeout
from facegate.consent import Consent
from facegate.events import Shadowed
from facegate.journal import Journal
from facegate.journal.lookup import Figures, Filter, NotRecorded
from journals import NOON, attempt, finished, journal, write

HOUR = timedelta(hours=1)


@pytest.fixture(params=EVERY)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return fresh(request.param, tmp_path)


def ids(kept: Journal, wanted: Filter = Filter(), **how: Any) -> list[str]:  # noqa: B008
    return [row.request_id for row in kept.find(wanted, **how).decisions]


def test_each_thing_that_is_known_finds_a_request(url: str) -> None:
    consent = Consent("opening an account", frozenset(), reference="c-17")
    failed = ProviderTimeout("no answer")
    with journal(url) as kept:
        write(
            kept,
            finished("plain"),
            finished("known", "ann", caller="abcdefghijkl", consent=consent),
            finished("decided", decision=Decision.REJECT, operation=Operation.LIVENESS),
            finished("led", route="other", attempts=(attempt("backup"),)),
            finished("failed", error=failed, attempts=(attempt(error_code="ProviderTimeout"),)),
        )
        assert ids(kept, Filter(subject="ann")) == ["known"]
        assert ids(kept, Filter(caller="abcdefghijkl")) == ["known"]
        assert ids(kept, Filter(reference="c-17")) == ["known"]
        assert ids(kept, Filter(decision=Decision.REJECT)) == ["decided"]
        assert ids(kept, Filter(operation=Operation.LIVENESS)) == ["decided"]
        assert ids(kept, Filter(route="other")) == ["led"]
        assert ids(kept, Filter(provider="backup")) == ["led"]
        assert ids(kept, Filter(error="ProviderTimeout")) == ["failed"]
        assert ids(kept, Filter(provider="main", decision=Decision.REJECT)) == ["decided"]
        assert ids(kept, Filter(route="nowhere")) == []


def test_a_time_has_a_beginning_and_an_end(url: str) -> None:
    with journal(url) as kept:
        write(kept, *(finished(f"r-{hour}", at=NOON + hour * HOUR) for hour in range(4)))
        assert ids(kept, Filter(since=NOON + HOUR, until=NOON + 3 * HOUR)) == ["r-2", "r-1"]


def test_shadows_and_what_was_erased_are_in_no_list(url: str) -> None:
    primary = finished("r-1")
    with journal(url) as kept:
        write(kept, primary, Shadowed(primary, finished("r-1")), finished("r-2", "ann"))
        kept.erase("ann")
        assert ids(kept) == ["r-1"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 12, 50])
def test_pages_hold_every_request_once_the_newest_first(url: str, limit: int) -> None:
    hours = [2, 0, 2, 3, 1, 1, 1, 0, 3, 2, 2, 0]  # clocks differ, and requests take their time
    with journal(url) as kept:
        write(kept, *(finished(f"{n}", at=NOON + hour * HOUR) for n, hour in enumerate(hours)))
        found, before, more = list[tuple[Any, int]](), None, True
        while more:
            page = kept.find(before=before, limit=limit)
            found += [(row.at, row.seq) for row in page.decisions]
            before, more = page.next, page.next is not None
    assert found == sorted(((NOON + hour * HOUR, 2 * n + 1) for n, hour in enumerate(hours)))[::-1]


def test_what_came_since_comes_in_the_order_it_was_recorded(url: str) -> None:
    with journal(url) as kept:
        write(kept, finished("late", at=NOON + HOUR), finished("early"))
        seen = kept.find().head
        write(kept, finished("new", at=NOON + HOUR), finished("old"), finished("last"))
        page = kept.find(after=seen, limit=2)
        assert [row.request_id for row in page.decisions] == ["new", "old"]
        assert page.next is not None
        assert ids(kept, after=page.next) == ["last"]
        assert ids(kept, after=kept.find().head) == []


def test_a_person_cannot_be_looked_up_without_the_key(url: str) -> None:
    with journal(url, subject_key=None) as kept:
        write(kept, finished(subject="ann"))
        with pytest.raises(ConfigurationError, match="subject_key is not set"):
            kept.find(Filter(subject="ann"))


def test_one_request_is_told_whole(url: str) -> None:
    attempts = (attempt("first", "BadReply", image="probe"), attempt(cost=0.5))
    primary = finished("r-1", match=SAME.match, attempts=attempts)
    candidate = finished("r-1", decision=Decision.REJECT, attempts=(attempt("candidate"),))
    with journal(url) as kept:
        write(kept, primary, Shadowed(primary, candidate), finished("r-2"))
        kept.label("r-1", genuine=True, caller="abcdefghijkl")
        found = kept.decision("r-1")
    assert (found.decision.match_score, found.decision.match_threshold) == (0.9, 0.8)
    assert found.decision.genuine is True
    assert [row.decision for row in found.shadows] == [Decision.REJECT]
    asked = [(each.number, each.provider, each.error_code, each.image) for each in found.attempts]
    assert asked == [(1, "first", "BadReply", "probe"), (2, "main", None, None)]
    assert (found.attempts[1].cost, found.attempts[1].billed) == (0.5, Billed.YES)
    ((label),) = found.labels
    assert (label.caller, label.genuine, label.spoof) == ("abcdefghijkl", True, None)
    assert (found.reviews, found.repeats) == ([], [])


def test_one_that_was_never_recorded_or_was_erased_is_not_there(url: str) -> None:
    with journal(url) as kept:
        write(kept, finished("r-1", "ann"))
        kept.erase("ann")
        for request_id in ("r-1", "r-2"):
            with pytest.raises(NotRecorded, match=f"no request '{request_id}' in the journal"):
                kept.decision(request_id)


def test_a_providers_figures_are_of_its_attempts_since_a_moment(url: str) -> None:
    spent = [0.1 * number for number in range(1, 21)]
    with journal(url) as kept:
        write(kept, finished("old", attempts=(attempt(seconds=9.0, cost=1),)))
        for number, seconds in enumerate(spent):
            error = "ProviderTimeout" if number < 3 else None
            made = attempt("main", error, seconds=seconds, cost=0.5, at=NOON + HOUR)
            write(kept, finished(f"r-{number}", at=NOON + HOUR, attempts=(made,)))
        write(kept, finished("other", attempts=(attempt("backup", at=NOON + HOUR),)))
        found = kept.provider_figures(NOON + HOUR)
    assert found == {
        "main": Figures(requests=20, errors=3, p50=1.0, p95=1.9, cost=10.0),
        "backup": Figures(requests=1, errors=0, p50=0.25, p95=0.25, cost=None),
    }


def test_the_size_of_a_journal_is_told_without_counting(url: str) -> None:
    with journal(url) as kept:
        write(kept, finished("r-1"), finished("r-2", at=NOON + HOUR))
        assert (kept.extent().records, kept.extent().begins, kept.extent().keyed) == (4, 1, False)
        assert kept.extent().head == str(kept.head())
        kept.purge(NOON + HOUR)
        assert (kept.extent().records, kept.extent().begins) == (3, 3)
