"""Whatever the file is like, the same face scores the same, or the picture is refused."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from facegate import (
    CaptureReason,
    CaptureRejected,
    FaceVerifier,
    Image,
    ImageRejected,
    InvalidRequest,
    ProviderUnavailable,
)
from facegate_local.decode import decode

pytestmark = pytest.mark.slow

Picture = Pillow.Image
Save = Callable[[Picture], bytes]

ORIENTATIONS: Final = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_90,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_270,
}
"""EXIF orientation, and what to do to a picture so that undoing the orientation restores it."""


def saved(picture: Picture, kind: str, **options: Any) -> bytes:
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def sixteen_bit(kind: str) -> Save:
    def save(picture: Picture) -> bytes:
        pixels = np.asarray(picture)[..., ::-1].astype(np.uint16) * 257
        return cv2.imencode(kind, pixels)[1].tobytes()

    return save


def sixteen_bit_grey(picture: Picture) -> bytes:
    grey = np.asarray(picture.convert("L")).astype(np.uint16) * 257
    return saved(Pillow.fromarray(grey), "PNG")


def with_alpha(picture: Picture, opacity: int) -> Picture:
    transparent = picture.copy()
    transparent.putalpha(opacity)
    return transparent


VARIANTS: Final[dict[str, Save]] = {
    "progressive JPEG": lambda it: saved(it, "JPEG", quality=90, progressive=True),
    "grey JPEG": lambda it: saved(it.convert("L"), "JPEG", quality=90),
    "CMYK JPEG": lambda it: saved(it.convert("CMYK"), "JPEG", quality=90),
    "PNG": lambda it: saved(it, "PNG"),
    "grey PNG": lambda it: saved(it.convert("L"), "PNG"),
    "grey PNG with alpha": lambda it: saved(it.convert("LA"), "PNG"),
    "palette PNG": lambda it: saved(it.quantize(256), "PNG"),
    "palette PNG with a transparent entry": lambda it: saved(
        it.quantize(255), "PNG", transparency=255
    ),
    "16-bit PNG": sixteen_bit(".png"),
    "16-bit grey PNG": sixteen_bit_grey,
    "opaque RGBA PNG": lambda it: saved(with_alpha(it, 255), "PNG"),
    "WebP": lambda it: saved(it, "WEBP", quality=90),
    "lossless WebP": lambda it: saved(it, "WEBP", lossless=True),
    "BMP": lambda it: saved(it, "BMP"),
    "32-bit BMP": lambda it: saved(with_alpha(it, 0), "BMP"),
    "palette BMP": lambda it: saved(it.quantize(256), "BMP"),
    "TIFF": lambda it: saved(it, "TIFF"),
    "16-bit TIFF": sixteen_bit(".tiff"),
    "CMYK TIFF": lambda it: saved(it.convert("CMYK"), "TIFF"),
    "palette TIFF": lambda it: saved(it.quantize(256), "TIFF"),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_of_a_portrait_is_the_same_person(
    verifier: FaceVerifier, pictures: Mapping[str, Picture], variant: str
) -> None:
    portrait = pictures["person_b_1"]

    result = verifier.compare(
        probe=VARIANTS[variant](portrait), gallery=[saved(portrait, "JPEG", quality=95)]
    )

    assert result.match is not None
    assert result.match.score == pytest.approx(0.99, abs=0.02)


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_variant_brings_a_stranger_closer(
    verifier: FaceVerifier, pictures: Mapping[str, Picture], variant: str
) -> None:
    stranger = saved(pictures["impostor_1"], "JPEG", quality=95)

    result = verifier.compare(probe=VARIANTS[variant](pictures["person_b_1"]), gallery=[stranger])

    assert result.match is not None
    assert result.match.score is not None
    assert result.match.score < 0.5


def through_a_window(picture: Picture) -> Picture:
    """The picture with transparent rims: such files take a way of their own."""
    mask = Pillow.new("L", picture.size, 0)
    mask.paste(255, (4, 4, picture.width - 4, picture.height - 4))
    return Pillow.composite(picture.convert("RGBA"), Pillow.new("RGBA", picture.size), mask)


KINDS: Final[dict[str, tuple[str, Callable[[Picture], Picture]]]] = {
    "JPEG": ("JPEG", lambda it: it),
    "CMYK JPEG": ("JPEG", lambda it: it.convert("CMYK")),
    "PNG": ("PNG", lambda it: it),
    "PNG with alpha": ("PNG", through_a_window),
    "WebP": ("WEBP", lambda it: it),
    "WebP with alpha": ("WEBP", through_a_window),
    "TIFF": ("TIFF", lambda it: it),
    "TIFF with alpha": ("TIFF", through_a_window),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_picture_is_seen_as_exif_turns_it(
    pictures: Mapping[str, Picture], orientation: int, kind: str
) -> None:
    """A mirrored one too, which no search for an upright face would notice."""
    portrait = pictures["person_a_2"].resize((120, 150))
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    name, made = KINDS[kind]
    stored = made(portrait.transpose(ORIENTATIONS[orientation]))

    seen = decode(Image.from_bytes(saved(stored, name, quality=95, exif=exif)))

    shown = np.asarray(portrait)[4:-4, 4:-4, ::-1].astype(int)
    assert np.abs(seen[4:-4, 4:-4] - shown).mean() < 6


def test_webp_may_mark_its_exif_as_jpeg_does(pictures: Mapping[str, Picture]) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    marked = saved(pictures["person_a_2"], "WEBP", exif=b"Exif\0\0" + exif.tobytes()[6:])
    assert Image.from_bytes(marked).orientation == 6


def scan(jpeg: bytes) -> tuple[int, int]:
    """Where the compressed pixels of the first scan begin, and where the file's last marker is."""
    start = jpeg.index(b"\xff\xda")
    return start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big"), jpeg.rindex(b"\xff\xd9")


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("restarts", [0, 8])
@pytest.mark.parametrize("seed", range(5))
def test_a_jpeg_that_lost_a_part_is_refused(
    verifier: FaceVerifier, pictures: Mapping[str, Picture], share: float, restarts: int, seed: int
) -> None:
    options = {"restart_marker_blocks": restarts} if restarts else {}
    whole = saved(pictures["person_b_1"], "JPEG", quality=90, **options)
    start, end = scan(whole)
    lost = round((end - start) * share)
    hole = start + random.Random(seed).randrange(end - start - lost)
    with pytest.raises(ImageRejected, match="damaged") as caught:
        verifier.compare(probe=whole[:hole] + whole[hole + lost :], gallery=[whole])
    assert caught.value.image == "probe"


