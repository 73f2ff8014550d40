"""Where the engine says that faces are: in the picture as people see it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow
from PIL import ImageOps

from facegate import Box, Face, FaceVerifier, Image, VerificationResult
from facegate.plugin import CompareRequest, LivenessRequest
from facegate_local.provider import Local, LocalSettings

TURNS = {
    90: Pillow.Transpose.ROTATE_90,
    180: Pillow.Transpose.ROTATE_180,
    270: Pillow.Transpose.ROTATE_270,
}


@pytest.fixture(scope="module")
def local(models_dir: Path) -> Local:
    return Local(LocalSettings(models_dir=models_dir, pull=False, several_faces="vendor"))


def taken(picture: Pillow.Image, **options: Any) -> Image:
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=95, **options)
    return Image.from_bytes(target.getvalue())


def seen(local: Local, probe: Pillow.Image, *gallery: Pillow.Image, **options: Any) -> list[Face]:
    """The faces that an answer tells of; without a gallery, the probe is its own."""
    claimed = tuple(map(taken, gallery or (probe,)))
    request = CompareRequest(taken(probe, **options), claimed, local.settings, 0.7)
    return list(local.compare(request).faces)


def box_of(faces: list[Face]) -> Box:
    return next(face.box for face in faces if face.image == "probe")


def close(box: Box, other: Box, within: float = 0.03) -> bool:
    return all(
        getattr(box, name) == pytest.approx(getattr(other, name), abs=within)
        for name in Box.model_fields
    )


def on_canvas(portrait: Pillow.Image) -> Pillow.Image:
    """The portrait in the right lower part of a wide white picture."""
    canvas = Pillow.new("RGB", (2 * portrait.width, portrait.height + 100), "white")
    canvas.paste(portrait, (portrait.width, 100))
    return canvas


def test_a_box_is_where_the_face_is(local: Local, pictures: Mapping[str, Pillow.Image]) -> None:
    portrait = pictures["person_a_2"]
    alone, moved = (box_of(seen(local, each)) for each in (portrait, on_canvas(portrait)))
    down = (portrait.height + 100) / portrait.height
    expected = Box(
        left=(1 + alone.left) / 2,
        top=(alone.top + down - 1) / down,
        width=alone.width / 2,
        height=alone.height / down,
    )
    assert close(moved, expected)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_box_is_in_the_picture_as_exif_turns_it(
    local: Local, pictures: Mapping[str, Pillow.Image], orientation: int
) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    stored = Pillow.open(io.BytesIO(taken(on_canvas(pictures["person_a_2"]), exif=exif).data))
    displayed = ImageOps.exif_transpose(stored).convert("RGB")
    assert close(box_of(seen(local, stored, exif=exif)), box_of(seen(local, displayed)))


@pytest.mark.parametrize("degrees", TURNS)
def test_a_box_is_not_turned_with_a_face_that_lies_on_its_side(
    local: Local, pictures: Mapping[str, Pillow.Image], degrees: int
) -> None:
    picture = on_canvas(pictures["person_a_2"])
    upright = box_of(seen(local, picture))
    for _ in range(degrees // 90):  # counter-clockwise, as Pillow turns
        upright = Box(
            left=upright.top,
            top=1 - upright.left - upright.width,
            width=upright.height,
            height=upright.width,
        )
    assert close(box_of(seen(local, picture.transpose(TURNS[degrees]))), upright)


def test_a_leaning_face_keeps_its_place(local: Local, pictures: Mapping[str, Pillow.Image]) -> None:
    picture = on_canvas(pictures["person_a_2"])
    middle = box_of(seen(local, picture))
    centre = (
        picture.width * (middle.left + middle.width / 2),
        picture.height * (middle.top + middle.height / 2),
    )
    leaning = picture.rotate(25, center=centre, fillcolor="white")
    assert close(box_of(seen(local, leaning)), middle, within=0.06)


def test_shares_do_not_depend_on_the_size(
    local: Local, pictures: Mapping[str, Pillow.Image]
) -> None:
    portrait = pictures["person_b_1"]
    large = portrait.resize((3000, 3000 * portrait.height // portrait.width))
    assert close(box_of(seen(local, large)), box_of(seen(local, portrait)))


def test_every_face_is_told_and_the_one_that_counts_first(
    local: Local, pictures: Mapping[str, Pillow.Image]
) -> None:
    large, small = pictures["person_a_2"], pictures["person_b_1"]
    both = Pillow.new("RGB", (large.width * 2, large.height), "white")
    both.paste(large, (0, 0))
    both.paste(small.resize((large.width // 2, large.height // 2)), (large.width * 3 // 2, 0))
    faces = seen(local, both, large)
    assert [face.image for face in faces] == ["probe", "probe", "gallery[0]"]
    assert faces[0].box.left < 0.5 < faces[1].box.left
    assert faces[0].box.width > faces[1].box.width
    assert all(0.6 <= (face.confidence or 0) <= 1 for face in faces)


def test_a_result_holds_them_and_is_read_back_with_them(
    verifier: FaceVerifier, portraits: Mapping[str, Path]
) -> None:
    result = verifier.compare(portraits["person_a_1"], [portraits["person_a_2"]])
    assert [face.image for face in result.faces] == ["probe", "gallery[0]"]
    assert VerificationResult.model_validate_json(result.model_dump_json()) == result


def test_a_question_of_liveness_tells_of_the_probe(
    models_dir: Path, portraits: Mapping[str, Path], local: Local
) -> None:
    probe = Image.from_path(portraits["astronaut"])
    (face,) = local.liveness(LivenessRequest(probe, local.settings, 0.5)).faces
    assert face.image == "probe"
    assert Local.info.faces
