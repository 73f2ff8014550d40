"""Liveness: what it needs, what it refuses, and that it never guesses."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw

import facegate
from facegate import BadReply, CaptureReason, CaptureRejected, FaceVerifier
from facegate_local import nets

Picture = Pillow.Image


def png(picture: Picture) -> bytes:
    target = io.BytesIO()
    picture.save(target, "PNG", compress_level=1)
    return target.getvalue()


@pytest.mark.parametrize(
    "name", ["astronaut", "impostor_1", "person_a_1", "person_a_2", "person_b_1", "person_b_2"]
)
def test_a_portrait_of_a_person_passes(
    verifier: FaceVerifier, portraits: Mapping[str, Path], name: str
) -> None:
    result = verifier.liveness(probe=portraits[name])

    assert result.accepted
    assert result.liveness is not None
    assert result.liveness.threshold == 0.5


def test_colours_reach_the_network_in_the_order_it_was_measured_with(
    verifier: FaceVerifier, pictures: Mapping[str, Picture]
) -> None:
    # In warm light, red for blue would give 0.58.
    red, green, blue = pictures["impostor_1"].split()
    warm = Pillow.merge(
        "RGB", (red, green.point(lambda it: it * 0.8), blue.point(lambda it: it * 0.5))
    )

    result = verifier.liveness(probe=png(warm))

    assert result.liveness is not None
    assert result.liveness.score == pytest.approx(1, abs=0.05)


def test_a_threshold_nobody_reaches_is_not_passed(
    verifier: FaceVerifier, portraits: Mapping[str, Path]
) -> None:
    result = verifier.liveness(probe=portraits["astronaut"], liveness_threshold=1.0)

    assert not result.accepted


def test_a_threshold_is_met_by_reaching_it(
    verifier: FaceVerifier, portraits: Mapping[str, Path]
) -> None:
    liveness = verifier.liveness(probe=portraits["astronaut"]).liveness
    assert liveness is not None

    assert verifier.liveness(
        probe=portraits["astronaut"], liveness_threshold=liveness.score
    ).accepted


def test_both_questions_are_answered_on_one_probe(
    verifier: FaceVerifier, portraits: Mapping[str, Path]
) -> None:
    result = verifier.compare_live(probe=portraits["person_a_1"], gallery=[portraits["person_a_2"]])

    assert result.accepted
    assert result.match is not None
    assert result.liveness is not None


def test_a_live_stranger_is_rejected(verifier: FaceVerifier, portraits: Mapping[str, Path]) -> None:
    result = verifier.compare_live(probe=portraits["person_a_1"], gallery=[portraits["person_b_1"]])

    assert result.decision is facegate.Decision.REJECT
    assert result.liveness is not None
    assert result.liveness.passed


@pytest.mark.parametrize(
    ("crop", "reason"),
    [
        ((190, 115, 506, 900), CaptureReason.FACE_CLOSE_TO_BORDER),
        ((130, 105, 566, 559), CaptureReason.FACE_TOO_CLOSE),
    ],
)
def test_a_crop_that_suffices_to_compare_does_not_for_liveness(
    verifier: FaceVerifier,
    pictures: Mapping[str, Picture],
    crop: tuple[int, int, int, int],
    reason: CaptureReason,
) -> None:
    tight = png(pictures["person_b_2"].crop(crop))

    assert verifier.compare(probe=tight, gallery=[png(pictures["person_b_1"])]).accepted
    with pytest.raises(CaptureRejected) as caught:
        verifier.liveness(probe=tight)

    assert caught.value.reason is reason


def eyes_painted_over(portrait: Picture) -> Picture:
    """Lids of the skin's own colour, with a line of lashes, on person_b_2."""
    asleep = portrait.copy()
    draw = ImageDraw.Draw(asleep)
    for across in (282, 414):
        skin = portrait.getpixel((across, 330))
        draw.ellipse((across - 36, 262, across + 36, 304), fill=skin)
        draw.arc((across - 32, 262, across + 32, 300), 20, 160, fill=(60, 40, 35), width=4)
    return asleep


def test_closed_eyes_are_refused_unless_told_otherwise(
    verifier: FaceVerifier, pictures: Mapping[str, Picture]
) -> None:
    asleep = png(eyes_painted_over(pictures["person_b_2"]))

    with pytest.raises(CaptureRejected) as caught:
        verifier.liveness(probe=asleep)
    told = verifier.liveness(probe=asleep, options={"local": {"require_open_eyes": False}})

    assert caught.value.reason is CaptureReason.EYES_CLOSED
    assert told.liveness is not None


def test_closed_eyes_do_not_keep_from_comparing(
    verifier: FaceVerifier, pictures: Mapping[str, Picture]
) -> None:
    asleep = png(eyes_painted_over(pictures["person_b_2"]))

    assert verifier.compare(probe=asleep, gallery=[png(pictures["person_b_1"])]).match is not None


@pytest.mark.parametrize("operation", ["compare", "liveness", "compare_live"])
def test_a_network_that_computes_nothing_decides_nothing(
    verifier: FaceVerifier,
    portraits: Mapping[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
) -> None:
    def not_a_number(self: nets.Net, blob: Any) -> Any:
        return np.full(136, np.nan)

    gallery = {} if operation == "liveness" else {"gallery": [portraits["person_a_2"]]}
    monkeypatch.setattr(nets.Net, "run", not_a_number)

    with pytest.raises(BadReply):
        getattr(verifier, operation)(probe=portraits["person_a_1"], **gallery)


def test_a_liveness_that_cannot_be_computed_is_not_live(
    verifier: FaceVerifier, portraits: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nets.Net, "run", lambda self, blob: np.full(3, np.nan))

    with pytest.raises(BadReply):
        verifier.liveness(
            probe=portraits["person_a_1"], options={"local": {"require_open_eyes": False}}
        )
