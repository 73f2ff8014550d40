"""Exchanges as a recording keeps them: enough to match and to read, and nothing of a face."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from facegate.errors import ImageRejected
from facegate.images.image import Image

_KEPT = {"accept", "content-type", "retry-after"}
_TELLING_NOTHING = {"accept-encoding", "connection", "content-length", "host", "user-agent"}
_CREDENTIAL = re.compile(r"(token|secret|passw(or)?d|api[-_]?key|authori[sz]ation)$", re.IGNORECASE)
_DIGEST = re.compile(rb"sha256:[0-9a-f]{64}")
_LONGEST, _MOST_NUMBERS = 120, 16
_PIECE_OF_SECRET, _PIECE_OF_PICTURE = 8, 16
_SECRET, _REMOVED = "(secret)", "(removed)"


class Scrubber:
    """Scrubber of requests and replies: it keeps only what it knows to be harmless.

    Of headers, three stay, and those that are named. Of a JSON body, numbers and short texts stay,
    but no long row of numbers: it may describe a face. A picture becomes the digest of its bytes,
    and so do other long texts of a request. A reply loses its long texts, and short ones that
    repeat a piece of a picture or of a credential that was sent. A body that is no JSON does not
    stay. Scrubbing what is scrubbed changes nothing.

    Args:
        secrets: credentials, wherever they may turn up; those in a request's headers are known
            without being told.
        same: digests to write as others, where stand-ins take the place of the recorded pictures.
        headers: names of further headers of a request to keep: those that say what is wanted.
    """

    def __init__(
        self,
        secrets: Iterable[str] = (),
        same: Mapping[str, str] | None = None,
        headers: Iterable[str] = (),
    ) -> None:
        self.headers = frozenset(name.lower() for name in headers)
        self._secrets = {secret for secret in secrets if secret}
        self._same = same or {}
        self._sent: set[str] = set()

    def request(self, request: Any) -> Any:
        """Scrub a request of vcrpy's, in place."""
        for name, value in request.headers.items():
            if name.lower() not in _KEPT | _TELLING_NOTHING | self.headers:
                self._secrets |= {word for word in value.split() if len(word) >= _PIECE_OF_SECRET}
        request.headers = {
            name.lower(): value
            for name, value in request.headers.items()
            if name.lower() in _KEPT | self.headers
        }
        request.uri = self._uri(request.uri)
        if request.body:
            request.body = _scrubbed(request.body, self._requested, digest)
        return request

    def response(self, response: dict[str, Any]) -> dict[str, Any]:
        """Scrub a reply to a request that was scrubbed before."""
        status = response["status"]["code"]
        return {
            "status": {"code": status, "message": _phrase(status)},
            "headers": {
                name.lower(): [self._answered(value) for value in values]
                for name, values in response["headers"].items()
                if name.lower() in _KEPT
            },
            "body": {
                "string": _scrubbed(response["body"]["string"], self._answered, lambda _: _REMOVED)
            },
        }

    def _uri(self, uri: str) -> str:
        parts = urlsplit(uri)
        query = [
            (name, _SECRET if _CREDENTIAL.search(name) else self._requested(value))
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ]
        return self._without_secrets(
            urlunsplit(parts._replace(query=urlencode(query, safe="():", quote_via=quote)))
        )

    def _requested(self, text: str) -> str:
        known = _picture(text)
        if known:
            self._sent.add(text)
            return self._same.get(known, known)
        return digest(text.encode()) if len(text) > _LONGEST else self._without_secrets(text)

    def _answered(self, text: str) -> str:
        if known := _picture(text):
            return known
        return _REMOVED if len(text) > _LONGEST or self._repeats(text) else text

    def _without_secrets(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, _SECRET)
        return text

    def _repeats(self, text: str) -> bool:
        lower = text.lower()
        return any(
            piece in lower
            for secret in self._secrets
            for piece in _pieces(secret.lower(), _PIECE_OF_SECRET)
        ) or any(
            piece in sent
            for sent in self._sent
            for piece in _pieces(text, _PIECE_OF_PICTURE)
            if len(piece) == _PIECE_OF_PICTURE
        )


def digest(data: bytes) -> str:
    """The name in a recording of a picture, or of anything else that is not kept: its SHA-256."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _picture(text: str) -> str | None:
    try:
        return f"sha256:{Image.from_base64(text).digest}"
    except ImageRejected:
        return None


def _scrubbed(body: bytes, text: Callable[[str], str], otherwise: Callable[[bytes], str]) -> bytes:
    if not body or _DIGEST.fullmatch(body):
        return body
    try:
        kept = _walked(json.loads(body), text)
        return json.dumps(kept, ensure_ascii=False, indent=2).encode()
    except (ValueError, RecursionError):
        return otherwise(body).encode()


def _walked(value: Any, text: Callable[[str], str]) -> Any:
    match value:
        case str():
            return text(value)
        case bool() | None:
            return value
        case int() | float():
            return value if text(str(value)) == str(value) else _SECRET
        case list() | dict() if _is_row(value):
            return _REMOVED
        case list():
            return [_walked(item, text) for item in value]
        case dict():
            return {
                text(key): _SECRET
                if isinstance(item, str) and _CREDENTIAL.search(key)
                else _walked(item, text)
                for key, item in value.items()
            }


def _is_row(value: list[Any] | dict[str, Any]) -> bool:
    """Whether a value has more numbers than an answer: a template, the points of a face."""
    if isinstance(value, dict):
        return sum(isinstance(item, int | float) for item in value.values()) > _MOST_NUMBERS
    return _numbers(value) > _MOST_NUMBERS


def _numbers(value: Any) -> int:
    if isinstance(value, list | dict):
        return sum(map(_numbers, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int | float)


def _pieces(text: str, length: int) -> Iterable[str]:
    return (text[start : start + length] for start in range(max(1, len(text) - length + 1)))


def _phrase(status: int) -> str:
    """The standard reason phrase; the vendor's own may say anything."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
