"""What holds for every route, however it is nested and whatever its vendors do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegate import (
    AsyncFaceVerifier,
    Billed,
    ConsentRefused,
    FacegateError,
    FaceVerifier,
    VerificationResult,
)
from facegate import errors as tree
from facegate.consent import Consent
from facegate.events import Event, Shadowed, Tried
from facegate.routing.failover import Failover
from facegate.routing.leaf import Leaf
from facegate.routing.node import Node
from facegate.routing.retry import Retry, RetryPolicy, RetryQuota
from facegate.routing.route import Route
from facegate.routing.shadow import Shadow
from facegate.routing.split import Arm, Split
from scripted import FAILURES, QUESTION, SCORES, Vendor, course
from virtual import VirtualVerifier, virtual_time

# Quarters of a second, which floats add up exactly.
SECONDS = st.integers(0, 16).map(lambda quarters: quarters / 4)
WORDS = st.sampled_from([*SCORES, *FAILURES])


@dataclass
class Plan:
    """A route before it is built, so that it can be built twice.

    Attributes:
        part: what it leads to: a name and its arguments.
        scripts: of its vendors, in the order in which they occur.
    """

    part: tuple[Any, ...]
    deadline_s: float
    max_attempts: int
    policies: dict[str, RetryPolicy] = field(default_factory=dict)
    vendors: dict[str, Vendor] = field(default_factory=dict)

    def route(self, **more: Any) -> Route:
        """Build it anew."""
        self.policies, self.vendors = {}, {}
        return Route("kyc", self._node(self.part), self.deadline_s, self.max_attempts, **more)

    def _node(self, part: tuple[Any, ...]) -> Node:
        match part:
            case ("vendor", script, free):
                name = f"v{len(self.vendors)}"
                billed = Billed.NO if free else Billed.YES
                self.vendors[name] = Vendor(name, *script, info={"billed": billed})
                return Leaf(self.vendors[name])
            case ("retry", inner, attempts, first_s, unknown):
                node = self._node(inner)
                policy = RetryPolicy(attempts, first_s, 2, unknown)
                self.policies[node.name] = policy
                return Retry(node, policy, RetryQuota(), uniform=lambda low, high: high / 2)
            case ("failover", parts):
                return Failover("failover", [self._node(each) for each in parts])
            case ("split", parts):
                arms = {
                    f"arm{index}": Arm(weight, self._node(each))
                    for index, (weight, each) in enumerate(parts)
                }
                return Split("split", arms, b"key")
        raise AssertionError(part)


def plans(seconds: st.SearchStrategy[float], words: st.SearchStrategy[str]) -> Any:
    first_s = st.sampled_from([0, 0.5]) if seconds is SECONDS else st.just(0)
    script = st.lists(st.tuples(seconds, words), min_size=1, max_size=4)
    vendor = st.tuples(st.just("vendor"), script, st.booleans())
    retry = st.tuples(st.just("retry"), vendor, st.integers(1, 4), first_s, st.booleans())
    parts = st.recursive(
        vendor | retry,
        lambda inner: (
            st.tuples(st.just("failover"), st.lists(inner, min_size=1, max_size=3))
            | st.tuples(
                st.just("split"),
                st.lists(st.tuples(st.integers(1, 9), inner), min_size=1, max_size=3),
            )
        ),
        max_leaves=6,
    )
    return st.builds(Plan, parts, seconds.map(lambda some: some + 2), st.integers(1, 6))


PLANS = plans(SECONDS, WORDS)
Ended = VerificationResult | FacegateError


@dataclass
class Seen:
    """How a request went.

    Attributes:
        ended: its result or error.
        at: virtual seconds until then.
        tried: when each attempt ended.
        pair: what was told of the candidate.
    """

    ended: Ended
    at: float
    tried: list[float]
    pair: Shadowed | None


def verified(route: Route, **how: Any) -> Seen:
    with virtual_time() as clock:
        tried, pairs = [], []

        def watch(event: Event) -> None:
            if isinstance(event, Tried):
                tried.append(clock.now)
            elif isinstance(event, Shadowed):
                pairs.append(event)

        with VirtualVerifier(route, observers=[watch]) as verifier:
            try:
                ended: Ended = verifier.compare(**QUESTION, request_id="r-1", **how)
            except FacegateError as error:
                ended = error
            at, before = clock.now, list(tried)
    return Seen(ended, at, before, pairs[0] if pairs else None)


@given(PLANS)
def test_attempts_never_exceed_the_budget_and_every_one_is_told(plan: Plan) -> None:
    seen = verified(plan.route())
    asked = sum(len(vendor.asked) for vendor in plan.vendors.values())
    assert 1 <= len(seen.ended.attempts) == len(seen.tried) == asked <= plan.max_attempts


@given(PLANS)
def test_the_deadline_holds_and_nobody_waits_for_nothing(plan: Plan) -> None:
    seen = verified(plan.route())
    assert seen.at <= plan.deadline_s
    assert seen.at == seen.tried[-1], "nothing came after the last attempt, not even a wait"


@given(PLANS)
def test_an_answer_is_the_last_attempts_and_so_is_a_failure(plan: Plan) -> None:
    ended = verified(plan.route()).ended
    *others, last = ended.attempts
    if isinstance(ended, VerificationResult):
        assert (last.outcome, last.provider) == ("answered", ended.provider)
    else:
        assert (last.error_code, last.outcome) == (ended.code, "failed")
        assert ended.provider in {last.provider, None}
    assert all(each.outcome == "failed" for each in others)


@given(PLANS)
def test_nobody_else_is_asked_about_what_the_caller_did_wrong(plan: Plan) -> None:
    *others, _ = verified(plan.route()).ended.attempts
    assert all(getattr(tree, each.error_code or "").fails_over for each in others)


def repeated(ended: Ended) -> Iterator[Any]:
    """Attempts after which the same vendor was asked again."""
    for one, other in pairwise(ended.attempts):
        if one.provider == other.provider:
            yield one


@given(PLANS)
def test_what_may_be_charged_twice_is_not_repeated(plan: Plan) -> None:
    for attempt in repeated(verified(plan.route()).ended):
        error = getattr(tree, attempt.error_code or "")
        sure = error.retryable and attempt.billed is Billed.NO
        assert sure or (plan.policies[attempt.provider].retry_unknown and error.billed != "no")
    for name, vendor in plan.vendors.items():
        policy = plan.policies.get(name)
        assert len(vendor.asked) <= (policy.attempts if policy else 1)


@given(PLANS, st.sets(st.integers(0, 5)))
def test_nobody_outside_the_consent_is_asked(plan: Plan, covered: set[int]) -> None:
    recipients = frozenset(f"v{index}" for index in covered)
    candidate = Vendor("candidate", recipient="v5")
    route = plan.route(shadow=Shadow(Leaf(candidate), 1))
    ended = verified(route, consent=Consent("account", recipients)).ended
    asked = {name for name, vendor in plan.vendors.items() if vendor.asked}
    assert asked <= recipients
    assert bool(asked) == bool(recipients & set(plan.vendors))
    assert isinstance(ended, ConsentRefused) == (not asked)
    assert len(candidate.asked) == ("v5" in recipients and bool(asked))


def without_times(ended: Ended) -> Any:
    if isinstance(ended, FacegateError):
        return ended.code, str(ended), course(ended)
    return ended.model_dump(exclude={"elapsed": True, "attempts": {"__all__": {"seconds", "at"}}})


@given(PLANS, PLANS, st.sampled_from([0, 0.5, 1]))
def test_a_shadow_never_changes_the_answer_or_when_it_comes(
    plan: Plan, candidate: Plan, sample: float
) -> None:
    alone = verified(plan.route())
    shadow = Shadow(candidate.route().node, sample, seconds=candidate.deadline_s)
    beside = verified(plan.route(shadow=shadow))
    assert without_times(beside.ended) == without_times(alone.ended)
    assert (beside.at, beside.tried) == (alone.at, alone.tried)
    if beside.pair:
        assert len(beside.pair.candidate.attempts) == 1
    assert sample < 1 or beside.pair


def asked_sync(route: Route, **how: Any) -> Ended:
    with FaceVerifier(route) as verifier:
        try:
            return verifier.compare(**QUESTION, **how)
        except FacegateError as error:
            return error


def asked_async(route: Route, backend: str, **how: Any) -> Ended:
    async def main() -> Ended:
        async with AsyncFaceVerifier(route) as verifier:
            try:
                return await verifier.compare(**QUESTION, **how)
            except FacegateError as error:
                return error

    return anyio.run(main, backend=backend)


AT_ONCE = plans(st.just(0), WORDS.filter(lambda word: word != "busy for 3 s"))


@settings(max_examples=40)
@given(AT_ONCE, st.none() | st.text())
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_blocking_and_async_take_the_same_decisions(
    backend: str, plan: Plan, subject: str | None
) -> None:
    how = {"subject": subject, "request_id": "r-1"}
    assert without_times(asked_sync(plan.route(), **how)) == without_times(
        asked_async(plan.route(), backend, **how)
    )
