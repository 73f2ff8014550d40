"""Failures as problem details (RFC 9457)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from facegate.errors import FacegateError, InvalidRequest, ProviderError
from facegate.model import Attempt, Billed
from facegate.providers.compat import json_reply
from facegate.runtime.flow import HttpReply

TYPE = "application/problem+json"
_BILLED = tuple(Billed)


class Fault(BaseModel):
    """One thing that is wrong with a message.

    Attributes:
        place: the field, and the way into it.
        text: the fault in words.
    """

    place: str
    text: str


class Problem(BaseModel):
    """A failure. "No match" and a spoof are answers, and never come as one.

    Attributes:
        type: always ``about:blank``; ``code`` tells failures apart.
        title: the failure's name in words.
        status: the HTTP status.
        detail: what happened and what to do; never a vendor's words.
        code: stable name of the failure.
        retryable: whether the same request may be answered a moment later, at no double cost.
        billed: whether any provider may have charged for it.
        attempts: every provider asked, oldest first.
        request_id: id of the request.
        reason: the picture's defect, where one is at fault.
        image: the picture at fault.
        provider: the provider that failed.
        vendor_code: that vendor's own code.
        retry_after: seconds to wait, where that is known.
        errors: every fault of a message.
    """

    model_config = ConfigDict(extra="forbid")

    type: str = "about:blank"
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    code: str
    retryable: bool
    billed: Billed
    attempts: list[Attempt]
    request_id: str | None = None
    reason: str | None = None
    image: str | None = None
    provider: str | None = None
    vendor_code: str | None = None
    retry_after: float | None = None
    errors: list[Fault] | None = None


def of_error(error: FacegateError, headers: Mapping[str, str] | None = None) -> HttpReply:
    """The reply of a failure, with the time to wait where it is known."""
    known = error.as_dict()
    misfits = error.misfits if isinstance(error, InvalidRequest) else ()
    faults = [{"place": ".".join(map(str, each.place)), "text": each.text} for each in misfits]
    wait = getattr(error, "retry_after", None)
    own: dict[str, str] = {}
    if wait is not None:
        own["retry-after"] = str(max(1, math.ceil(wait)))
    if error.http_status == HTTPStatus.UNAUTHORIZED:
        own["www-authenticate"] = "Bearer"
    return problem(
        error.http_status,
        error.code,
        error.message,
        {**(headers or {}), **own},
        retryable=wait is not None or (isinstance(error, ProviderError) and error.retryable),
        billed=str(billed(error)),
        attempts=known.pop("attempts", []),
        **{name: value for name, value in known.items() if name not in ("code", "message")},
        **({"errors": faults} if faults else {}),
    )


def billed(error: FacegateError) -> Billed:
    """The dearest of what any attempt may have cost."""
    return max((each.billed for each in error.attempts), key=_BILLED.index, default=error.billed)


def problem(
    status: int,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> HttpReply:
    """The reply of a failure.

    Args:
        status: 400 to 599.
        code: stable name of it.
        detail: what happened and what to do.
        headers: beside the content's type.
        **more: further members of a :class:`Problem`.
    """
    body = {
        "type": "about:blank",
        "title": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", code).capitalize(),
        "status": int(status),
        "detail": detail,
        "code": code,
        "retryable": False,
        "billed": "no",
        "attempts": [],
        **more,
    }
    return json_reply(status, body, {"content-type": TYPE, **(headers or {})})


def plain(status: HTTPStatus, detail: str, *, request_id: str) -> HttpReply:
    """The reply of a refusal that HTTP itself has a name for."""
    # Its name: phrases have changed with Python's versions.
    code = "".join(word.capitalize() for word in status.name.split("_"))
    return problem(status, code, detail, request_id=request_id)
