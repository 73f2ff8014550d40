"""Forms that an API is sent: read within bounds, strictly, and without copying a picture.

Two readers that understand one form differently are a way around whatever stands in front of the
API. So what only some would take is refused: text before the first part, folded headers, a boundary
that goes on, a field that is asked for once and comes twice.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from facegate.errors import InvalidRequest
from facegate.runtime.flow import HttpRequest

_BOUNDARY = re.compile(r"[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]", re.ASCII)
_WORD = r"[!#$%&'*+.^`|~\w-]+"
_HEADER = re.compile(rf"({_WORD}):([^\0-\x08\x0a-\x1f\x7f]*)", re.ASCII)
_PARAMETER = re.compile(rf';\s*({_WORD})=(?:"((?:[^"\\]|\\.)*)"|({_WORD}))\s*', re.ASCII)
_PLAIN = bytes(range(ord("!"), ord("~") + 1))
_ENCODINGS = frozenset({"7bit", "8bit", "binary"})
_LINE = b"\r\n"
_SLICE = 2**18
"""Bytes of a plain form that are unescaped at a time."""
_LONGEST = 4096
"""Letters of a header's value that are looked at; no honest one is longer."""


@dataclass(frozen=True, slots=True)
class FormLimits:
    """The limits of a form's parts; the gateway bounds it as a whole.

    Attributes:
        max_parts: most fields and files together.
        max_part_bytes: most bytes of one; the default takes a picture of 20 MiB in base64.
        max_header_bytes: most bytes of the headers of one part.
        max_name_bytes: most bytes of a field's name.
    """

    max_parts: int = 128
    max_part_bytes: int = 28 * 2**20
    max_header_bytes: int = 2048
    max_name_bytes: int = 100


DEFAULT_FORM_LIMITS = FormLimits()


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form.

    Attributes:
        parts: name and content in the order they were sent; a content is a view into the body.
    """

    parts: tuple[tuple[str, memoryview], ...] = field(repr=False)

    def all(self, name: str) -> tuple[memoryview, ...]:
        """The contents of every field of this name."""
        return tuple(content for field, content in self.parts if field == name)

    def one(self, name: str) -> memoryview | None:
        """The content of the one field of this name; None where there is none.

        Raises:
            InvalidRequest: there are several, and which of them counts would be luck.
        """
        contents = self.all(name)
        if len(contents) > 1:
            raise InvalidRequest(f"the field {name} comes {len(contents)} times")
        return contents[0] if contents else None

    def text(self, name: str) -> str | None:
        """The content of the one field of this name, as text; None where there is none.

        Raises:
            InvalidRequest: there are several, or it is not UTF-8.
        """
        content = self.one(name)
        try:
            return None if content is None else str(content, "utf-8")
        except UnicodeDecodeError:
            raise InvalidRequest(f"the field {name} is not UTF-8") from None


def multipart(request: HttpRequest, limits: FormLimits = DEFAULT_FORM_LIMITS) -> Form:
    """The form that a request holds: ``multipart/form-data``, or a plain form, ``a=1&b=2``.

    A file in parts is not copied; what stands in a plain form has to be unescaped.

    Raises:
        InvalidRequest: the body is no form, or goes beyond the limits, saying where.
    """
    headers = {name.lower(): value for name, value in request.headers.items()}
    kind, parameters = _parameters(headers.get("content-type", ""))
    body, boundary = b"".join(request.body), parameters.get("boundary", "")
    if kind == "multipart/form-data" and _BOUNDARY.fullmatch(boundary):
        return Form(tuple(_parts(body, b"--" + boundary.encode(), limits)))
    if kind == "application/x-www-form-urlencoded":
        return Form(tuple(_fields(body, limits)))
    raise InvalidRequest("a form is multipart/form-data, or application/x-www-form-urlencoded")


def _parameters(value: str) -> tuple[str, dict[str, str]]:
    """A header's value and its parameters; no value if these cannot be read in one way alone."""
    kind, separator, rest = value[:_LONGEST].partition(";")
    rest, parameters = separator + rest, dict[str, str]()
    while match := _PARAMETER.match(rest):
        name, quoted, plain = match.groups()
        if name.lower() in parameters:
            break
        parameters[name.lower()], rest = plain or quoted, rest[match.end() :]
    return ("" if rest else kind.strip().lower()), parameters


