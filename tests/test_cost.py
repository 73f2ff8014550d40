"""What an attempt is said to have cost."""

from __future__ import annotations

import pytest

from acme import DOCUMENT, PROBE, SAME, Scripted
from facegate import (
    ConnectionFailed,
    FacegateError,
    FaceVerifier,
    ImageRejected,
    ProviderTimeout,
)
from facegate.plugin import Answer, call
from facegate.testing import FakeProvider


@pytest.mark.parametrize(
    ("error", "cost"),
    [(ConnectionFailed("no"), 0), (ProviderTimeout("maybe"), 0.25), (ImageRejected("yes"), 0.25)],
)
def test_a_failure_costs_where_it_may_have_been_charged_for(
    error: FacegateError, cost: float
) -> None:
    def fail() -> Answer:
        raise error

    with FaceVerifier(Scripted(lambda _: call(fail), cost=0.25)) as verifier:
        with pytest.raises(FacegateError) as caught:
            verifier.compare(PROBE, DOCUMENT)
        assert [attempt.cost for attempt in caught.value.attempts] == [cost]


@pytest.mark.parametrize("cost", [0.25, None])
def test_an_answer_costs_what_is_configured(cost: float | None) -> None:
    with FaceVerifier(Scripted(lambda _: call(lambda: SAME), cost=cost)) as verifier:
        (attempt,) = verifier.compare(PROBE, DOCUMENT).attempts
    assert attempt.cost == cost


def test_what_is_never_charged_for_costs_nothing() -> None:
    with FaceVerifier(FakeProvider(cost=0.25)) as verifier:
        (attempt,) = verifier.compare(PROBE, DOCUMENT).attempts
    assert attempt.cost == 0


@pytest.mark.parametrize("cost", [-1, True, float("nan")])
def test_a_cost_that_is_none_is_refused(cost: float) -> None:
    with pytest.raises(ValueError, match="cost"):
        FakeProvider(cost=cost)
