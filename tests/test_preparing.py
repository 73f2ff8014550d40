"""Pictures as a provider gets them: without metadata, and, if wanted, as something it takes."""

from __future__ import annotations

import contextlib
import io
import random
import struct
import sys
from dataclasses import replace
from typing import Any

import pillow_heif
import pytest
from PIL import Image as Pillow
from PIL import ImageChops, ImageCms

from acme import DOCUMENT, INFO, PROBE, SAME, Engine, acme
from both import Ask, ask_sync, both_ways
from drawn import box, chunk, claiming, picture
from facegate import (
    ConfigurationError,
    Image,
    ImageFormat,
    ImageRejected,
    UnsupportedPicture,
)
from facegate.config import Config
from facegate.images.intake import Intake
from facegate.images.metadata import REMOVABLE, without_metadata
from facegate.plugin import CompareRequest, PictureLimits
from facegate.providers.settings import ProviderSettings
from loopback import Server, reply

PREPARE = Intake(prepare=True)
SECRET = b"SN 0815, 52.5200 N 13.4050 E"
"""What a phone writes beside the pixels, in every place that it has."""
TURNS = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_90,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_270,
}
"""How a camera that writes an orientation has stored what it saw."""


def phone_exif(orientation: int = 1) -> Pillow.Exif:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = SECRET.decode()
    exif.get_ifd(0x8825)[2] = (52, 31, 12)
    exif.get_ifd(0x8769)[0xA431] = SECRET.decode()
    return exif


def scene(size: tuple[int, int] = (64, 48)) -> Pillow.Image:
    """Smooth, and another one in each of the ways it could be turned."""
    down, round_ = Pillow.linear_gradient("L"), Pillow.radial_gradient("L")
    layers = (down, down.rotate(90), ImageChops.offset(round_, 40, 70))
    return Pillow.merge("RGB", [layer.resize(size) for layer in layers])


def saved(kind: ImageFormat, drawn: Pillow.Image, **how: Any) -> bytes:
    file = io.BytesIO()
    if kind is ImageFormat.HEIC:
        pillow_heif.from_pillow(drawn).save(file, quality=95, **how)
    else:
        drawn.save(file, kind.upper().replace(" ", ""), **how)
    return file.getvalue()


def jpeg(orientation: int = 1, *, progressive: bool = False) -> bytes:
    """As phones save it: metadata of four kinds, a preview, and a film after the end."""
    how = {"exif": phone_exif(orientation), "comment": SECRET, "progressive": progressive}
    whole = saved(ImageFormat.JPEG, scene((160, 96)), **how)
    more = (
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SECRET),
        (0xE2, b"FPXR\0" + SECRET),
        (0xED, b"Photoshop 3.0\0" + SECRET),
        (0xEF, SECRET),
    )
    segments = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content for marker, content in more
    )
    return whole[:2] + segments + whole[2:] + b"\0\0\0\x18ftypmp42" + SECRET


def png(orientation: int = 1) -> bytes:
    whole = saved(ImageFormat.PNG, scene(), exif=phone_exif(orientation))
    texts = b"".join(chunk(name, SECRET) for name in (b"tEXt", b"zTXt", b"iTXt", b"vpAg"))
    return whole[:33] + texts + whole[33:] + SECRET


def webp(orientation: int = 1) -> bytes:
    how = {"exif": phone_exif(orientation), "xmp": SECRET, "lossless": True}
    return saved(ImageFormat.WEBP, scene(), **how)


def jpeg2000(_: int = 1) -> bytes:
    boxes = box(b"uuid", bytes(16), SECRET) + box(b"xml ", SECRET)
    return picture(ImageFormat.JPEG2000) + boxes


def bmp(_: int = 1) -> bytes:
    return picture(ImageFormat.BMP) + SECRET


PHOTOS = {
    ImageFormat.JPEG: jpeg,
    ImageFormat.PNG: png,
    ImageFormat.WEBP: webp,
    ImageFormat.JPEG2000: jpeg2000,
    ImageFormat.BMP: bmp,
}


class Taker(Engine):
    """A vendor that keeps the last request it was sent, for a test to look at."""

    def __init__(self, **facts: Any) -> None:
        super().__init__(self._answer)
        self.info = replace(INFO, **facts)
        self.seen: CompareRequest[ProviderSettings] | None = None

    def _answer(self, request: CompareRequest[ProviderSettings]) -> Any:
        self.seen = request
        return SAME