def _parts(body: bytes, dashes: bytes, limits: FormLimits) -> Iterator[tuple[str, memoryview]]:
    view, number = memoryview(body), 0
    if not body.startswith(dashes):
        raise InvalidRequest("the form does not begin with its boundary")
    place = len(dashes)
    while body[place : place + 2] == _LINE:
        number += 1
        if number > limits.max_parts:
            raise InvalidRequest(f"the form has more than {limits.max_parts} parts")
        where = f"part {number} of the form"
        start = body.find(_LINE * 2, place, place + limits.max_header_bytes + 4)
        if start < 0:
            raise InvalidRequest(f"{where}: headers without an end, or too many of them")
        name = _name(body[place + 2 : start], where, limits)
        start += 4
        boundary = body.find(dashes, start)
        if boundary < 0:
            raise InvalidRequest(f"{where}: it does not end")
        end = boundary - len(_LINE)
        if end < start or body[end:boundary] != _LINE:  # some readers would stop here all the same
            raise InvalidRequest(f"{where}: it holds the boundary")
        if end - start > limits.max_part_bytes:
            raise InvalidRequest(f"{where}: more than {limits.max_part_bytes / 2**20:g} MiB")
        yield name, view[start:end]
        place = boundary + len(dashes)
    if body[place:] not in (b"--", b"--" + _LINE):
        raise InvalidRequest("the form does not end with its boundary")


def _name(head: bytes, where: str, limits: FormLimits) -> str:
    """The field's name, out of the headers of a part."""
    headers: dict[str, str] = {}
    for line in head.decode("latin-1").split("\r\n"):
        header = _HEADER.fullmatch(line)
        if header is None or header[1].lower() in headers:
            raise InvalidRequest(f"{where}: a header that is none, or comes twice")
        headers[header[1].lower()] = header[2].strip()
    if headers.get("content-transfer-encoding", "binary").lower() not in _ENCODINGS:
        raise InvalidRequest(f"{where}: send it as it is, without Content-Transfer-Encoding")
    kind, parameters = _parameters(headers.get("content-disposition", ""))
    if kind != "form-data":
        raise InvalidRequest(f"{where}: no Content-Disposition: form-data; name=...")
    return _plain_name(parameters.get("name", ""), where, limits)


def _fields(body: bytes, limits: FormLimits) -> Iterator[tuple[str, memoryview]]:
    if body.translate(None, _PLAIN) or re.search(rb"%(?![0-9A-Fa-f]{2})", body):
        raise InvalidRequest("a letter in the form that is not escaped")
    if body.count(b"&") >= limits.max_parts:
        raise InvalidRequest(f"the form has more than {limits.max_parts} parts")
    for number, pair in enumerate(body.split(b"&") if body else (), 1):
        where = f"part {number} of the form"
        name, _, content = pair.partition(b"=")
        if len(content) > limits.max_part_bytes:
            raise InvalidRequest(f"{where}: more than {limits.max_part_bytes / 2**20:g} MiB")
        plain = _plain_name(_unescaped(name).decode("latin-1"), where, limits)
        yield plain, memoryview(_unescaped(content))


def _unescaped(text: bytes) -> bytes:
    """The bytes that ``%41`` and ``+`` stand for.

    The standard library's own way makes an object of every escape: gigabytes, of a hostile form.
    Quoted-printable is the same code with another sign, and decoded in one go; by the slice, since
    a text of such signs alone is three times as long in it.
    """
    slices, start = list[bytes](), 0
    while start < len(text):
        end = start + _SLICE
        cut = text.rfind(b"%", end - 2, end)  # an escape stays whole
        end = end if cut < 0 else cut
        quoted = text[start:end].replace(b"=", b"%3D").replace(b"+", b" ").replace(b"%", b"=")
        slices.append(binascii.a2b_qp(quoted))
        start = end
    return b"".join(slices)


def _plain_name(name: str, where: str, limits: FormLimits) -> str:
    if len(name) > limits.max_name_bytes or not re.fullmatch(r"[ !#-\[\]-~]+", name):
        raise InvalidRequest(f"{where}: a name of 1 to {limits.max_name_bytes} plain letters")
    return name
