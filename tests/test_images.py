"""Every bad input is an ImageRejected that says what is wrong; no pixel is decoded or shown."""

from __future__ import annotations

import base64
import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from drawn import claiming, picture
from facegate import Image, ImageFormat, ImageLimits, ImageRejected

EVERY_TYPE = list(ImageFormat)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_gives_type_and_size_of_every_known_type() -> None:
    for kind in EVERY_TYPE:
        image = Image.from_bytes(picture(kind))
        height = 64 if kind is ImageFormat.HEIC else 48  # coded in squares of 64, cut to size later
        assert (image.format, image.width, image.height) == (kind, 64, height)


@pytest.mark.parametrize("kind", EVERY_TYPE)
def test_the_header_decides_whatever_the_name_says(tmp_path: Path, kind: ImageFormat) -> None:
    path = tmp_path / "selfie.txt"
    path.write_bytes(picture(kind))
    assert Image.of(path).format is kind


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        (ImageFormat.JPEG, "CMYK"),
        (ImageFormat.JPEG, "L"),
        (ImageFormat.PNG, "I;16"),
        (ImageFormat.PNG, "LA"),
        (ImageFormat.PNG, "P"),
        (ImageFormat.PNG, "RGBA"),
        (ImageFormat.PNG, "1"),
        (ImageFormat.TIFF, "CMYK"),
        (ImageFormat.WEBP, "RGBA"),
    ],
)
def test_takes_every_kind_of_colour(kind: ImageFormat, mode: str) -> None:
    assert Image.from_bytes(picture(kind, mode=mode)).format is kind


def test_takes_progressive_jpeg_and_an_end_marker_followed_by_padding() -> None:
    file = io.BytesIO()
    Pillow.open(io.BytesIO(picture())).save(file, "JPEG", progressive=True)
    assert Image.from_bytes(file.getvalue() + bytes(64)).format is ImageFormat.JPEG


def test_size_is_as_stored_before_exif_rotation() -> None:
    file = io.BytesIO()
    exif = Pillow.Exif()
    exif[0x0112] = 6
    Pillow.open(io.BytesIO(picture())).save(file, "JPEG", exif=exif)
    image = Image.from_bytes(file.getvalue())
    assert (image.width, image.height) == (64, 48)


# Files


def test_takes_a_path_a_file_and_bytes_of_all_kinds(tmp_path: Path) -> None:
    data = picture()
    path = tmp_path / "selfie.png"
    path.write_bytes(data)
    sources: list[Any] = [
        path,
        str(path),
        data,
        bytearray(data),
        memoryview(data),
        io.BytesIO(data),
    ]
    assert {Image.of(source).data for source in sources} == {data}


def test_an_image_is_taken_as_it_is() -> None:
    image = Image.from_bytes(picture())
    assert Image.of(image) is image


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ImageRejected, match=r"nobody\.jpg': No such file"):
        Image.of(tmp_path / "nobody.jpg")


def test_directory(tmp_path: Path) -> None:
    with pytest.raises(ImageRejected, match="Is a directory"):
        Image.of(tmp_path)


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **named: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(ImageRejected, match=r"secret\.jpg': Permission denied"):
        Image.of(tmp_path / "secret.jpg")


def test_path_that_no_system_can_have() -> None:
    with pytest.raises(ImageRejected, match="null"):
        Image.of("selfie\0.jpg")


def test_file_that_breaks_while_it_is_read() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(ImageRejected, match="Input/output error"):
        Image.of(Broken())


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(ImageRejected, match="empty"):
        Image.of(path)


def test_empty_bytes() -> None:
    with pytest.raises(ImageRejected, match="empty"):
        Image.of(b"")


@pytest.mark.parametrize("text", [b"hello", b"<html>404</html>", b"%PDF-1.7", b"P5 9 9 255"])
def test_not_a_picture(text: bytes) -> None:
    with pytest.raises(ImageRejected, match="not a picture of a known type"):
        Image.of(text)


def test_file_already_read() -> None:
    file = io.BytesIO(picture())
    file.read()
    with pytest.raises(ImageRejected, match="already read"):
        Image.of(file)


def test_file_is_left_open() -> None:
    file = io.BytesIO(picture())
    Image.of(file)
    assert not file.closed


def test_closed_file() -> None:
    file = io.BytesIO(picture())
    file.close()
    with pytest.raises(ImageRejected, match="closed"):
        Image.of(file)


