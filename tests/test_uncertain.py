"""A vendor that cannot tell: never a yes, and a person's to look at where the operator says so."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from acme import DOCUMENT, PROBE, SCALE, Scripted
from acme_api import saying
from both import Ask, both_ways
from facegate import Decision, Liveness, Match, Operation
from facegate.plugin import Answer, ProviderSettings
from facegate.routing.leaf import Leaf
from facegate.thresholds import Policy
from scripted import QUESTION, route

MATCHES = {
    "same": Match(is_match=True, score=0.9, threshold=0.8, scale=SCALE),
    "other": Match(is_match=False, score=0.1, threshold=0.8, scale=SCALE),
    "unsure": Match(is_match=False, score=0.7, threshold=0.8, scale=SCALE, uncertain=True),
}
LIVE = {
    "live": Liveness(passed=True),
    "spoof": Liveness(passed=False),
    "unsure": Liveness(passed=False, uncertain=True),
}


def expected(match: str, live: str, uncertain: str) -> Decision:
    """A person looks only where nobody said no and somebody could not tell."""
    if match == "other" or live == "spoof":
        return Decision.REJECT
    if "unsure" not in (match, live):
        return Decision.ACCEPT
    return Decision(uncertain)


@both_ways
@pytest.mark.parametrize("uncertain", ["reject", "review"])
def test_what_an_answer_that_is_unsure_comes_to(ask: Ask, uncertain: str) -> None:
    for match, live in product(MATCHES, LIVE):
        answer = Answer(MATCHES[match], LIVE[live])
        provider = Scripted(saying(answer), uncertain=uncertain)
        result = ask(provider, "compare_live", probe=PROBE, gallery=DOCUMENT)
        assert result.decision is expected(match, live, uncertain), (match, live)
        assert not (result.accepted and "unsure" in (match, live))


@both_ways
@pytest.mark.parametrize("uncertain", ["reject", "review"])
def test_each_question_by_itself(ask: Ask, uncertain: str) -> None:
    for operation, answer in (
        ("compare", Answer(MATCHES["unsure"])),
        ("liveness", Answer(liveness=LIVE["unsure"])),
    ):
        gallery: dict[str, Any] = {} if operation == "liveness" else {"gallery": DOCUMENT}
        provider = Scripted(saying(answer), uncertain=uncertain)
        result = ask(provider, operation, probe=PROBE, **gallery)
        assert result.decision is Decision(uncertain)
        found = result.match if operation == "compare" else result.liveness
        assert found is not None
        assert found.uncertain


@both_ways
def test_a_route_says_otherwise_than_its_providers(ask: Ask) -> None:
    told = Answer(MATCHES["unsure"])
    for own, policy, decision in (
        ("reject", "review", Decision.REVIEW),
        ("review", "reject", Decision.REJECT),
        ("review", None, Decision.REVIEW),
    ):
        leaf = Leaf(Scripted(saying(told), uncertain=own))
        governed = route(
            leaf, policy={Operation.COMPARE: Policy.model_validate({"uncertain": policy})}
        )
        assert ask(governed, **QUESTION).decision is decision


def test_the_default_is_to_reject_and_anything_else_a_mistake() -> None:
    assert ProviderSettings().uncertain == "reject"
    for kind in (ProviderSettings, Policy):
        with pytest.raises(ValidationError, match="uncertain"):
            kind.model_validate({"uncertain": "accept"})
