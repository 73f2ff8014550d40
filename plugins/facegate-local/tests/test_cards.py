"""People who hold another's card into the camera, whichever way card and camera are turned."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Mapping

import pytest
from PIL import Image as Pillow
from PIL import ImageEnhance

from facegate import CaptureReason, CaptureRejected, Decision, FaceVerifier

Portraits = Mapping[str, Pillow.Image]

HOLDERS = ["impostor_1", "impostor_2", "person_a_1"]
OWNER = ("person_b_1", "person_b_2")


def jpeg(picture: Pillow.Image) -> bytes:
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=92)
    return target.getvalue()


def scene(holder: Pillow.Image, card: Pillow.Image, *, turn: int, width: int) -> Pillow.Image:
    """A person with a card beside the face, the card so wide and turned clockwise."""
    portrait = card.resize((width, round(card.height * width / card.width)))
    framed = Pillow.new("RGB", (portrait.width + 40, portrait.height + 40), "white")
    framed.paste(portrait, (20, 20))
    framed = framed.rotate(-turn, expand=True)
    picture = Pillow.new("RGB", (1400, 1000), (120, 130, 120))
    person = holder.resize((650, round(holder.height * 650 / holder.width)))
    picture.paste(person, (20, 20))
    picture.paste(framed, (700, 500 - framed.height // 2))
    return picture


def accepted(verifier: FaceVerifier, probe: Pillow.Image, owner: Pillow.Image) -> bool:
    try:
        result = verifier.compare(jpeg(probe), [jpeg(owner)])
    except CaptureRejected:
        return False
    return result.decision is Decision.ACCEPT


def scenes(pictures: Portraits, name: str) -> Iterator[Pillow.Image]:
    """Scenes of one holder: dimmed or leaning a little, the card in every turn and many sizes."""
    draw = random.Random(name)
    for card_turn in (0, 90, 180, 270):
        for camera_turn in (0, 90, 180, 270):
            holder = pictures[name].rotate(draw.uniform(-12, 12), fillcolor=(120, 130, 120))
            holder = ImageEnhance.Brightness(holder).enhance(draw.uniform(0.5, 1))
            width = round(draw.uniform(320, 660))
            picture = scene(holder, pictures[OWNER[0]], turn=card_turn, width=width)
            yield picture.rotate(-camera_turn, expand=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", HOLDERS)
def test_a_card_beside_a_face_never_speaks_for_its_holder(
    verifier: FaceVerifier, pictures: Portraits, name: str
) -> None:
    owner = pictures[OWNER[1]]
    wrong = [
        number
        for number, picture in enumerate(scenes(pictures, name))
        if accepted(verifier, picture, owner)
    ]
    assert not wrong


def test_a_card_alone_does(verifier: FaceVerifier, pictures: Portraits) -> None:
    """Or the law above would hold for an engine that sees nothing in such scenes."""
    empty = Pillow.new("RGB", (650, 800), (120, 130, 120))
    for turn in (0, 90, 180, 270):
        picture = scene(empty, pictures[OWNER[0]], turn=turn, width=500)
        assert accepted(verifier, picture, pictures[OWNER[1]])


def document(portrait: Pillow.Image, ghost: Pillow.Image, *, width: int, tilt: int) -> bytes:
    """A card with a portrait and, beside it, a pale and smaller second one."""
    card = Pillow.new("RGB", (1000, 700), (205, 215, 205))
    card.paste(portrait.resize((360, round(portrait.height * 360 / portrait.width))), (60, 60))
    small = ghost.convert("L").convert("RGB")
    small = small.resize((width, round(small.height * width / small.width)))
    card.paste(Pillow.blend(small, Pillow.new("RGB", small.size, (205, 215, 205)), 0.4), (600, 90))
    return jpeg(card.rotate(tilt, expand=True, fillcolor="white"))


@pytest.mark.parametrize("tilt", [0, 14, 90])
def test_a_second_portrait_of_its_owner_is_no_second_person_on_a_document(
    verifier: FaceVerifier, pictures: Portraits, tilt: int
) -> None:
    owner = pictures[OWNER[0]]
    card = document(owner, owner, width=240, tilt=tilt)
    result = verifier.compare(jpeg(pictures[OWNER[1]]), [card])
    assert result.decision is Decision.ACCEPT
    assert "gallery[0] shows 1 further face" in result.warnings


def test_two_portraits_of_one_person_are_two_faces_on_a_selfie(
    verifier: FaceVerifier, pictures: Portraits
) -> None:
    owner = pictures[OWNER[0]]
    card = document(owner, owner, width=240, tilt=0)
    with pytest.raises(CaptureRejected) as caught:
        verifier.compare(card, [jpeg(pictures[OWNER[1]])])
    assert (caught.value.reason, caught.value.image) == (CaptureReason.TOO_MANY_FACES, "probe")


def test_a_strangers_portrait_on_a_document_is_refused_unless_the_gallery_may_show_others(
    verifier: FaceVerifier, pictures: Portraits
) -> None:
    card = document(pictures[OWNER[0]], pictures["impostor_1"], width=240, tilt=0)
    probe = jpeg(pictures[OWNER[1]])
    with pytest.raises(CaptureRejected) as caught:
        verifier.compare(probe, [card])
    assert (caught.value.reason, caught.value.image) == (CaptureReason.TOO_MANY_FACES, "gallery[0]")

    lenient = {"local": {"several_faces": "vendor_gallery"}}
    assert verifier.compare(probe, [card], options=lenient).decision is Decision.ACCEPT
    with pytest.raises(CaptureRejected):
        verifier.compare(card, [probe], options=lenient)