def test_a_jpeg_that_breaks_off_before_another_is_refused(
    verifier: FaceVerifier, pictures: Mapping[str, Picture]
) -> None:
    whole = saved(pictures["person_b_1"], "JPEG", quality=90)
    with pytest.raises(ImageRejected, match="damaged"):
        verifier.compare(probe=whole[: len(whole) // 2] + whole, gallery=[whole])


def after_start(jpeg: bytes, junk: bytes) -> bytes:
    return jpeg[:2] + junk + jpeg[2:]


ODD: Final[dict[str, Callable[[bytes], bytes]]] = {
    "motion photo": lambda it: it + b"\0\0\0\x18ftypmp42" + bytes(5000),
    "second picture behind it": lambda it: it + it,
    "colour profile that is none": lambda it: after_start(
        it, b"\xff\xe2\0\x10ICC_PROFILE\0\x05\x03"
    ),
}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_but_whole_jpeg_is_taken(pictures: Mapping[str, Picture], kind: str) -> None:
    whole = saved(pictures["person_b_1"], "JPEG", quality=90)
    odd = ODD[kind](whole)
    assert (decode(Image.from_bytes(odd)) == decode(Image.from_bytes(whole))).all()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("WEBP", {"lossless": True, "exact": True}),
        ("WEBP", {"quality": 90, "exact": True}),
        ("TIFF", {}),
    ],
)
def test_a_face_under_full_transparency_is_not_there(
    verifier: FaceVerifier,
    pictures: Mapping[str, Picture],
    kind: str,
    options: dict[str, Any],
) -> None:
    hidden = saved(with_alpha(pictures["person_a_2"], 0), kind, **options)

    with pytest.raises(CaptureRejected) as caught:
        verifier.compare(probe=hidden, gallery=[saved(pictures["person_a_2"], "PNG")])

    assert caught.value.reason is CaptureReason.FACE_NOT_FOUND


