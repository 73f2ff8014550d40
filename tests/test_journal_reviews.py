"""Reviews: who looks at a decision, what they say, and what it leaves in the journal."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from databases import EVERY, fresh
from facegate import Decision, InvalidRequest, Operation
from facegate.events import Shadowed
from facegate.journal import Journal, reviews
from facegate.journal.lookup import CaseTaken, NotRecorded
from facegate.journal.rows import Act, Found, ReviewState, Verdict
from journals import finished, journal, write

OVER = -1.0
"""Seconds of a claim that has ended."""


@pytest.fixture(params=EVERY)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return fresh(request.param, tmp_path)


@pytest.fixture
def kept(url: str) -> Iterator[Journal]:
    """A journal with one case, ``r-1``."""
    with journal(url) as opened:
        write(opened, finished("r-1", "ann", decision=Decision.REVIEW))
        yield opened
        assert opened.verify().problems == ()


def truth(kept: Journal) -> tuple[bool | None, bool | None]:
    row = kept.decision("r-1").decision
    return row.genuine, row.spoof


def test_only_a_decision_that_a_person_has_to_look_at_is_a_case(kept: Journal) -> None:
    primary = finished("r-2")
    write(
        kept,
        primary,
        Shadowed(primary, finished("r-2", decision=Decision.REVIEW)),
        finished("r-3", decision=Decision.REVIEW, judged_by_caller=True),
        finished("r-4", decision=Decision.REVIEW),
    )
    assert [case.request_id for case in kept.cases()] == ["r-1", "r-4"]
    assert kept.cases()[0].decision.review is ReviewState.OPEN
    with pytest.raises(NotRecorded, match="no request 'r-2' that a person has to look at"):
        kept.claim("r-2", "ann")


def test_whoever_claims_a_case_has_it_until_the_claim_ends(kept: Journal) -> None:
    case = kept.claim("r-1", "ann")
    assert (case.claimed_by, case.decision.review) == ("ann", ReviewState.CLAIMED)
    assert case.claimed_until is not None
    with pytest.raises(CaseTaken, match="somebody else looks at 'r-1' until"):
        kept.claim("r-1", "ben")
    assert kept.claim("r-1", "ann", OVER).claimed_by is None
    assert kept.claim("r-1", "ben").claimed_by == "ben"


def test_one_of_many_who_claim_at_once_has_it(kept: Journal) -> None:
    def claimed(caller: str) -> bool:
        try:
            kept.claim("r-1", caller)
        except CaseTaken:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(claimed, "abcdefgh")) == 1


def test_a_case_is_given_back_by_who_has_it(kept: Journal) -> None:
    kept.claim("r-1", "ann")
    with pytest.raises(CaseTaken, match="claim 'r-1' first"):
        kept.release("r-1", "ben")
    assert kept.release("r-1", "ann").claimed_by is None


def test_a_verdict_follows_the_decision_and_does_not_change_it(kept: Journal) -> None:
    kept.claim("r-1", "ann")
    case = kept.review("r-1", "ann", "accept", "the scar is the same")
    assert (case.verdict, case.verdict_by, case.confirmations_left) == (Verdict.ACCEPT, "ann", 0)
    row = kept.decision("r-1").decision
    assert (row.decision, row.final) == (Decision.REVIEW, Decision.ACCEPT)
    assert row.review is ReviewState.DONE
    assert truth(kept) == (None, None)  # accepted by hand is not the truth
    assert kept.cases() == []
    with pytest.raises(CaseTaken, match="the review of 'r-1' is done"):
        kept.claim("r-1", "ben")


@pytest.mark.parametrize(
    "refused", [("accept", "why", "a twin"), ("perhaps", "why", None), ("review", "why", None)]
)
def test_another_word_is_refused(kept: Journal, refused: tuple[str, str, str | None]) -> None:
    kept.claim("r-1", "ann")
    with pytest.raises(InvalidRequest, match="is not a valid"):
        kept.review("r-1", "ann", *refused)


def test_whoever_did_not_claim_it_cannot_decide(kept: Journal) -> None:
    kept.claim("r-1", "ann", OVER)
    for caller in ("ann", "ben"):
        with pytest.raises(CaseTaken, match="claim 'r-1' first"):
            kept.review("r-1", caller, "accept", "why")


@pytest.mark.parametrize(
    ("operation", "found", "known"),
    [
        (Operation.COMPARE, Found.GENUINE, (True, None)),
        (Operation.COMPARE, Found.IMPOSTOR, (False, None)),
        (Operation.COMPARE, Found.ATTACK, (None, True)),
        (Operation.COMPARE_LIVE, Found.GENUINE, (True, False)),
        (Operation.LIVENESS, Found.GENUINE, (None, False)),
        (Operation.LIVENESS, Found.ATTACK, (None, True)),
    ],
)
def test_what_was_found_becomes_a_label(
    tmp_path: Path, operation: Operation, found: Found, known: tuple[bool | None, bool | None]
) -> None:
    with journal(f"sqlite:///{tmp_path}/journal.db") as kept:
        write(kept, finished("r-1", decision=Decision.REVIEW, operation=operation))
        kept.claim("r-1", "ann")
        kept.review("r-1", "ann", "reject", "why", found)
        assert truth(kept) == known
        assert kept.decision("r-1").labels[0].caller == "ann"


def test_a_question_of_liveness_has_no_impostor(tmp_path: Path) -> None:
    with journal(f"sqlite:///{tmp_path}/journal.db") as kept:
        write(kept, finished("r-1", decision=Decision.REVIEW, operation=Operation.LIVENESS))
        kept.claim("r-1", "ann")
        with pytest.raises(InvalidRequest, match="in liveness, nobody is found impostor"):
            kept.review("r-1", "ann", "reject", "why", "impostor")


def test_a_verdict_is_undone_with_its_label_while_the_claim_lasts(kept: Journal) -> None:
    kept.label("r-1", spoof=False)
    kept.claim("r-1", "ann")
    kept.review("r-1", "ann", "reject", "another person", "impostor")
    kept.label("r-1", spoof=True, caller="ben")
    assert truth(kept) == (False, True)
    with pytest.raises(CaseTaken, match="no verdict of yours"):
        kept.undo("r-1", "ben")
    case = kept.undo("r-1", "ann")
    assert (case.claimed_by, case.verdict, case.confirmations_left) == ("ann", None, None)
    assert truth(kept) == (None, True)
    assert kept.decision("r-1").decision.final is Decision.REVIEW
    kept.review("r-1", "ann", "accept", "the same person after all")
    acts = [each.act for each in kept.decision("r-1").reviews]
    assert acts == [Act.CLAIM, Act.VERDICT, Act.UNDO, Act.VERDICT]


def test_a_verdict_stays_once_the_claim_has_ended(
    kept: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Later:
            return super().now(tz) + timedelta(minutes=15)

    kept.claim("r-1", "ann")
    kept.review("r-1", "ann", "accept", "why")
    monkeypatch.setattr(reviews, "datetime", Later)
    with pytest.raises(CaseTaken, match="to undo any more"):
        kept.undo("r-1", "ann")


def test_four_eyes_take_two_people_who_say_the_same(kept: Journal) -> None:
    def decided(caller: str, verdict: str, found: str | None = None) -> int | None:
        kept.claim("r-1", caller, four_eyes=True)
        case = kept.review("r-1", caller, verdict, "why", found, four_eyes=True)
        return case.confirmations_left

    assert decided("ann", "reject", "impostor") == 1
    assert kept.decision("r-1").decision.final is Decision.REVIEW
    assert truth(kept) == (None, None)  # not yet
    with pytest.raises(CaseTaken, match="another person must confirm"):
        kept.claim("r-1", "ann", four_eyes=True)
    assert decided("ben", "accept") == 1
    assert [case.verdict_by for case in kept.cases(four_eyes=True)] == ["ben"]
    assert decided("cleo", "reject") == 0
    assert kept.decision("r-1").decision.final is Decision.REJECT
    assert truth(kept) == (False, None)


def test_two_who_disagree_on_what_is_true_have_found_out_nothing(kept: Journal) -> None:
    for caller, found in (("ann", "impostor"), ("ben", "genuine")):
        kept.claim("r-1", caller, four_eyes=True)
        kept.review("r-1", caller, "reject", "why", found, four_eyes=True)
    assert kept.decision("r-1").decision.final is Decision.REJECT
    assert truth(kept) == (None, None)


def test_of_four_eyes_either_pair_can_undo(kept: Journal) -> None:
    for caller in ("ann", "ben"):
        kept.claim("r-1", caller, four_eyes=True)
        kept.review("r-1", caller, "reject", "why", "attack", four_eyes=True)
    assert truth(kept) == (None, True)
    case = kept.undo("r-1", "ann", four_eyes=True)
    assert (case.verdict_by, case.confirmations_left, case.claimed_by) == ("ben", 1, "ann")
    assert truth(kept) == (None, None)


def test_forgetting_a_person_forgets_their_case_and_what_was_said(url: str) -> None:
    with journal(url) as kept:
        write(kept, finished("r-1", "ann", decision=Decision.REVIEW))
        kept.claim("r-1", "somebody")
        kept.review("r-1", "somebody", "reject", "ann is not on this document", "impostor")
        assert kept.erase("ann") == 5  # the request, its attempt, the claim, the verdict, the label
        assert kept.cases() == []
        assert kept.verify().problems == ()
        with pytest.raises(NotRecorded):
            kept.claim("r-1", "somebody")
        with kept.store.reading() as connection:
            contents = [dict(each.content) for each in kept.store.chain(connection)]
    assert "document" not in str(contents)


def test_what_is_purged_is_no_case_any_more(kept: Journal) -> None:
    kept.purge(kept.cases()[0].at.replace(year=2027))
    assert kept.cases() == []


def test_a_route_is_not_hidden_behind_the_backlog_of_another(tmp_path: Path) -> None:
    with journal(fresh("sqlite", tmp_path)) as kept:
        many = [
            finished(f"a-{number}", decision=Decision.REVIEW, route="a") for number in range(201)
        ]
        write(kept, *many, finished("b-1", decision=Decision.REVIEW, route="b"))
        assert [case.request_id for case in kept.cases(routes=["b"])] == ["b-1"]
        assert len(kept.cases()) == 200
