"""Requests as the contract reads them: bodies as data, pictures by name and by place."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from facegate import Image
from facegate.testing.cases import Encoding, Endpoint, Spelling
from facegate.testing.server import Seen

BODY = "body"
"""The place of what a body of bytes holds."""

_SPELLED: Mapping[Spelling, str] = {
    "base64": "bare base64",
    "data_uri": "a data URI",
    "file": "bytes",
}
_PICTURE = 100
"""A text of so many letters may be a picture."""


def encoding(seen: Seen) -> Encoding:
    """The encoding of a body, by its Content-Type."""
    kind = seen.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return "multipart"
    if kind == "application/x-www-form-urlencoded":
        return "form"
    return "json" if kind == "application/json" or re.search(r"[+-]json", kind) else "bytes"


def content(seen: Seen) -> Any:
    """A body as data; one that cannot be read is bytes at the place ``body``."""
    if not seen.body:
        return {}
    kind = encoding(seen)
    if kind == "json":
        try:
            return json.loads(seen.body)
        except (ValueError, RecursionError):
            return {BODY: seen.body}
    if kind == "form":
        return _gathered(parse_qsl(seen.body.decode("latin-1"), keep_blank_values=True))
    return _gathered(_parts(seen)) if kind == "multipart" else {BODY: seen.body}


def _gathered(fields: Iterator[tuple[str, Any]] | Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Fields by name; a name that comes several times holds a list."""
    gathered: dict[str, list[Any]] = defaultdict(list)
    for name, value in fields:
        gathered[name].append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in gathered.items()}


def _parts(seen: Seen) -> Iterator[tuple[str, Any]]:
    """The parts of a multipart body: files as bytes, everything else as text."""
    for head, value in _raw_parts(seen):
        name = re.search(r'[; ]name="?([^";\r]*)', head)
        if name:
            yield name[1], value if "filename=" in head else value.decode("utf-8", "replace")


def _raw_parts(seen: Seen) -> Iterator[tuple[str, bytes]]:
    boundary = re.search(r'boundary="?([^";]+)', seen.headers["content-type"])
    between = f"\r\n--{boundary[1] if boundary else ''}".encode()
    for part in (b"\r\n" + seen.body).split(between):
        head, _, value = part.partition(b"\r\n\r\n")
        yield head.decode("latin-1"), value


def mislabelled(seen: Seen, names: Mapping[str, Image]) -> str:
    """The picture that is sent under the name of another type, in words; empty if none."""
    whole = [(f"content-type: {seen.headers.get('content-type', '')}", seen.body)]
    for head, value in _raw_parts(seen) if encoding(seen) == "multipart" else whole:
        kind = re.search(r"content-type:\s*(image/[^\s;]+)", head, re.IGNORECASE)
        for name, image in names.items():
            if kind and value == image.data and kind[1].lower() != image.format.media_type:
                return f"{name}, which is {image.format.media_type}, as {kind[1]}"
    return ""


def keys(seen: Seen) -> set[str]:
    """The top-level keys of a body; none for one of bytes."""
    body = content(seen)
    return set(body) - {BODY} if isinstance(body, dict) else set()


def comparable(seen: Seen, moving: Collection[str] = ()) -> tuple[tuple[str, str], ...]:
    """A request without what differs from time to time: all that it holds, by name.

    The method and the path come first.
    """
    body, parts = content(seen), urlsplit(seen.target)
    fields = body.items() if isinstance(body, dict) else [(BODY, body)]
    query = parse_qsl(parts.query, keep_blank_values=True)
    everything = [
        *((f"the header {name}", name, value) for name, value in seen.headers.items()),
        *((f"the argument {name}", name, value) for name, value in query),
        *((f"the field {name}", name, f"{value!r}") for name, value in fields),
    ]
    left_out = {*moving, "host", "content-length", "content-type"}
    kept = sorted((what, value) for what, name, value in everything if name not in left_out)
    return ("the method", seen.method), ("the path", parts.path), *kept


