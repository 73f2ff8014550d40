"""Messages as they are written, read back by the standard library's own parsers."""

from __future__ import annotations

import json
from email import message_from_bytes, policy
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from drawn import picture
from facegate import Image, ImageFormat
from facegate.plugin import (
    Body,
    DataUri,
    Picture,
    WireModel,
    form_body,
    json_body,
    multipart_body,
    raw_body,
)

PROBE, DOCUMENT = (Image.of(picture(seed=seed)) for seed in (1, 2))


class Message(WireModel):
    probe: Picture | None = None
    linked: DataUri | None = None
    gallery: list[Picture] = Field(default_factory=list)
    note: str = ""
    score: float | None = Field(default=None, alias="minScore")
    count: int = 0
    careful: bool = False


def joined(body: Body) -> bytes:
    return b"".join(body.parts)


def parsed(body: Body) -> list[tuple[str, Any]]:
    """The fields of a multipart body: text, or a file as its name, type and bytes."""
    head = f"Content-Type: {body.content_type}\r\n\r\n".encode()
    mail = message_from_bytes(head + joined(body), policy=policy.HTTP)
    found: list[tuple[str, Any]] = []
    for part in mail.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        file = part.get_filename()
        if file is None:
            found.append((name, content.decode()))
        else:
            found.append((name, (file, part.get_content_type(), content)))
    return found


def test_a_data_uri_on_the_wire_and_back() -> None:
    sent = Message(linked=PROBE, probe=DOCUMENT)
    uri = "data:image/png;base64," + PROBE.base64.decode()
    assert json.loads(joined(json_body(sent)))["linked"] == uri
    assert json.loads(joined(json_body(sent)))["probe"] == DOCUMENT.base64.decode()
    for text in (joined(json_body(sent)), sent.model_dump_json(exclude_none=True)):
        back = Message.model_validate_json(text)
        assert back.linked
        assert back.probe
        assert (back.linked.data, back.probe.data) == (PROBE.data, DOCUMENT.data)


def test_the_parts_of_a_multipart_body() -> None:
    body = multipart_body(
        Message(probe=PROBE, linked=PROBE, gallery=[DOCUMENT, PROBE], minScore=0.5, careful=True)
    )
    assert parsed(body) == [
        ("probe", ("probe.png", "image/png", PROBE.data)),
        ("linked", ("linked.png", "image/png", PROBE.data)),
        ("gallery", ("gallery.png", "image/png", DOCUMENT.data)),
        ("gallery", ("gallery.png", "image/png", PROBE.data)),
        ("note", ""),
        ("minScore", "0.5"),
        ("count", "0"),
        ("careful", "true"),
    ]


text = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"))


@given(note=text, count=st.integers(), score=st.floats(allow_nan=False, allow_infinity=False))
def test_what_a_multipart_body_or_a_form_holds_is_read_back(
    note: str, count: int, score: float
) -> None:
    message = Message(probe=PROBE, note=note, count=count, minScore=score)
    told = {"note": note, "minScore": str(score), "count": str(count), "careful": "false"}
    fields = dict(parsed(multipart_body(message)))
    assert fields.pop("probe")[2] == PROBE.data
    assert fields == told
    form = form_body(message)
    fields = dict(parse_qsl(joined(form).decode(), keep_blank_values=True, strict_parsing=True))
    assert form.content_type == "application/x-www-form-urlencoded"
    assert fields == told | {"probe": PROBE.base64.decode()}


class Odd(WireModel):
    value: str = Field(alias='a"; filename="x')


def test_a_fields_name_cannot_add_to_its_part() -> None:
    assert parsed(multipart_body(Odd.model_validate({'a"; filename="x': "1"}))) == [
        ("a%22; filename=%22x", "1")
    ]


def test_no_two_bodies_share_a_boundary() -> None:
    one, two = (multipart_body(Message(note="n")).content_type for _ in range(2))
    assert one != two


@pytest.mark.parametrize("write", [json_body, multipart_body])
def test_no_picture_is_copied(write: Any) -> None:
    body = write(Message(probe=PROBE, gallery=[DOCUMENT, PROBE]))
    held = PROBE.base64 if write is json_body else PROBE.data
    assert [part for part in body.parts if part is held] == [held] * 2


def test_a_picture_alone() -> None:
    body = raw_body(PROBE)
    assert body.parts[0] is PROBE.data
    assert body.content_type == "application/octet-stream"
    assert raw_body(PROBE, "image/png").content_type == "image/png"


class Nested(WireModel):
    inner: Message


@pytest.mark.parametrize("write", [form_body, multipart_body])
def test_a_form_is_flat(write: Any) -> None:
    with pytest.raises(TypeError, match="inner: a form holds no dict"):
        write(Nested(inner=Message()))


def test_nothing_of_a_body_is_shown() -> None:
    assert repr(json_body(Message(probe=PROBE))) == "Body(content_type='application/json')"


def test_media_types() -> None:
    assert {kind: kind.media_type for kind in ImageFormat} == {
        ImageFormat.JPEG: "image/jpeg",
        ImageFormat.PNG: "image/png",
        ImageFormat.WEBP: "image/webp",
        ImageFormat.BMP: "image/bmp",
        ImageFormat.TIFF: "image/tiff",
        ImageFormat.JPEG2000: "image/jp2",
        ImageFormat.HEIC: "image/heic",
        ImageFormat.AVIF: "image/avif",
    }
