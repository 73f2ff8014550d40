"""Replies of vendors, read strictly."""

from __future__ import annotations

import codecs
import json
import time
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from facegate.errors import BadReply
from facegate.providers.bodies import is_overcrowded
from facegate.runtime.flow import HttpReply

R = TypeVar("R", bound=BaseModel)
_DAY_S = 86_400.0
_UNREAD = "ambiguous or overcrowded JSON"


def read_reply(reply: HttpReply, reply_type: type[R]) -> R:
    """A reply's JSON as a ``reply_type``.

    Raises:
        BadReply: the body is something else, an object in it has a name twice, or it holds more
            values than are safe to parse.
    """
    # Some servers on Windows write a mark before it. It stays in the reply, which never shows it.
    reply = replace(reply, body=reply.body.removeprefix(codecs.BOM_UTF8))
    try:
        if is_overcrowded(reply.body):
            raise ValueError("too many values")
        content = reply_type.model_validate_json(reply.body, by_alias=True, by_name=False)
        json.loads(reply.body, object_pairs_hook=_once)
    except ValueError as error:
        misfit = _misfit(error) if isinstance(error, ValidationError) else _UNREAD
        raise BadReply(
            f"answered {reply.status} with a body that is no {reply_type.__name__} ({misfit})"
        ) from None
    return content


def _once(members: list[tuple[str, Any]]) -> None:
    """Refuse a name that an object has twice: which of the two counts would be luck."""
    if len(dict(members)) < len(members):
        raise ValueError("a name twice")


def _misfit(error: ValidationError) -> str:
    """The kind of misfit and its field; not the place below it, which may be a vendor's own key."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    kind, field = first["type"], first["loc"][:1]
    return f"{kind} in {field[0]}" if field and kind != "extra_forbidden" else kind


def retry_after(reply: HttpReply) -> float | None:
    """Seconds to wait, 0 to a day, from either form of the header (RFC 9110, 10.2.3).

    None where there is no such header, or none that can be read.
    """
    value = reply.headers.get("retry-after", "")
    try:
        if value.isascii() and value.isdigit():
            seconds = float(value)
        else:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, seconds), _DAY_S)


def written_code(code: object) -> str | None:
    """An error code as :class:`ErrorTable` has it: text, or a whole number written out."""
    if isinstance(code, int) and not isinstance(code, bool):
        return str(code)
    return code if isinstance(code, str) else None
