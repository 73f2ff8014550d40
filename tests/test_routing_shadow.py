"""A candidate that is tried out unseen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from acme import MATCH, Scripted
from both import Ask, both_ways
from facegate import (
    BadReply,
    Decision,
    FacegateError,
    FaceVerifier,
    ImageRejected,
    Operation,
    ProviderTimeout,
    ProviderUnavailable,
    Scale,
)
from facegate.consent import Consent
from facegate.events import Finished, Shadowed, ShadowSkipped, Tried
from facegate.plugin import Answer, Rates
from facegate.providers.provider import Provider
from facegate.routing.leaf import Leaf
from facegate.routing.retry import Retry, RetryPolicy, RetryQuota
from facegate.routing.route import Route
from facegate.routing.shadow import Shadow
from facegate.runtime.flow import Flow, call
from facegate.thresholds import Policy
from scripted import QUESTION, Book, Vendor, course, route, shadowed
from virtual import VirtualVerifier, virtual_time

ELSEWHERE = replace(MATCH, scale=Scale(name="another", high=100), threshold=60)


@contextmanager
def watched(asked: Route, book: Book | None = None) -> Iterator[tuple[FaceVerifier, Book]]:
    """A verifier in virtual time that asks candidates when it is closed, and what it tells."""
    book = book or Book()
    with (
        virtual_time(),
        VirtualVerifier(asked, observers=[book], recorder=book) as verifier,
    ):
        yield verifier, book


@both_ways
def test_the_answer_is_the_routes_and_the_candidate_is_asked_the_same(ask: Ask) -> None:
    candidate = Vendor("candidate", "no")
    result = ask(shadowed(candidate), **QUESTION)
    assert (result.provider, result.decision) == ("main", Decision.ACCEPT)
    assert course(result) == ["main: answered"]
    (question,) = candidate.asked
    assert question.probe is QUESTION["probe"]
    assert list(question.gallery) == QUESTION["gallery"]
    assert candidate.closed == 1


def test_both_answers_are_told_and_recorded_as_a_pair_after_the_answer() -> None:
    consent = Consent("account", frozenset({"main", "candidate"}), reference="c-7")
    asked = replace(shadowed(Vendor("candidate", "no")), digest="d1")
    with watched(asked) as (verifier, book):
        result = verifier.compare(**QUESTION, request_id="r-1", subject="user-81", consent=consent)
        assert [type(event) for event in book.recorded] == [Finished]
    (pair,) = book.of(Shadowed)
    assert book.recorded == [pair.primary, pair]
    assert pair.primary.result is result
    told = pair.candidate
    assert (told.request_id, told.operation, told.route) == ("r-1", "compare", "kyc")
    assert (told.subject, told.consent, told.configuration) == ("user-81", consent, "d1")
    assert (told.result.provider, told.result.decision) == ("candidate", Decision.REJECT)
    assert (told.result.route, told.result.arm, told.arm) == ("kyc", None, None)
    assert course(told.attempts) == course(told.result) == ["candidate: answered"]
    assert told.at >= pair.primary.at
    assert [event.attempt.provider for event in book.of(Tried)] == ["main", "candidate"]


@pytest.mark.parametrize("word", ["unavailable", "garbled", "no face", "who are you"])
def test_the_candidate_is_asked_too_where_the_route_failed(word: str) -> None:
    with (
        watched(shadowed(Vendor("candidate"), Vendor("main", word))) as (verifier, book),
        pytest.raises(FacegateError) as caught,
    ):
        verifier.compare(**QUESTION)
    (pair,) = book.of(Shadowed)
    assert pair.primary.error is caught.value
    assert pair.candidate.result.accepted


def test_the_candidate_is_asked_too_where_the_route_ran_out_of_time() -> None:
    with (
        watched(shadowed(Vendor("candidate"), Vendor("main", (60, "yes")))) as (verifier, book),
        pytest.raises(ProviderTimeout),
    ):
        verifier.compare(**QUESTION)
    assert book.of(Shadowed)[0].candidate.result.accepted


@both_ways
def test_what_is_no_picture_is_shown_to_nobody(ask: Ask) -> None:
    candidate = Vendor("candidate")
    with pytest.raises(ImageRejected):
        ask(shadowed(candidate), probe=b"no picture", gallery=QUESTION["gallery"])
    assert not candidate.asked


def raising(error: BaseException) -> Callable[[Any], Flow[Answer]]:
    def fail() -> Answer:
        raise error

    return lambda request: call(fail)


def number(request: Any) -> Any:
    yield 7


NONSENSE: dict[str, Provider] = {
    "an error": Vendor("candidate", "unavailable"),
    "a bug": Scripted(raising(KeyError("what it was just looking at"))),
    "no flow": Scripted(lambda request: 7),  # type: ignore[arg-type,return-value]
    "no effect": Scripted(number),
    "no answer": Scripted(lambda request: call(lambda: None)),  # type: ignore[arg-type,return-value]
    "a mess of memory": Scripted(raising(MemoryError())),
}


@both_ways
@pytest.mark.parametrize("candidate", NONSENSE.values(), ids=NONSENSE)
def test_whatever_the_candidate_does_the_answer_stands(ask: Ask, candidate: Any) -> None:
    result = ask(shadowed(candidate), **QUESTION)
    assert (result.provider, len(result.attempts), result.warnings) == ("main", 1, ())


@pytest.mark.parametrize("candidate", NONSENSE.values(), ids=NONSENSE)
def test_how_the_candidate_failed_is_recorded(candidate: Any) -> None:
    with watched(shadowed(candidate)) as (verifier, book):
        verifier.compare(**QUESTION)
    (pair,) = book.of(Shadowed)
    assert isinstance(pair.candidate.error, FacegateError)
    assert pair.candidate.request_id == pair.primary.request_id
    assert (pair.candidate.result, len(pair.candidate.attempts)) == (None, 1)


def test_the_candidate_has_one_try_and_its_own_time() -> None:
    candidate = Vendor("candidate", (60, "yes"))
    again = Retry(Leaf(candidate), RetryPolicy(retry_unknown=True), RetryQuota())
    asked = route(Leaf(Vendor("main", "unavailable", "yes")), shadow=Shadow(again, 1, seconds=20))
    with virtual_time() as clock:
        book = Book()
        with VirtualVerifier(asked, observers=[book], recorder=book) as verifier:
            with pytest.raises(ProviderUnavailable):
                verifier.compare(**QUESTION)
            assert clock.now == 0, "nobody waited for it"
        assert clock.now == 20
    (pair,) = book.recorded[1:]
    assert isinstance(pair, Shadowed)
    assert pair.candidate.error is not None
    assert course(pair.candidate.error) == ["candidate: ProviderTimeout"]


def sampled(sample: float, count: int = 400) -> set[str]:
    """Which requests the candidate was asked."""
    with watched(shadowed(Vendor("candidate"), sample=sample, most=count)) as (verifier, book):
        for index in range(count):
            verifier.compare(**QUESTION, request_id=f"r-{index}")
    return {pair.primary.request_id for pair in book.of(Shadowed)}


def test_a_sample_has_its_size_and_a_larger_one_has_all_of_a_smaller_one() -> None:
    samples = [sampled(share) for share in (0, 0.05, 0.5, 1)]
    assert [len(each) for each in samples] == [0, pytest.approx(20, abs=12), *map(len, samples[2:])]
    assert 170 < len(samples[2]) < 230
    assert len(samples[3]) == 400
    assert samples[0] < samples[1] < samples[2] < samples[3]


def test_no_more_than_so_many_are_asked_at_once_and_the_rest_is_told() -> None:
    asked = shadowed(Vendor("candidate", "yes", "unavailable", "yes"), most=2)
    for _ in range(2):
        with watched(asked) as (verifier, book):
            for index in range(5):
                verifier.compare(**QUESTION, request_id=f"r-{index}")
        assert len(book.of(Shadowed)) == 2
        assert book.of(ShadowSkipped) == [
            ShadowSkipped(f"r-{index}", "candidate") for index in (2, 3, 4)
        ], "places are free again in the second round"


@pytest.mark.parametrize(
    ("offers", "agreed"), [("compare", {"main"}), ("liveness", {"main", "candidate"})]
)
def test_who_is_not_in_the_consent_or_lacks_the_operation_is_not_asked_and_nothing_is_told(
    offers: str, agreed: set[str]
) -> None:
    candidate = Vendor("candidate", offers=[Operation(offers)])
    with watched(shadowed(candidate)) as (verifier, book):
        verifier.compare(**QUESTION, consent=Consent("account", frozenset(agreed)))
    assert not candidate.asked
    assert {type(event) for event in book.seen} == {Tried, Finished}


@pytest.mark.parametrize(
    ("own", "asked", "told"),
    [
        (MATCH, 0.9, 0.9),
        (MATCH, None, 0.8),
        (MATCH, "fmr:1e-4", 0.9),
        (MATCH, {"main": 0.9}, 0.8),
        (ELSEWHERE, 0.9, 60),
        (ELSEWHERE, "0.9", 60),
    ],
)
def test_a_threshold_is_carried_over_only_to_the_same_scale(
    own: Any, asked: Any, told: Any
) -> None:
    candidate = Vendor("candidate", "unavailable", info={"match": own})
    with watched(shadowed(candidate)) as (verifier, _):
        verifier.compare(**QUESTION, threshold=asked)
    assert candidate.asked[0].threshold == told


def test_so_is_the_threshold_of_the_routes_policy() -> None:
    candidates = [Vendor("candidate", info={"match": own}) for own in (MATCH, ELSEWHERE)]
    for candidate in candidates:
        policy = {Operation.COMPARE: Policy(threshold=0.85, review_from=0.5)}
        with watched(replace(shadowed(candidate), policy=policy)) as (verifier, _):
            verifier.compare(**QUESTION)
    assert [each.asked[0].threshold for each in candidates] == [0.85, 60]


def test_a_rate_that_was_never_measured_for_the_candidate_is_recorded_as_its_failure() -> None:
    candidate = Vendor("candidate", info={"match": ELSEWHERE})
    main = Vendor(
        "main", info={"match": replace(MATCH, rates=Rates(thresholds={1e-6: 0.95}, by="Acme"))}
    )
    with watched(shadowed(candidate, main)) as (verifier, book):
        verifier.compare(**QUESTION, threshold="fmr:1e-6")
    assert book.of(Shadowed)[0].candidate.error.code == "UnsupportedOption"
    assert not candidate.asked


def test_a_pair_that_cannot_be_recorded_is_logged_and_costs_nobody_an_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = shadowed(Vendor("candidate"), most=1)
    for _ in range(2):
        with watched(asked, Book(refused=Shadowed)) as (verifier, book):
            assert verifier.compare(**QUESTION).accepted
        assert len(book.of(Shadowed)) == 1, "and the place is free again"
    assert caplog.messages == ["a shadow was not recorded: BadReply"] * 2


def test_without_a_record_of_the_answer_nobody_else_is_shown_the_pictures() -> None:
    candidate = Vendor("candidate")
    with (
        watched(shadowed(candidate), Book(refused=Finished)) as (verifier, _),
        pytest.raises(BadReply, match="disk"),
    ):
        verifier.compare(**QUESTION)
    assert not candidate.asked
