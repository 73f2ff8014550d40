"""Messages and the ways to write them: JSON, a form, parts, or a picture's own bytes."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Annotated, Any
from urllib.parse import quote_plus

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    SecretStr,
    SerializationInfo,
)

from facegate.errors import ImageRejected
from facegate.images.image import Image


def _picture(value: Any) -> Image:
    if isinstance(value, Image):
        return value
    try:
        return Image.from_base64(str(value))
    except ImageRejected as error:  # the sender of the message is at fault, not the caller
        raise ValueError(error.message) from None


class _PictureSlot:
    """A picture that waits for its place in a body; pydantic would take a dataclass apart."""

    def __init__(self, image: Image, prefix: str = "") -> None:
        self.image = image
        self.prefix = prefix


def _bare(image: Image, info: SerializationInfo) -> Any:
    return image.base64.decode() if info.mode_is_json() else _PictureSlot(image)


def _uri(image: Image, info: SerializationInfo) -> Any:
    prefix = f"data:{image.format.media_type};base64,"
    return prefix + image.base64.decode() if info.mode_is_json() else _PictureSlot(image, prefix)


Picture = Annotated[Image, PlainValidator(_picture), PlainSerializer(_bare)]
"""A picture inside a message: base64 on the wire, an Image in Python."""

DataUri = Annotated[Image, PlainValidator(_picture), PlainSerializer(_uri)]
"""A picture inside a message: a ``data:`` URI on the wire, an Image in Python."""


def _fit_for_a_header(secret: SecretStr) -> SecretStr:
    if not re.fullmatch("[!-~]+", secret.get_secret_value()):
        raise ValueError("must be letters of ASCII without spaces, and not empty")
    return secret


HeaderSecret = Annotated[SecretStr, AfterValidator(_fit_for_a_header)]
"""A key or token that fits into a header."""


class WireModel(BaseModel):
    """A message exactly as the vendor spells it.

    Fields the vendor adds later are ignored; NaN and infinity are refused; errors never show input.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        populate_by_name=True,
        arbitrary_types_allowed=True,
    )


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request.

    Attributes:
        parts: the bytes in order; a picture is a part of its own, so that it is never copied.
        content_type: value of the header of that name.
    """

    parts: tuple[bytes, ...] = field(repr=False)
    content_type: str


_PLACE = secrets.token_hex(16)
"""A text that no message holds, since nobody knows it: where a picture's bytes are put in."""


MAX_JSON_VALUES = 20_000
"""Values that JSON may hold: far more than any honest message, whose pictures are one each."""
_JSON = re.compile(rb"\s*[\[{]")


def is_overcrowded(body: bytes) -> bool:
    """Whether a body is JSON of more than :data:`MAX_JSON_VALUES`, which must not be parsed.

    A value of two bytes takes hundreds once it is parsed, and more if it has to be complained
    about. They are counted by the signs between them, with those inside texts.
    """
    if not _JSON.match(body):
        return False
    found = 0
    for sign in (b",", b"[", b"{"):
        place = body.find(sign)  # ten times as fast as a count, where there are few
        while place >= 0:
            found += 1
            if found > MAX_JSON_VALUES:
                return True
            place = body.find(sign, place + 1)
    return False


def json_body(message: WireModel) -> Body:
    """A message as JSON, without the fields that are None.

    Raises:
        TypeError: a value that JSON has no way to write.
    """
    pictures: list[Image] = []

    def hold(value: Any) -> str:
        if isinstance(value, SecretStr):
            return value.get_secret_value()
        if not isinstance(value, _PictureSlot):
            raise TypeError(f"cannot write {type(value).__name__} as JSON")
        pictures.append(value.image)
        return value.prefix + _PLACE

    text = json.dumps(_fields(message), default=hold, ensure_ascii=False, separators=(",", ":"))
    gaps = text.encode().split(_PLACE.encode())
    encoded = (picture.base64 for picture in pictures)
    parts = (*chain.from_iterable(zip(gaps, encoded, strict=False)), gaps[-1])
    return Body(parts, "application/json")


def form_body(message: WireModel) -> Body:
    """A flat message as a form: ``a=1&b=2``. A list is a field several times.

    A form has to escape base64, so each picture is written once more here; where the vendor takes
    it, :func:`multipart_body` does without.

    Raises:
        TypeError: a value that a form has no way to write.
    """
    parts: list[bytes] = []
    for name, value in _flat(message):
        start = f"{'&' if parts else ''}{quote_plus(name)}="
        if isinstance(value, _PictureSlot):
            start += quote_plus(value.prefix)
            parts += (start.encode(), value.image.base64.replace(b"+", b"%2B"))
        else:
            parts.append((start + quote_plus(value)).encode())
    return Body(tuple(parts), "application/x-www-form-urlencoded")


def multipart_body(message: WireModel) -> Body:
    """A flat message as ``multipart/form-data``. A list is a field several times.

    A picture, however the message spells it, is a file of its own bytes.

    Raises:
        TypeError: a value that a form has no way to write.
    """
    boundary, parts = secrets.token_hex(16), []
    for name, value in _flat(message):
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'
        if isinstance(value, _PictureSlot):
            kind = value.image.format.media_type
            file = f"{_quoted(name)}.{kind.partition('/')[2]}"
            head += f'; filename="{file}"\r\nContent-Type: {kind}'
            content = value.image.data
        else:
            content = value.encode()
        parts += [f"{head}\r\n\r\n".encode(), content, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return Body(tuple(parts), f"multipart/form-data; boundary={boundary}")


def raw_body(image: Image, content_type: str = "application/octet-stream") -> Body:
    """A picture's own bytes, and nothing beside them."""
    return Body((image.data,), content_type)


def _fields(message: WireModel) -> dict[str, Any]:
    return message.model_dump(by_alias=True, exclude_none=True)


def _flat(message: WireModel) -> Iterator[tuple[str, _PictureSlot | str]]:
    for name, value in _fields(message).items():
        for item in value if isinstance(value, list | tuple) else (value,):
            yield name, item if isinstance(item, _PictureSlot) else form_text(name, item)


def form_text(name: str, value: Any) -> str:
    """A value as forms and queries write it.

    Raises:
        TypeError: a value that has no one way to be written.
    """
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError(f"{name}: a form holds no {type(value).__name__}")


def _quoted(name: str) -> str:
    """A name between quotation marks, as HTML forms write it."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
