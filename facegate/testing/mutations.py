"""Mutations of replies, one field at a time."""

from __future__ import annotations

import copy
import json
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

_ABSENT = object()
_STEP = 5  # no divisor of the ways in which a field goes wrong: neighbours go wrong in other ways

UNREADABLE: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \r\n",
    "null": b"null",
    "a number": b"0.99",
    "a text": b'"yes"',
    "true": b"true",
    "a list": b"[]",
    "HTML": b"<html><body>Welcome</body></html>",
    "not UTF-8": b'{"\xff": "\xfe"}',
    "nested deeply": b"[" * 100_000,
    "nested deeply in a field": b'{"data": ' + b'{"data": ' * 100_000,
}
"""Bodies that are no vendor's answer, by what they are."""


def mutations(body: Any) -> Iterator[tuple[str, bytes]]:
    """The body with each field in turn left out, of a wrong type or out of any range."""
    for path in _paths(body):
        for name, value in _wrong(_at(body, path)):
            spoilt = copy.deepcopy(body)
            holder = _at(spoilt, path[:-1])
            if value is _ABSENT:
                del holder[path[-1]]
            else:
                holder[path[-1]] = value
            yield f"{'.'.join(map(str, path))} {name}", json.dumps(spoilt).encode()


def some_mutations(body: Any) -> Iterator[tuple[str, bytes]]:
    """A fifth of the mutations: each field in two or three ways, the same ones in every run."""
    first = zlib.crc32(json.dumps(body).encode()) % _STEP
    return islice(mutations(body), first, None, _STEP)


def truncations(body: Any) -> Iterator[tuple[str, bytes]]:
    """The body cut short, in the middle and before its last byte."""
    whole = json.dumps(body).encode()
    for end in (len(whole) // 2, len(whole) - 1):
        yield f"cut after {end} of {len(whole)} bytes", whole[:end]


def _paths(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(body, dict | list):
        keys = body if isinstance(body, dict) else range(len(body))
        for key in keys:
            yield from _paths(body[key], (*path, key))


def _at(body: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        body = body[key]
    return body


def _wrong(value: Any) -> Iterator[tuple[str, Any]]:
    yield "left out", _ABSENT
    yield "null", None
    yield "an object", {}
    yield "a list", [value]
    yield "another text", "maybe"
    yield "NaN", float("nan")
    yield "NaN in quotes", "NaN"
    yield "infinite", float("inf")
    yield "far too high", 1e300
    yield "far too low", -1e300
    if isinstance(value, bool):  # what only looks like a yes is none
        yield "one", 1
        yield "true in quotes", "true"
    else:
        yield "true", True
