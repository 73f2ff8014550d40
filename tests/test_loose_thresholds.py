"""Thresholds that nobody can mean: in another unit, or laxer than anything that was measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from both import Ask, both_ways
from facegate import ConfigurationError, Decision, FaceVerifier, InvalidRequest
from facegate.plugin import Rates, Scale, ScoreSpec
from facegate.policy import check_settings
from scripted import QUESTION, Vendor, leaves, route

SIMILARITY = ScoreSpec(
    Scale(name="similarity"),
    threshold=0.7,
    rates=Rates(thresholds={1e-2: 0.6, 1e-4: 0.7}, by="Acme"),
    typical_of_strangers=0.45,
)
DISTANCE = ScoreSpec(
    Scale(name="distance", low=0.0, high=2.0, lower_is_closer=True),
    threshold=1.0,
    rates=Rates(thresholds={1e-2: 1.2, 1e-4: 1.0}, by="Acme"),
    typical_of_strangers=1.5,
)


def vendor(match: ScoreSpec = SIMILARITY, **settings: Any) -> Vendor:
    return Vendor("main", info={"match": match}, **settings)


@both_ways
@pytest.mark.parametrize(
    ("spec", "threshold"), [(SIMILARITY, 1e-4), (SIMILARITY, 0.4), (DISTANCE, 1.6)]
)
def test_one_that_strangers_reach_is_refused(spec: ScoreSpec, threshold: float, ask: Ask) -> None:
    asked = vendor(spec)
    with pytest.raises(InvalidRequest, match="allow_loose_threshold"):
        ask(route(leaves(asked)[0]), **QUESTION, threshold=threshold)
    assert not asked.asked
    with pytest.raises(ConfigurationError, match="fmr:1e-4"):
        check_settings(vendor(spec, threshold=threshold))


@both_ways
@pytest.mark.parametrize("threshold", [0.001, 0.8, 1])
def test_a_share_on_a_scale_of_a_hundred_is_refused(threshold: float, ask: Ask) -> None:
    asked = vendor(ScoreSpec(Scale(name="percent", high=100), threshold=80))
    with pytest.raises(InvalidRequest, match="this scale ends at 100"):
        ask(route(leaves(asked)[0]), **QUESTION, threshold=threshold)
    assert not asked.asked


@both_ways
def test_it_is_taken_where_the_operator_allows_it_and_the_result_warns(ask: Ask) -> None:
    willing = vendor(threshold=0.4, allow_loose_threshold=True)
    check_settings(willing)
    result = ask(route(leaves(willing)[0]), **QUESTION)
    assert result.decision is Decision.ACCEPT
    assert "1 in 100 strangers" in result.warnings[0]


@pytest.mark.parametrize(
    ("spec", "threshold", "warned"),
    [
        (SIMILARITY, 0.59, True),
        (SIMILARITY, 0.6, False),
        (DISTANCE, 1.21, True),
        (DISTANCE, 1.2, False),
        (replace(SIMILARITY, rates=None), 0.5, False),
    ],
)
def test_one_that_a_hundredth_of_strangers_reach_is_a_warning(
    spec: ScoreSpec, threshold: float, *, warned: bool
) -> None:
    with FaceVerifier(route(leaves(vendor(spec))[0])) as verifier:
        result = verifier.compare(**QUESTION, threshold=threshold)
    assert any("strangers match" in warning for warning in result.warnings) == warned