def sent(source: bytes, intake: Intake = PREPARE, **facts: Any) -> Image:
    """A probe as a vendor gets it."""
    vendor = Taker(**facts)
    ask_sync(vendor, intake=intake, probe=source, gallery=DOCUMENT)
    assert vendor.seen is not None
    return vendor.seen.probe


def pixels(data: bytes) -> Pillow.Image:
    return Pillow.open(io.BytesIO(data)).convert("RGB")


def apart(one: Pillow.Image, other: Pillow.Image) -> float:
    """The mean difference of two pictures, 0 to 255."""
    assert one.size == other.size
    histogram = ImageChops.difference(one, other).convert("L").histogram()
    return sum(value * count for value, count in enumerate(histogram)) / sum(histogram)


# Metadata


@pytest.mark.parametrize("kind", sorted(REMOVABLE))
@pytest.mark.parametrize("orientation", [1, 6])
def test_nothing_but_the_picture_is_left(kind: ImageFormat, orientation: int) -> None:
    photo = PHOTOS[kind](orientation)
    assert SECRET in photo
    image = Image.of(photo)
    clean = without_metadata(image)
    assert SECRET not in clean.data
    assert b"mp42" not in clean.data
    assert pixels(clean.data).tobytes() == pixels(photo).tobytes()
    again = Image.of(clean.data)
    assert (again.format, again.width, again.height) == (kind, image.width, image.height)
    assert again.orientation == image.orientation
    assert without_metadata(again) is again


def test_a_progressive_jpeg_loses_nothing_of_its_scans() -> None:
    photo = jpeg(progressive=True)
    clean = without_metadata(Image.of(photo))
    assert SECRET not in clean.data
    assert pixels(clean.data).tobytes() == pixels(photo).tobytes()


def test_a_preview_within_the_header_goes_too() -> None:
    whole = picture(ImageFormat.JPEG)
    preview = b"JFIF\0\1\2\0\0\1\0\1\4\4" + SECRET + bytes(48 - len(SECRET))
    photo = whole[:2] + struct.pack(">HH", 0xFFE0, len(preview) + 2) + preview + whole[20:]
    clean = without_metadata(Image.of(photo))
    assert SECRET not in clean.data
    assert pixels(clean.data).tobytes() == pixels(whole).tobytes()


def test_the_colour_profile_stays() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("JPEG", "PNG", "WEBP"):
        file = io.BytesIO()
        pixels(PROBE).save(file, kind, icc_profile=profile, exif=phone_exif())
        clean = without_metadata(Image.of(file.getvalue()))
        assert Pillow.open(io.BytesIO(clean.data)).info["icc_profile"] == profile
        assert SECRET not in clean.data


def test_a_picture_without_any_is_sent_as_it_is() -> None:
    assert sent(PROBE, Intake()).data == PROBE


@both_ways
def test_a_vendor_gets_none_of_it_and_the_result_says_so(ask: Ask) -> None:
    with Server(reply(200, {"score": 0.93})) as server:
        result = ask(acme(server.url), probe=jpeg(), gallery=[PROBE, png(), jpeg(6)])
    assert "probe, gallery[1], gallery[2]: metadata was removed" in result.warnings
    assert all(SECRET not in seen.body for seen in server.seen)


def test_by_configuration_a_vendor_gets_it_all() -> None:
    assert sent(jpeg(), Intake(keep_metadata=True)).data == jpeg()


def test_an_engine_in_this_process_gets_the_picture_as_it_is() -> None:
    assert sent(jpeg(6), Intake(), embedded=True).data == jpeg(6)
    assert sent(jpeg(6), PREPARE, embedded=True).data == jpeg(6)


def test_what_cannot_be_cleaned_is_not_sent() -> None:
    tiff = picture(ImageFormat.TIFF)
    everything = frozenset(ImageFormat)
    with pytest.raises(UnsupportedPicture, match=r"^probe: .*TIFF without its metadata.*prepare"):
        sent(tiff, Intake(), formats=everything)
    assert sent(tiff, PREPARE, formats=everything).format is ImageFormat.JPEG


