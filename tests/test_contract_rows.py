"""Rows of the contract's data: read from cassettes, or refused where they could tell nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facegate import CaptureReason, Operation, RateLimited
from facegate.testing import Endpoint, Interaction, VendorCall
from facegate.testing.published import documented_in, failures_in

CASSETTES = Path(__file__).parents[1] / "cassettes"
COMPARE = VendorCall(Operation.COMPARE, Endpoint("/compare"))
LIVE = VendorCall(Operation.COMPARE_LIVE, Endpoint("/compare-live-face"))
LIVENESS = VendorCall(Operation.LIVENESS, Endpoint("/liveness"))
CALLS = (COMPARE, LIVE, LIVENESS)


def test_a_published_answer_is_a_row_with_its_question() -> None:
    rows = {each.name: each for each in documented_in(CASSETTES / "opencv_cloud", CALLS)}
    assert set(rows) == {"compare", "compare_live", "compare_live_number", "liveness"}
    row = rows["compare_live_number"]
    assert (row.call, row.is_yes, row.status) == (LIVE, True, 200)
    assert row.body == {"score": 0.8, "liveness_score": 0.93}
    assert row.asked["threshold"] == 0.75
    assert not rows["compare_live"].is_yes


def test_a_published_error_is_a_row_with_its_class_or_reason() -> None:
    rows = {each.name: each for each in failures_in(CASSETTES / "opencv_cloud", CALLS)}
    limited = rows["compare_rate_limit_exceeded"]
    assert (limited.raises, limited.headers) == (RateLimited, {"Retry-After": "7"})
    assert limited.told["retry_after"] == 7
    assert rows["compare_no_faces_found"].raises is CaptureReason.FACE_NOT_FOUND


def test_an_example_that_belongs_to_no_call_is_not_lost_in_silence() -> None:
    with pytest.raises(LookupError, match="liveness at /liveness is not among the calls"):
        documented_in(CASSETTES / "opencv_cloud", [COMPARE, LIVE])


def test_a_folder_without_examples_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no cassettes"):
        failures_in(tmp_path, CALLS)


@pytest.mark.parametrize("body", [{}, {"id": 7}, {"id": "short"}, b"", ["id"]])
def test_an_id_that_cannot_tell_questions_apart_is_refused(body: Any) -> None:
    with pytest.raises(ValueError, match="the id id"):
        Interaction(Endpoint("/checks"), body, ids={"id"})
