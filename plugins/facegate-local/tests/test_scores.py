"""The score, against the table it was measured into."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegate import BadReply
from facegate_local.manifest import MODELS
from facegate_local.scores import EMBEDDER_SHA256, KNOTS, score

COSINES = st.floats(-1, 1)


@pytest.mark.parametrize(("cosine", "expected"), KNOTS)
def test_meets_every_knot(cosine: float, expected: float) -> None:
    assert score(cosine) == pytest.approx(expected)


@given(COSINES, COSINES)
def test_a_greater_cosine_never_scores_less(one: float, other: float) -> None:
    low, high = sorted((one, other))

    assert 0 <= score(low) <= score(high) <= 1


@given(st.floats(-1, 0.99), st.floats(1e-3, 0.01))
def test_no_two_cosines_far_apart_share_a_score(cosine: float, step: float) -> None:
    assert score(cosine + step) > score(cosine)


def test_rounding_beyond_one_stays_on_the_scale() -> None:
    assert score(1 + 1e-9) == 1


@pytest.mark.parametrize("cosine", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_score(cosine: float) -> None:
    with pytest.raises(BadReply):
        score(cosine)


def test_the_table_belongs_to_the_model_that_is_pulled() -> None:
    embedder = next(asset for asset in MODELS if asset.name == "embedder")

    assert embedder.sha256 == EMBEDDER_SHA256