def test_damage_that_hides_where_metadata_ends_is_refused() -> None:
    whole = picture(ImageFormat.JPEG, size=(160, 96))
    scan = whole.index(b"\xff\xda") + 30
    damaged = whole[:scan] + b"\xff\xe1\xff\xfe" + whole[scan:]
    with pytest.raises(ImageRejected, match=r"^gallery\[1\]: the JPEG is damaged"):
        ask_sync(Taker(), probe=PROBE, gallery=[DOCUMENT, damaged])


# Conversion


@pytest.mark.parametrize("kind", sorted(set(ImageFormat) - INFO.formats))
def test_what_a_vendor_does_not_take_becomes_what_it_takes(kind: ImageFormat) -> None:
    photo = saved(kind, scene((160, 128)))
    made = sent(photo)
    assert made.format is ImageFormat.JPEG
    seen = pillow_heif.open_heif(photo).to_pillow() if kind is ImageFormat.HEIC else pixels(photo)
    assert apart(pixels(made.data), seen) < 1.5
    assert sent(photo).data == made.data
    assert sent(photo, formats=frozenset({ImageFormat.PNG})).format is ImageFormat.PNG


def test_the_result_says_what_was_sent() -> None:
    result = ask_sync(Taker(), intake=PREPARE, probe=picture(ImageFormat.AVIF), gallery=DOCUMENT)
    assert result.warnings == ("probe: sent as JPEG, 64 x 48, made of AVIF, 64 x 48",)


def test_what_is_taken_as_it_is_is_not_touched() -> None:
    assert sent(picture(ImageFormat.JPEG)).data == picture(ImageFormat.JPEG)


@pytest.mark.parametrize("kind", [ImageFormat.HEIC, ImageFormat.AVIF])
def test_without_the_setting_the_error_says_what_to_set(kind: ImageFormat) -> None:
    with pytest.raises(
        UnsupportedPicture, match=rf"^probe: .*{kind}, only .*images.prepare = true"
    ):
        sent(picture(kind), Intake())


@pytest.mark.parametrize("kind", sorted(set(ImageFormat) - {ImageFormat.BMP, ImageFormat.JPEG2000}))
@pytest.mark.parametrize("orientation", TURNS)
def test_a_vendor_gets_it_upright(kind: ImageFormat, orientation: int) -> None:
    upright, exif = scene((192, 128)), phone_exif(orientation)
    stored = upright.transpose(TURNS[orientation])
    made = sent(saved(kind, stored, exif=exif.tobytes() if kind is ImageFormat.HEIC else exif))
    assert apart(pixels(made.data), upright) < 4
    assert made.orientation == 1
    assert SECRET not in made.data


def test_it_is_shrunk_to_the_sides_that_a_vendor_takes() -> None:
    made = sent(picture(size=(1600, 1200)), pictures=PictureLimits(max_side=1000))
    assert (made.width, made.height) == (1000, 750)


@pytest.mark.parametrize("in_base64", [False, True])
def test_it_is_shrunk_to_the_weight_that_a_vendor_takes(in_base64: bool) -> None:  # noqa: FBT001
    limits = PictureLimits(max_bytes=150_000, in_base64=in_base64)
    made = sent(saved(ImageFormat.PNG, scene((1600, 1200))), pictures=limits)
    assert limits.broken_by(made) is None
    assert min(made.width, made.height) >= 640 * 3 / 4


@pytest.mark.parametrize("limits", [PictureLimits(max_bytes=1000), PictureLimits(min_side=900)])
def test_what_cannot_be_made_to_fit_is_refused(limits: PictureLimits) -> None:
    with pytest.raises(UnsupportedPicture, match=r"^probe: .*nor what it became"):
        sent(picture(size=(1600, 800)), pictures=limits)


def test_a_picture_longer_than_any_jpeg_is_shrunk_to_one() -> None:
    made = sent(saved(ImageFormat.TIFF, Pillow.new("L", (66_000, 20), 90)))
    assert made.format is ImageFormat.JPEG
    assert made.width == 65_500