def test_a_transparent_background_does_no_harm(
    verifier: FaceVerifier, pictures: Mapping[str, Picture]
) -> None:
    portrait = pictures["person_a_2"]
    shape = Pillow.new("L", portrait.size, 0)
    shape.paste(255, (portrait.width // 8, 60, portrait.width * 7 // 8, portrait.height))
    cut_out = portrait.copy()
    cut_out.putalpha(shape)

    result = verifier.compare(
        probe=saved(cut_out, "PNG"), gallery=[saved(pictures["person_a_1"], "PNG")]
    )

    assert result.accepted


def test_transparency_in_16_bits_is_rendered_in_8(
    verifier: FaceVerifier, pictures: Mapping[str, Picture]
) -> None:
    portrait = pictures["person_a_2"]
    layers = np.asarray(with_alpha(portrait, 255))[..., [2, 1, 0, 3]].astype(np.uint16) * 257
    layers[:40, :40, 3] = 0

    result = verifier.compare(
        probe=cv2.imencode(".png", layers)[1].tobytes(), gallery=[saved(portrait, "PNG")]
    )

    assert result.match is not None
    assert result.match.score == pytest.approx(1, abs=0.01)


def test_a_photo_of_twelve_megapixels_scores_like_the_small_one(
    verifier: FaceVerifier, pictures: Mapping[str, Picture]
) -> None:
    portrait = pictures["person_b_1"]
    large = portrait.resize((3000, 3000 * portrait.height // portrait.width))

    result = verifier.compare(
        probe=saved(large, "JPEG", quality=90), gallery=[saved(portrait, "JPEG", quality=95)]
    )

    assert result.match is not None
    assert result.match.score == pytest.approx(0.98, abs=0.02)


def test_a_small_face_in_a_large_photo_is_seen_at_full_size(
    verifier: FaceVerifier, pictures: Mapping[str, Picture]
) -> None:
    portrait = pictures["person_b_1"].resize((180, 226))
    photo = Pillow.new("RGB", (3000, 1600), "white")
    photo.paste(portrait, (1400, 700))

    result = verifier.compare(
        probe=saved(photo, "JPEG", quality=95),
        gallery=[saved(pictures["person_b_2"], "JPEG", quality=95)],
    )

    assert result.accepted
    assert "71 pixels" not in str(result.warnings)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_samples_without_an_8_bit_rendering_are_refused(
    verifier: FaceVerifier, pictures: Mapping[str, Picture], mode: str
) -> None:
    odd = saved(pictures["person_b_1"].convert(mode), "TIFF")

    with pytest.raises(ImageRejected) as caught:
        verifier.compare(probe=odd, gallery=[saved(pictures["person_b_2"], "PNG")])

    assert caught.value.image == "probe"


def test_an_unreadable_gallery_picture_is_named(
    verifier: FaceVerifier, pictures: Mapping[str, Picture]
) -> None:
    good = saved(pictures["person_b_2"], "PNG")
    unreadable = good.replace(b"IDAT", b"iDAT")

    with pytest.raises(ImageRejected) as caught:
        verifier.compare(probe=saved(pictures["person_b_1"], "PNG"), gallery=[good, unreadable])

    assert caught.value.image == "gallery[1]"


def test_a_bmp_whose_masks_do_not_count_is_not_taken_for_a_transparent_one(
    pictures: Mapping[str, Pillow.Image],
) -> None:
    """Three bytes a pixel have no room for transparency, whatever the header's last part says."""
    plain = saved(pictures["person_a_1"].resize((64, 64)), "BMP")
    header = plain[14:54] + struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + bytes(68)
    longer = len(header) - 40
    file = struct.pack("<2sIHHI", b"BM", len(plain) + longer, 0, 0, 54 + longer)
    v5 = file + struct.pack("<I", len(header)) + header[4:] + plain[54:]
    assert (decode(Image.from_bytes(v5)) == decode(Image.from_bytes(plain))).all()


def test_a_bmp_of_os_2_and_a_bare_jpeg_2000_are_seen(pictures: Mapping[str, Picture]) -> None:
    small = pictures["person_a_1"].resize((64, 64))
    plain = saved(small, "BMP")
    old = struct.pack("<2sIHHIIHHHH", b"BM", len(plain) - 28, 0, 0, 26, 12, 64, 64, 1, 24)
    assert (decode(Image.from_bytes(old + plain[54:])) == decode(Image.from_bytes(plain))).all()
    file = saved(small, "JPEG2000")
    bare = file[file.index(b"\xff\x4f\xff\x51") :]
    assert (decode(Image.from_bytes(bare)) == decode(Image.from_bytes(file))).all()


def test_a_machine_without_memory_does_not_blame_the_picture(
    verifier: FaceVerifier, pictures: Mapping[str, Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(*_: object) -> None:
        error = cv2.error("no memory")
        error.code = cv2.Error.STS_NO_MEM
        raise error

    monkeypatch.setattr(cv2, "imdecode", short)
    probe, claimed = (saved(pictures[name], "PNG") for name in ("person_a_1", "person_a_2"))
    with pytest.raises(ProviderUnavailable, match="out of memory"):
        verifier.compare(probe, [claimed])


COPIES: Final[dict[str, Save]] = {
    "saved anew": lambda it: saved(it, "JPEG", quality=40),
    "another format": lambda it: saved(it, "PNG"),
    "enlarged": lambda it: saved(it.resize((it.width * 3 // 2, it.height * 3 // 2)), "JPEG"),
    "cropped": lambda it: saved(it.crop((9, 9, it.width - 9, it.height - 9)), "JPEG"),
}


@pytest.mark.parametrize("kind", COPIES)
@pytest.mark.parametrize("name", ["person_b_1", "person_a_2", "impostor_1"])
def test_a_probe_that_is_a_gallery_picture_saved_anew_is_told_and_can_be_refused(
    verifier: FaceVerifier, pictures: Mapping[str, Picture], name: str, kind: str
) -> None:
    """A document photo sent as the selfie; no second photo of a person comes so close."""
    original = saved(pictures[name], "JPEG", quality=95)
    copy = COPIES[kind](pictures[name])

    result = verifier.compare(copy, [original])
    assert "the probe looks like gallery[0] itself" in " ".join(result.warnings)

    with pytest.raises(InvalidRequest, match="saved anew") as caught:
        verifier.compare(copy, [original], options={"local": {"copies": "refuse"}})
    assert caught.value.image == "probe"


@pytest.mark.parametrize("pair", [("person_a_1", "person_a_2"), ("person_b_1", "person_b_2")])
def test_a_second_photo_is_no_copy(
    verifier: FaceVerifier, pictures: Mapping[str, Picture], pair: tuple[str, str]
) -> None:
    probe, other = (saved(pictures[name], "JPEG", quality=95) for name in pair)
    result = verifier.compare(probe, [other], options={"local": {"copies": "refuse"}})
    assert "saved anew" not in " ".join(result.warnings)