@pytest.mark.parametrize("content", [b"plain", picture(ImageFormat.JPEG)])
def test_file_opened_as_text(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "selfie.jpg"
    path.write_bytes(content)
    source: Any = path.open(encoding="utf-8")
    with source, pytest.raises(ImageRejected, match="opened as text"):
        Image.of(source)


@pytest.mark.parametrize("source", [None, 7, 0.5, ["selfie.jpg"], object()])
def test_neither_path_nor_bytes_nor_file(source: Any) -> None:
    with pytest.raises(ImageRejected, match=f"cannot take a picture from {type(source).__name__}"):
        Image.of(source)


@pytest.mark.parametrize("url", ["https://example.org/a.jpg", "HTTP://example.org/a.jpg"])
def test_url_is_not_fetched(url: str) -> None:
    with pytest.raises(ImageRejected, match="URLs are not fetched"):
        Image.of(url)


def test_a_type_that_nobody_takes_is_named() -> None:
    with pytest.raises(ImageRejected, match="GIF pictures are not taken; convert it to JPEG"):
        Image.of(b"GIF89a" + bytes(64))


# Limits


@pytest.mark.parametrize("kind", EVERY_TYPE)
def test_bomb_header_is_refused(kind: ImageFormat) -> None:
    with pytest.raises(ImageRejected, match="60000 x 60000 pixels; the limit is 64"):
        Image.from_bytes(claiming(kind, 60_000, 60_000))


@pytest.mark.parametrize("kind", EVERY_TYPE)
def test_no_face_fits_into_one_pixel(kind: ImageFormat) -> None:
    with pytest.raises(ImageRejected, match="1 x 1 pixels is too small"):
        Image.from_bytes(claiming(kind, 1, 1))


def test_no_size() -> None:
    with pytest.raises(ImageRejected, match="gives no size"):
        Image.from_bytes(claiming(ImageFormat.PNG, 0, 0))


def test_limits_are_the_callers() -> None:
    data = picture()
    exact = ImageLimits(max_bytes=len(data), max_pixels=64 * 48, min_side=48)
    assert Image.of(data, exact).data == data


@pytest.mark.parametrize(
    "limits",
    [ImageLimits(max_bytes=100), ImageLimits(max_pixels=64 * 48 - 1), ImageLimits(min_side=49)],
)
def test_just_beyond_a_limit(tmp_path: Path, limits: ImageLimits) -> None:
    path = tmp_path / "selfie.png"
    path.write_bytes(picture())
    for source in (path, picture(), io.BytesIO(picture())):
        with pytest.raises(ImageRejected, match=r"MiB|megapixels|too small"):
            Image.of(source, limits)


# Base64


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(lambda text: text, id="plain"),
        pytest.param(lambda text: text.encode(), id="bytes"),
        pytest.param(lambda text: text.rstrip("="), id="unpadded"),
        pytest.param(lambda text: text + "====", id="padded twice"),
        pytest.param(lambda text: "\r\n".join([text[:76], text[76:], ""]), id="wrapped"),
        pytest.param(lambda text: f"  {text}\t", id="surrounded by blanks"),
        pytest.param(lambda text: text.translate({43: "-", 47: "_"}), id="URL-safe"),
        pytest.param(lambda text: f"data:image/png;base64,{text}", id="data URI"),
        pytest.param(lambda text: f"data:application/octet-stream;base64,{text}", id="untyped"),
        pytest.param(lambda text: f"DATA:image/svg+xml;charset=utf-8;BASE64,{text}", id="long URI"),
        pytest.param(lambda text: f"data:;base64,{text}", id="short URI"),
    ],
)
def test_base64_in_every_spelling(written: Any) -> None:
    data = picture(ImageFormat.JPEG, seed=3)
    assert {"+", "/", "="} < set(encoded(data)), "the picture must exercise the whole alphabet"
    assert Image.from_base64(written(encoded(data))).data == data


def test_a_data_uri_is_a_source() -> None:
    assert Image.of(f"data:image/png;base64,{encoded(picture())}").data == picture()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("iVBORw0KGgo*", "wrong letter"),
        ("iVBO=Rw0KGgo", "wrong letter"),
        ("iVBOR", "cut short"),
        ("iVBORw0KGgö", "outside ASCII"),
        ("data:image/png,plain", "data URI must read"),
        ("data:text/html;base64,aGVsbG8=", "data URI must read"),
        ("", "empty"),
        (" \n", "empty"),
        ("====", "empty"),
        ("aGVsbG8=", "not a picture"),
    ],
)
def test_what_is_wrong_with_base64(text: str, message: str) -> None:
    with pytest.raises(ImageRejected, match=message):
        Image.from_base64(text)


def test_oversize_base64_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(ImageRejected, match=r"3\.0 MiB; the limit is 1 MiB"):
        Image.from_base64("*" * 2**22, ImageLimits(max_bytes=2**20))


def test_base64_given_as_a_path_is_not_echoed() -> None:
    text = encoded(picture(ImageFormat.BMP))
    for length in (len(text), 900, 90):
        with pytest.raises(ImageRejected) as caught:
            Image.of(text[:length])
        assert text[:16] not in str(caught.value)
        assert text[length - 16 : length] not in str(caught.value)


# Out again


def test_repr_shows_no_pixels() -> None:
    data = picture()
    shown = repr(Image.from_bytes(data))
    assert shown == "Image(format=<ImageFormat.PNG: 'PNG'>, width=64, height=48)"


def test_base64_is_encoded_once() -> None:
    image = Image.from_bytes(picture())
    assert image.base64 == base64.b64encode(picture())
    assert image.base64 is image.base64


def test_digest_is_of_the_encoded_bytes() -> None:
    assert Image.from_bytes(picture()).digest == hashlib.sha256(picture()).hexdigest()


def test_an_image_cannot_be_changed() -> None:
    image: Any = Image.from_bytes(picture())
    with pytest.raises(AttributeError):
        image.width = 1