def target(seen: Seen, moving: Collection[str]) -> str:
    """Path and query, without what moves."""
    path, _, query = seen.target.partition("?")
    kept = [each for each in query.split("&") if each and each.split("=")[0] not in moving]
    return path + ("?" if kept else "") + "&".join(kept)


def spoilt(seen: Seen, name: str) -> Seen | None:
    """A request with another value of a header, a query argument or a field; None if it has none.

    Raises:
        TypeError: the name is that of a field, and the body is neither JSON nor a form.
    """
    other = "spoilt-0000"
    if name in seen.headers:
        return replace(seen, headers={**seen.headers, name: other})
    parts = urlsplit(seen.target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if name in query:
        return replace(seen, target=f"{parts.path}?{urlencode({**query, name: other})}")
    if name not in keys(seen):
        return None
    changed = {**content(seen), name: other}
    if encoding(seen) == "multipart":
        raise TypeError(f"{name} moves in a multipart body, which is not supported")
    written = json.dumps(changed) if encoding(seen) == "json" else urlencode(changed, doseq=True)
    return replace(seen, body=written.encode())


def spellings(image: Image) -> dict[str | bytes, Spelling]:
    """Every way to write a picture."""
    text = image.base64.decode()
    return {
        text: "base64",
        f"data:{image.format.media_type};base64,{text}": "data_uri",
        image.data: "file",
    }


def holds(seen: Seen, image: Image) -> bool:
    """Whether a picture is in a request, however it is spelled."""
    written = spellings(image)
    return any(value in written for _, value in _leaves(content(seen)))


def pictures(
    seen: Seen, endpoints: Sequence[Endpoint], names: Mapping[str, Image]
) -> dict[str, list[str]]:
    """Pictures in a body by their places, each by its name; texts too short for one left out.

    Args:
        seen: the request.
        endpoints: documented requests that it may be: they name places, and spell pictures.
        names: pictures by their names.
    """
    spelling = endpoints[0].spelling
    known = {
        written: name if kind == spelling else f"{name} as {_SPELLED[kind]}"
        for name, image in names.items()
        for written, kind in spellings(image).items()
    }
    placed: dict[str, list[str]] = defaultdict(list)
    places = [
        place
        for each in endpoints
        for place in (*_places_of(each.probe), *_places_of(each.gallery))
    ]
    for path, value in _leaves(content(seen)):
        if value in known or len(value) >= _PICTURE:
            place = next((each for each in places if _lies_at(path, each)), ".".join(path))
            placed[place].append(known.get(value) or _foreign(value, known))
    return dict(placed)


def _foreign(value: Any, known: Mapping[Any, str]) -> str:
    """A name for a text that is no picture as documented."""
    prefix, comma, text = value.partition("," if isinstance(value, str) else b",")
    name = known.get(text) if comma else None
    return f"{name} as a data URI that starts with {prefix!r}" if name else "something else"


def expected(endpoint: Endpoint, names: Sequence[str]) -> list[dict[str, list[str]]]:
    """Pictures by places that each request to an endpoint has to hold; ``names`` begin with the
    probe's.
    """
    probe, gallery = [*names[:1]], [*names[1:]]
    shares = [[each] for each in gallery] if endpoint.each else [gallery]
    return [
        dict.fromkeys(_places_of(endpoint.probe), probe)
        | dict.fromkeys(_places_of(endpoint.gallery) if share else (), share)
        for share in shares
    ]


def _places_of(places: str | Sequence[str]) -> list[str]:
    return [places] if isinstance(places, str) else list(places)


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, str | bytes):
        yield path, value
    elif isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in items:
            yield from _leaves(each, (*path, str(key)))


def _lies_at(path: tuple[str, ...], place: str) -> bool:
    """Whether a path is a place's; numbers that the place leaves out are those of a list."""
    return place in (".".join(path), ".".join(each for each in path if not each.isdigit()))
