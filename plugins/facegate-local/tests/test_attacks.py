"""Pictures made to be taken for somebody: what a person cannot see in them must not decide."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps

from facegate import CaptureReason, CaptureRejected, FaceVerifier, ImageRejected

pytestmark = pytest.mark.slow

Picture = Pillow.Image
Pixels = NDArray[np.uint8]


def png(picture: Picture) -> bytes:
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


@pytest.mark.slow
def test_a_face_strewn_over_few_pixels_of_another_is_not_seen(
    verifier: FaceVerifier, pictures: Mapping[str, Picture]
) -> None:
    """One pixel in sixteen shows a stranger, which nobody notices from afar."""
    shown = pictures["person_b_1"]
    hidden = pictures["impostor_1"].resize(shown.size)
    size = (shown.width * 4, shown.height * 4)
    pixels = np.array(shown.resize(size, Pillow.Resampling.BICUBIC))
    pixels[1::4, 1::4] = np.asarray(hidden)

    result = verifier.compare(
        png(Pillow.fromarray(pixels)), [png(shown), png(pictures["impostor_1"])]
    )

    assert result.match is not None
    seen, strewn = result.match.gallery_scores
    assert seen is not None
    assert strewn is not None
    assert seen > 0.9
    assert strewn < 0.6


def one_colour(picture: Picture) -> Picture:
    blue = picture.getchannel("B")
    nothing = Pillow.new("L", picture.size)
    return Pillow.merge("RGB", (nothing, nothing, blue))


def giant_pixels(picture: Picture) -> Picture:
    tiny = picture.resize((picture.width // 18, picture.height // 18), Pillow.Resampling.BOX)
    return tiny.resize(picture.size, Pillow.Resampling.NEAREST)


def noisy(picture: Picture) -> Picture:
    noise = np.random.default_rng(7).normal(0, 120, (picture.height, picture.width, 3))
    return Pillow.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


RENDERINGS: Final[dict[str, Callable[[Picture], Picture]]] = {
    "negative": ImageOps.invert,
    "one colour": one_colour,
    "giant pixels": giant_pixels,
    "noise": noisy,
}
PEOPLE: Final = ("person_a_2", "person_b_2", "impostor_1", "impostor_2", "astronaut")


@pytest.mark.slow
@pytest.mark.parametrize("rendering", RENDERINGS.values(), ids=RENDERINGS)
def test_strangers_in_the_same_strange_rendering_do_not_become_one_person(
    verifier: FaceVerifier,
    pictures: Mapping[str, Picture],
    rendering: Callable[[Picture], Picture],
) -> None:
    rendered = [png(rendering(pictures[name])) for name in PEOPLE]
    for probe, claimed in combinations(rendered, 2):
        try:
            result = verifier.compare(probe, [claimed])
        except CaptureRejected:
            continue
        assert not result.accepted


def test_a_negative_is_refused_for_what_it_is(
    verifier: FaceVerifier, pictures: Mapping[str, Picture]
) -> None:
    negative = png(ImageOps.invert(pictures["impostor_1"]))
    with pytest.raises(CaptureRejected) as caught:
        verifier.compare(png(pictures["impostor_2"]), [negative])
    assert (caught.value.reason, caught.value.image) == (
        CaptureReason.QUALITY_TOO_LOW,
        "gallery[0]",
    )


def chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def invisible_palette(picture: Picture) -> bytes:
    """Every colour transparent, said only after a comment that looks like the picture's data."""
    data = png(picture.convert("P", palette=Pillow.Palette.ADAPTIVE))
    colours = data.index(b"PLTE") - 4
    after = colours + 12 + struct.unpack_from(">I", data, colours)[0]
    comment, clear = chunk(b"tEXt", b"Comment\0IDAT"), chunk(b"tRNS", bytes(256))
    return data[:33] + comment + data[33:after] + clear + data[after:]


def invisible_grey_tiff(picture: Picture) -> bytes:
    target = io.BytesIO()
    grey = picture.convert("L")
    Pillow.merge("LA", (grey, Pillow.new("L", grey.size, 0))).save(target, "TIFF")
    return target.getvalue()


def invisible_bmp(picture: Picture) -> bytes:
    """Version 4 of the header, whose masks say that the fourth byte is opacity; all are 0."""
    red, green, blue = (np.asarray(channel) for channel in picture.split())
    rows: Pixels = np.dstack([blue, green, red, np.zeros_like(red)])[::-1]
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, *picture.size, 1, 32, 3, rows.size, 0, 0, 0, 0)
    body = header + masks + bytes(52) + rows.tobytes()
    return b"BM" + struct.pack("<IHHI", 14 + len(body), 0, 0, 14 + 108) + body


@pytest.mark.parametrize("hide", [invisible_palette, invisible_grey_tiff, invisible_bmp])
def test_a_face_that_no_viewer_shows_does_not_match(
    verifier: FaceVerifier, pictures: Mapping[str, Picture], hide: Any
) -> None:
    with pytest.raises((CaptureRejected, ImageRejected)) as caught:
        verifier.compare(hide(pictures["impostor_1"]), [png(pictures["impostor_1"])])
    assert caught.value.image == "probe"
