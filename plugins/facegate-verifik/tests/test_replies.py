"""The answers of the API that answers as Verifik does, key by key."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from drawn import picture
from facegate import Image, Liveness, Match
from facegate.plugin import Answer, DecodedRequest, HttpRequest
from facegate_verifik.compat import VerifikApi, VerifikApiSettings

PROBE, CLAIMED = (Image.from_bytes(picture(seed=seed)).base64.decode() for seed in (1, 2))
COMPARE = {"probe": PROBE, "gallery": [CLAIMED]}
BODIES: dict[str, dict[str, Any]] = {
    "compare": COMPARE,
    "compare-live": {
        **COMPARE,
        "os": "DESKTOP",
        "search_mode": "ACCURATE",
        "liveness_min_score": 0.65,
    },
    "compare-with-liveness": {**COMPARE, "search_mode": "ACCURATE"},
    "liveness": {"os": "DESKTOP", "image": PROBE},
}
SIGNATURE = {"message": "Answered by facegate", "dateTime": "September 29, 2023 6:57 PM"}


def moment() -> datetime:
    return datetime(2023, 9, 29, 18, 57, 42, 28_000, UTC)


def api(**settings: Any) -> VerifikApi:
    chosen = VerifikApiSettings.model_validate(settings)
    chance = random.Random(1)
    return VerifikApi(chosen, clock=moment, chance=chance)


def asked(route: str, served: VerifikApi | None = None, **changes: Any) -> DecodedRequest:
    body = json.dumps({**BODIES[route], **changes}).encode()
    request = HttpRequest("POST", f"http://gateway/v2/face-recognition/{route}", {}, (body,))
    found = (served or api()).decode(request)
    assert isinstance(found, DecodedRequest), found
    return found


def answered(route: str, answer: Answer, served: VerifikApi, **changes: Any) -> Any:
    """The data of a reply, or the whole error."""
    reply = served.encode(asked(route, served, **changes), answer)
    body = json.loads(reply.body)
    return body["data"] if reply.status == 200 else (reply.status, body)


def match(score: float | None, *, is_match: bool = True, threshold: float = 0.85) -> Match:
    return Match(is_match=is_match, score=score, threshold=threshold)


def live(score: float | None, *, passed: bool = True, threshold: float = 0.65) -> Liveness:
    return Liveness(passed=passed, score=score, threshold=threshold)


def test_the_record_of_a_comparison() -> None:
    reply = api(shape="record").encode(asked("compare"), Answer(match=match(1.0)))
    body = json.loads(reply.body)
    data = body["data"]
    assert (len(body["id"]), len(data["_id"]), len(data["client"])) == (5, 24, 24)
    assert body == {
        "id": body["id"],
        "data": {
            "__v": 0,
            "_id": data["_id"],
            "type": "compare",
            "probe": [],
            "client": data["client"],
            "result": {"score": 1, "compare_min_score": 0.85, "passed": True},
            "compare_min_score": 0.85,
            "status": "success",
            "gallery": [],
            "createdAt": "2023-09-29T18:57:42.028Z",
            "updatedAt": "2023-09-29T18:57:42.028Z",
            "comparedAt": "2023-09-29T18:57:42.028Z",
            "search_mode": "FAST",
        },
        "signature": SIGNATURE,
    }


def test_the_same_clock_and_chance_give_the_same_bytes() -> None:
    first, second = (api().encode(asked("compare"), Answer(match=match(0.9))) for _ in range(2))
    assert first.body == second.body


def test_the_record_of_both_at_once_has_its_liveness_score_as_text() -> None:
    data = answered("compare-live", Answer(match=match(0.89), liveness=live(0.92)), api())
    assert (data["type"], data["os"], data["search_mode"]) == ("compareLive", "DESKTOP", "ACCURATE")
    assert (data["liveness_min_score"], data["compare_min_score"]) == (0.65, 0.85)
    assert data["result"] == {
        "score": 0.89,
        "compare_min_score": 0.85,
        "passed": True,
        "liveness_score": "0.92",
    }


def test_both_in_turn_are_two_records() -> None:
    answer = Answer(match=match(1.0), liveness=live(0.77, threshold=0.7))
    data = answered("compare-with-liveness", answer, api())
    assert (data["comparison"]["type"], data["comparison"]["search_mode"]) == (
        "compareLive",
        "ACCURATE",
    )
    checked = data["liveness"]
    assert checked["result"] == {"liveness_score": 0.77, "passed": True, "min_score": 0.7}
    assert (checked["type"], checked["search_mode"], checked["os"]) == (
        "liveness",
        "FAST",
        "DESKTOP",
    )


@pytest.mark.parametrize(
    ("route", "answer", "expected"),
    [
        ("compare", Answer(match=match(0.91)), {"score": 0.91}),
        (
            "compare-live",
            Answer(match=match(0.89), liveness=live(0.92)),
            {
                "score": 0.89,
                "liveness": {"liveness_score": 0.92, "min_score": 0.65, "passed": True},
            },
        ),
        (
            "compare-with-liveness",
            Answer(match=match(0.88), liveness=live(0.91, threshold=0.6)),
            {
                "comparison": {"score": 0.88},
                "liveness": {"liveness_score": 0.91, "min_score": 0.6, "passed": True},
            },
        ),
        (
            "liveness",
            Answer(liveness=live(0.98, threshold=0.6)),
            {"passed": True, "min_score": 0.6, "liveness_score": 0.98},
        ),
    ],
)
def test_flat_answers_are_those_of_the_documentation(
    route: str, answer: Answer, expected: dict[str, Any]
) -> None:
    assert answered(route, answer, api(shape="docs")) == expected


@pytest.mark.parametrize("shape", ["both", "record", "docs"])
def test_liveness_is_skipped_after_a_failed_comparison_with_a_threshold(shape: str) -> None:
    answer = Answer(match=match(0.4, is_match=False), liveness=live(0.9))
    for changes, skipped in (({"compare_min_score": 0.7}, True), ({}, False)):
        data = answered("compare-with-liveness", answer, api(shape=shape), **changes)
        assert (data["liveness"] is None) == skipped


def test_one_reply_is_read_by_those_of_either_shape() -> None:
    """Integrations written from today's page, from captured records, and Verifik's own clients."""
    spoof = Answer(match=match(0.89), liveness=live(0.005, passed=False))
    data = answered("compare-live", spoof, api())
    assert (data["score"], data["result"]["score"]) == (0.89, 0.89)
    assert data["liveness"] == {"passed": False, "min_score": 0.65, "liveness_score": 0.005}
    assert data["result"]["liveness_score"] == "0.005"
    data = answered("compare-with-liveness", spoof, api())
    assert data["comparison"]["score"] == data["comparison"]["result"]["score"] == 0.89
    assert data["liveness"]["passed"] is data["liveness"]["result"]["passed"] is False
    assert answered("compare", Answer(match=match(0.91)), api())["score"] == 0.91


def test_the_vendors_own_signature_is_handed_on() -> None:
    signature = {"message": "Certified by Verifik.co", "dateTime": "today"}
    answer = Answer(match=match(0.9), vendor_signature=signature)
    assert json.loads(api().encode(asked("compare"), answer).body)["signature"] == signature


def test_a_verdict_without_a_score_stays_one() -> None:
    verdict = Answer(match=match(None), liveness=live(None))
    assert answered("compare", verdict, api())["result"] == {
        "compare_min_score": 0.85,
        "passed": True,
    }
    assert answered("compare", verdict, api(shape="docs")) == {"match": True}
    both = answered("compare-live", verdict, api())
    assert both["liveness"] == {"passed": True, "min_score": 0.65}
    assert "liveness_score" not in both["result"]
    equal = Answer(match=match(None), liveness=live(1.0, threshold=1.0))
    assert answered("compare-live", equal, api())["liveness"]["passed"] is True
    assert answered("liveness", verdict, api()) == {"passed": True, "min_score": 0.65}


@pytest.mark.parametrize("shape", ["both", "record", "docs"])
@pytest.mark.parametrize(
    ("route", "answer"),
    [
        ("liveness", Answer(liveness=live(None, passed=False))),
        ("liveness", Answer()),
        ("compare", Answer(match=match(0.9), liveness=live(0.2, passed=False))),
        ("compare-live", Answer(match=match(0.9), liveness=live(None, passed=False))),
        ("compare-live", Answer(match=match(0.9))),
        ("compare-live", Answer(liveness=live(0.2, passed=False))),
        ("compare-with-liveness", Answer(match=match(0.9), liveness=live(None, passed=False))),
    ],
)
def test_a_spoof_that_no_score_can_tell_is_a_failed_liveness(
    route: str, answer: Answer, shape: str
) -> None:
    expected = (409, {"message": "409:liveness_failed", "code": "ERROR"})
    assert answered(route, answer, api(shape=shape)) == expected


def test_a_spoof_with_a_score_is_an_answer() -> None:
    spoof = Answer(match=match(0.9), liveness=live(0.2, passed=False))
    assert answered("liveness", spoof, api())["passed"] is False
    assert answered("compare-live", spoof, api())["result"]["liveness_score"] == "0.2"


@pytest.mark.parametrize(
    ("hour", "shown"), [(0, "12:05 AM"), (11, "11:05 AM"), (12, "12:05 PM"), (23, "11:05 PM")]
)
def test_the_signature_is_dated_in_english_and_utc(hour: int, shown: str) -> None:
    served = VerifikApi(
        VerifikApiSettings(), clock=lambda: datetime(2024, 1, 6, hour, 5, tzinfo=UTC)
    )
    reply = served.encode(asked("liveness", served), Answer(liveness=live(0.9)))
    assert json.loads(reply.body)["signature"]["dateTime"] == f"January 6, 2024 {shown}"