def test_a_machine_without_memory_is_the_operators_to_mend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def short(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(Pillow.Image, "convert", short)
    with pytest.raises(ConfigurationError, match="not enough memory to convert"):
        sent(picture(ImageFormat.TIFF))


def test_transparency_is_white() -> None:
    invisible = Pillow.new("RGBA", (64, 64), (10, 20, 30, 0))
    file = io.BytesIO()
    invisible.save(file, "WEBP", lossless=True)
    assert pixels(sent(file.getvalue()).data).getextrema() == ((255, 255),) * 3


@pytest.mark.parametrize(
    ("mode", "saved_as"),
    [
        ("L", "TIFF"),
        ("CMYK", "TIFF"),
        ("1", "TIFF"),
        ("LA", "WEBP"),
        ("I;16", "TIFF"),
    ],
)
def test_every_kind_of_pixel_is_seen(mode: str, saved_as: str) -> None:
    grey = Pillow.new("L", (64, 64), 120)
    file = io.BytesIO()
    if mode == "I;16":
        Pillow.new(mode, grey.size, 120 * 256).save(file, saved_as)
    else:
        grey.convert("RGB").convert(mode).save(file, saved_as)
    seen = pixels(sent(file.getvalue()).data).convert("L").tobytes()
    assert min(seen) == 0 if mode == "1" else {119, 120, 121} >= set(seen)


def test_grey_beyond_16_bits_is_refused() -> None:
    file = io.BytesIO()
    Pillow.new("F", (64, 64), 0.5).save(file, "TIFF")
    with pytest.raises(ImageRejected, match=r"^probe: it has more than 16 bits"):
        sent(file.getvalue())


# Attacks


@pytest.mark.parametrize("kind", sorted(set(ImageFormat) - INFO.formats))
def test_a_bomb_is_refused(kind: ImageFormat) -> None:
    with pytest.raises(ImageRejected, match=r"^probe: "):
        sent(claiming(kind, 60_000, 60_000))
    with pytest.raises(ImageRejected, match=r"^probe: "):
        sent(claiming(kind, 6_000, 6_000))  # nothing in it


def test_a_heic_that_says_two_sizes_is_refused() -> None:
    photo = bytearray(picture(ImageFormat.HEIC, size=(192, 128)))
    place = photo.index(b"ispe") + 8
    photo[place : place + 8] = struct.pack(">II", 64, 64)
    with pytest.raises(ImageRejected, match=r"^probe: the HEIC is damaged"):
        sent(bytes(photo))


@pytest.mark.parametrize("kind", [ImageFormat.HEIC, ImageFormat.AVIF])
def test_a_thousand_damaged_files_end_in_a_picture_or_a_typed_error(kind: ImageFormat) -> None:
    draw = random.Random(kind.value)  # the same files in every run
    whole = picture(kind, size=(64, 64))
    for _ in range(1000):
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 6)):
            early = draw.random() < 0.7  # the boxes, which say where everything else is
            place = draw.randrange(min(500, len(whole)) if early else len(whole))
            damaged[place] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)))
        with contextlib.suppress(ImageRejected):  # and nothing else
            sent(bytes(damaged[: draw.randint(len(whole) // 2, 2 * len(whole))]))


def test_without_the_extra_the_configuration_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "facegate.toml").write_text("[images]\nprepare = true\n")
    with pytest.raises(
        ConfigurationError, match=r'images.prepare .*pip install "facegate\[prepare'
    ):
        _ = Config.load(tmp_path / "facegate.toml").intake


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("source", [jpeg, png])
@pytest.mark.parametrize("intake", [Intake(fresh=True), Intake(fresh=True, prepare=True)])
def test_the_same_pixels_come_in_other_bytes_each_time(
    source: Any, orientation: int, intake: Intake
) -> None:
    plain = sent(source(orientation), replace(intake, fresh=False))
    one, other = (sent(source(orientation), intake) for _ in range(2))
    assert len({plain.data, one.data, other.data}) == 3
    for each in (one, other):
        assert apart(pixels(each.data), pixels(plain.data)) == 0
        assert SECRET not in each.data
        assert each.orientation == plain.orientation
        again = Image.from_bytes(each.data)
        assert (again.format, again.width, again.height) == (each.format, each.width, each.height)


def test_what_is_in_this_process_or_of_another_type_stays_as_it_is() -> None:
    assert sent(jpeg(), Intake(fresh=True), embedded=True).data == jpeg()
    kinds = {"formats": frozenset(ImageFormat)}
    assert sent(webp(), Intake(fresh=True), **kinds).data == sent(webp(), Intake(), **kinds).data
