"""Which captures are refused, and that strangers never match however the picture is turned."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw

import facegate
from facegate import CaptureReason, CaptureRejected, FaceVerifier
from facegate_local.faces import Face, Scene
from facegate_local.gates import check_compare, yaw

pytestmark = pytest.mark.slow

Picture = Pillow.Image

BOX: Final = (206, 135, 490, 529)
"""Left, top, right and bottom of the face on the portrait person_b_2."""
PORTRAITS: Final = (
    "astronaut",
    "grace_hopper",
    "impostor_1",
    "impostor_2",
    "person_a_1",
    "person_a_2",
    "person_b_1",
    "person_b_2",
)
STRANGERS: Final = [pair for pair in combinations(PORTRAITS, 2) if pair[0][:-1] != pair[1][:-1]] + [
    ("impostor_1", "impostor_2")
]


def png(picture: Picture) -> bytes:
    target = io.BytesIO()
    picture.save(target, "PNG", compress_level=1)
    return target.getvalue()


def empty_room(_: Picture) -> Picture:
    room = Pillow.new("RGB", (640, 480), "beige")
    draw = ImageDraw.Draw(room)
    draw.rectangle((0, 330, 640, 480), fill="sienna")
    draw.rectangle((60, 60, 220, 240), fill="lightblue", outline="white", width=8)
    draw.ellipse((400, 100, 500, 200), fill="gold")
    return room


def twelve_times(portrait: Picture) -> Picture:
    tile = portrait.resize((160, 209))
    crowd = Pillow.new("RGB", (640, 627))
    for index in range(12):
        crowd.paste(tile, (index % 4 * 160, index // 4 * 209))
    return crowd


def beside_another(portrait: Picture) -> Picture:
    pair = Pillow.new("RGB", (portrait.width * 2, portrait.height))
    pair.paste(portrait, (0, 0))
    pair.paste(portrait.transpose(Pillow.Transpose.FLIP_LEFT_RIGHT), (portrait.width, 0))
    return pair


def shrunk(portrait: Picture) -> Picture:
    return portrait.resize((80, 104))


def cut(side: str, share: float) -> Callable[[Picture], Picture]:
    def crop(portrait: Picture) -> Picture:
        left, top, right, bottom = BOX
        across, down = share * (right - left), share * (bottom - top)
        edges = {
            "left": (left + across, 0, portrait.width, portrait.height),
            "top": (0, top + down, portrait.width, portrait.height),
            "right": (0, 0, right - across, portrait.height),
            "bottom": (0, 0, portrait.width, bottom - down),
        }
        first, upper, last, lower = map(round, edges[side])
        return portrait.crop((first, upper, last, lower))

    return crop


REFUSED: Final[dict[str, tuple[Callable[[Picture], Picture], CaptureReason]]] = {
    "nobody": (empty_room, CaptureReason.FACE_NOT_FOUND),
    "a plain wall": (
        lambda it: Pillow.new("RGB", it.size, "white"),
        CaptureReason.FACE_NOT_FOUND,
    ),
    "twelve faces": (twelve_times, CaptureReason.TOO_MANY_FACES),
    "two faces": (beside_another, CaptureReason.TOO_MANY_FACES),
    "far away": (shrunk, CaptureReason.FACE_TOO_SMALL),
    "cut off on the left": (cut("left", 0.15), CaptureReason.FACE_CROPPED),
    "cut off on the right": (cut("right", 0.15), CaptureReason.FACE_CROPPED),
    "cut off at the top": (cut("top", 0.15), CaptureReason.FACE_CROPPED),
    "cut off at the bottom": (cut("bottom", 0.15), CaptureReason.FACE_CROPPED),
}


@pytest.mark.parametrize("capture", REFUSED)
def test_a_bad_probe_is_refused_with_what_to_do(
    verifier: FaceVerifier, pictures: Mapping[str, Picture], capture: str
) -> None:
    spoil, reason = REFUSED[capture]

    with pytest.raises(CaptureRejected) as caught:
        verifier.compare(
            probe=png(spoil(pictures["person_b_2"])), gallery=[png(pictures["person_b_1"])]
        )

    assert (caught.value.reason, caught.value.image) == (reason, "probe")
    assert ":" in caught.value.message


def test_a_bad_gallery_image_is_named(
    verifier: FaceVerifier, pictures: Mapping[str, Picture]
) -> None:
    probe, good = png(pictures["person_b_1"]), png(pictures["person_b_2"])

    with pytest.raises(CaptureRejected) as caught:
        verifier.compare(probe=probe, gallery=[good, png(empty_room(pictures["person_b_1"]))])

    assert caught.value.image == "gallery[1]"


@pytest.mark.parametrize("side", ["left", "top", "right", "bottom"])
def test_a_tight_crop_is_compared(
    verifier: FaceVerifier, pictures: Mapping[str, Picture], side: str
) -> None:
    result = verifier.compare(
        probe=png(cut(side, -0.07)(pictures["person_b_2"])), gallery=[png(pictures["person_b_1"])]
    )

    assert result.accepted


def test_the_most_prominent_face_can_be_asked_for(
    verifier: FaceVerifier, pictures: Mapping[str, Picture]
) -> None:
    couple = Pillow.new("RGB", (1100, 900), "grey")
    couple.paste(pictures["person_b_2"], (0, 0))
    couple.paste(pictures["impostor_1"].resize((400, 460)), (700, 200))

    result = verifier.compare(
        probe=png(couple),
        gallery=[png(pictures["person_b_1"])],
        options={"local": {"several_faces": "vendor"}},
    )

    assert result.accepted


def test_a_passer_by_in_the_background_is_no_second_face(
    verifier: FaceVerifier, pictures: Mapping[str, Picture]
) -> None:
    street = Pillow.new("RGB", (1000, 900), "grey")
    street.paste(pictures["person_b_2"], (0, 0))
    street.paste(pictures["impostor_1"].resize((250, 288)), (730, 100))

    result = verifier.compare(probe=png(street), gallery=[png(pictures["person_b_1"])])

    assert result.accepted
    assert "the probe shows 1 further face" in result.warnings  # nor is it passed over in silence

    result = verifier.compare(
        probe=png(pictures["person_b_1"]), gallery=[png(pictures["person_b_2"]), png(street)]
    )

    assert result.warnings == ("gallery[1] shows 1 further face",)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "width", "place"),
    [
        ((1600, 1200), 130, (0.5, 0.5)),
        ((4000, 3000), 130, (0.2, 0.7)),
        ((4000, 3000), 200, (0.99, 0.01)),
        ((8000, 6000), 150, (0.3, 0.6)),
    ],
)
def test_a_small_face_in_a_large_photo_compares_as_its_crop_does(
    verifier: FaceVerifier,
    pictures: Mapping[str, Picture],
    size: tuple[int, int],
    width: int,
    place: tuple[float, float],
) -> None:
    portrait = pictures["person_b_2"]
    small = portrait.resize((width, width * portrait.height // portrait.width))
    room = Pillow.new("RGB", size, "grey")
    left, top = (
        round(share * (whole - part))
        for share, whole, part in zip(place, size, small.size, strict=True)
    )
    room.paste(small, (left, top))

    framed, cropped = (
        verifier.compare(probe=png(shown), gallery=[png(pictures["person_b_1"])])
        for shown in (room, small)
    )

    assert framed.match is not None
    assert cropped.match is not None
    assert framed.match.score == pytest.approx(cropped.match.score, abs=0.03)


@pytest.mark.slow
def test_a_turned_face_beside_a_small_one_in_a_large_photo_counts(
    verifier: FaceVerifier, pictures: Mapping[str, Picture]
) -> None:
    room = Pillow.new("RGB", (8000, 6000), "grey")
    room.paste(pictures["person_b_2"].resize((180, 207)), (4000, 3000))
    room.paste(pictures["impostor_1"].resize((180, 207)).rotate(90, expand=True), (5000, 3000))

    with pytest.raises(CaptureRejected) as caught:
        verifier.compare(probe=png(room), gallery=[png(pictures["person_b_1"])])

    assert caught.value.reason is CaptureReason.TOO_MANY_FACES


@pytest.fixture(scope="module")
def scores_when_turned(
    verifier: FaceVerifier, pictures: Mapping[str, Picture]
) -> Mapping[int, Mapping[tuple[str, str], float]]:
    """Every pair of portraits, both turned by the same quarter turns: degrees to scores."""
    found: dict[int, dict[tuple[str, str], float]] = {}
    for degrees in (0, 90, 180, 270):
        turned = {name: png(pictures[name].rotate(degrees, expand=True)) for name in PORTRAITS}
        found[degrees] = {}
        for index, name in enumerate(PORTRAITS[:-1]):
            others = PORTRAITS[index + 1 :]
            result = verifier.compare(probe=turned[name], gallery=[turned[it] for it in others])
            assert result.match is not None
            for other, score in zip(others, result.match.gallery_scores, strict=True):
                assert score is not None
                found[degrees][name, other] = score
    return found


@pytest.mark.slow
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_no_strangers_match_whichever_way_their_photos_are_turned(
    scores_when_turned: Mapping[int, Mapping[tuple[str, str], float]], degrees: int
) -> None:
    assert max(scores_when_turned[degrees][pair] for pair in STRANGERS) < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("person", ["person_a", "person_b"])
def test_the_same_person_matches_whichever_way_the_photos_are_turned(
    scores_when_turned: Mapping[int, Mapping[tuple[str, str], float]], degrees: int, person: str
) -> None:
    assert scores_when_turned[degrees][f"{person}_1", f"{person}_2"] > 0.8


@pytest.mark.parametrize("degrees", [-25, -12, 12, 25])
def test_a_leaning_head_is_set_upright(
    verifier: FaceVerifier, pictures: Mapping[str, Picture], degrees: int
) -> None:
    leaning = pictures["person_b_2"].rotate(degrees, fillcolor="grey")

    result = verifier.compare(probe=png(leaning), gallery=[png(pictures["person_b_1"])])

    assert result.accepted


@pytest.mark.parametrize("width", [150, 250, 400, 480, 600])
def test_no_size_of_face_passes_upside_down(
    verifier: FaceVerifier, pictures: Mapping[str, Picture], width: int
) -> None:
    portrait = pictures["impostor_2"]
    small = portrait.resize((width, width * portrait.height // portrait.width))

    result = verifier.compare(probe=png(small.rotate(180)), gallery=[png(small)])

    assert result.match is not None
    assert result.match.score == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("probe", "other", "score"),
    [
        ("person_a_1", "person_a_2", 0.845),
        ("person_b_1", "person_b_2", 0.934),
        ("impostor_2", "person_a_2", 0.532),
    ],
)
def test_scores_are_those_of_the_measured_recipe(
    verifier: FaceVerifier, portraits: Mapping[str, Path], probe: str, other: str, score: float
) -> None:
    result = verifier.compare(probe=portraits[probe], gallery=[portraits[other]])

    # Blue for red would give 0.818, 0.905 and 0.550.
    assert result.match is not None
    assert result.match.score == pytest.approx(score, abs=0.002)


def test_a_threshold_is_met_by_reaching_it(
    verifier: FaceVerifier, portraits: Mapping[str, Path]
) -> None:
    probe, gallery = portraits["person_b_1"], [portraits["person_b_2"]]
    match = verifier.compare(probe, gallery).match
    assert match is not None
    assert match.score is not None

    assert verifier.compare(probe, gallery, threshold=match.score).accepted
    assert not verifier.compare(probe, gallery, threshold=match.score + 1e-6).accepted


def test_the_subject_is_large_and_near_the_middle(
    verifier: FaceVerifier, pictures: Mapping[str, Picture]
) -> None:
    scene = Pillow.new("RGB", (1600, 900), "grey")
    scene.paste(pictures["person_b_2"].resize((505, 660)), (548, 120))
    scene.paste(pictures["impostor_1"].resize((696, 800)), (1000, 100))

    result = verifier.compare(
        probe=png(scene),
        gallery=[png(pictures["person_b_1"])],
        options={"local": {"several_faces": "vendor"}},
    )

    assert result.accepted


def face(*, yaw: float = 0.0, roll: float = 0.0, score: float = 0.95) -> Scene:
    """A head of the usual proportions, 200 pixels wide, seen from far in front."""
    head = np.array([[-32, -34, 26], [32, -34, 26], [0, 0, 0], [-26, 32, 22], [26, 32, 22]])
    turn, lean = np.radians(yaw), np.radians(roll)
    across = head[:, 0] * np.cos(turn) - head[:, 2] * np.sin(turn)
    down = head[:, 1]
    seen = np.stack(
        [across * np.cos(lean) - down * np.sin(lean), across * np.sin(lean) + down * np.cos(lean)],
        axis=1,
    )
    found = Face(220, 180, 200, 260, 2 * seen + (320, 320), score)
    return Scene(np.zeros((640, 640, 3), np.uint8), (found,))


@pytest.mark.parametrize("degrees", [-60, -30, 0, 30, 60])
def test_yaw_is_read_from_five_points(degrees: int) -> None:
    scene = face(yaw=degrees)

    assert yaw(scene.face, scene.pixels) == pytest.approx(degrees, abs=10)


@pytest.mark.parametrize(
    "scene", [face(yaw=65), face(yaw=-65), face(roll=20), face(roll=-20), face(score=0.8)]
)
def test_a_head_that_is_turned_leaning_or_unsure_is_refused(scene: Scene) -> None:
    with pytest.raises(CaptureRejected) as caught:
        check_compare(scene, "probe")

    assert caught.value.reason is CaptureReason.FACE_ANGLE_TOO_LARGE


def test_a_head_that_is_slightly_turned_is_not_refused() -> None:
    check_compare(face(yaw=25, roll=5), "probe")


def test_the_best_of_several_gallery_images_decides(
    verifier: FaceVerifier, portraits: Mapping[str, Path]
) -> None:
    gallery = [portraits["impostor_1"], portraits["person_a_2"]]

    result = verifier.compare(probe=portraits["person_a_1"], gallery=gallery)

    assert result.match is not None
    assert result.accepted
    assert result.match.score == result.match.gallery_scores[1]
    assert result.match.decided_by is facegate.DecidedBy.FACEGATE
