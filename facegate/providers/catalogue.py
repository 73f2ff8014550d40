"""A vendor's errors as data, once for its client and once for its compatible API."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from facegate.errors import (
    AuthenticationFailed,
    BadReply,
    CaptureReason,
    CaptureRejected,
    FacegateError,
    ImageRejected,
    PermissionDenied,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    UnmappedError,
)
from facegate.providers.compat import VendorError
from facegate.runtime.lazy import lazy


class _Spoof(Enum):
    NOT_LIVE = "not live"


NOT_LIVE: Final = _Spoof.NOT_LIVE
"""The meaning of an error that is an answer: the probe is a spoof."""

Meaning = type[FacegateError] | CaptureReason | _Spoof
"""The meaning of a vendor's error: the class to raise, the reason of a
:class:`~facegate.errors.CaptureRejected`, or :data:`NOT_LIVE`."""

_STATUSES: Mapping[int, type[FacegateError]] = {
    401: AuthenticationFailed,
    403: PermissionDenied,
    413: ImageRejected,
    429: RateLimited,
    502: BadReply,  # what the server behind the gateway did, and charged, is unknown
    503: ProviderUnavailable,
    504: ProviderTimeout,
    520: BadReply,  # a proxy's "unknown error" and "a timeout occurred": it may have been processed
    524: ProviderTimeout,
}
"""Class by HTTP status (RFC 9110, and Cloudflare's own), where no code of the vendor's is known."""


@dataclass(frozen=True)
class ErrorTable:
    """A vendor's errors as its client reads them: codes first, statuses where a reply has no code.

    A code that the table does not know is :class:`~facegate.errors.UnmappedError`, but an outage
    with a status from 500 up: whatever an unknown one says, the vendor cannot serve.

    Attributes:
        codes: meaning by the vendor's own code; a number is written out, ``"-1604"``.
        statuses: class by HTTP status, beside those that every vendor shares.
        of_probe: codes that can only be the probe's fault, whatever else was sent.
        hints: what to look at, by code: a phrase that ends the message.

    Raises:
        TypeError: a row names CaptureRejected, which takes a reason.
    """

    codes: Mapping[str, Meaning] = field(default_factory=dict)
    statuses: Mapping[int, type[FacegateError]] = field(default_factory=dict)
    of_probe: Collection[str] = frozenset()
    hints: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if CaptureRejected in (*self.codes.values(), *self.statuses.values()):
            raise TypeError("a row names a CaptureReason instead of CaptureRejected")

    def error(self, status: int, code: str | None, retry_after: float | None) -> FacegateError:
        """The error that an error reply means.

        Its message is facegate's own; of the reply it repeats only the status and a short code.

        Args:
            status: HTTP status of the reply.
            code: the vendor's code in it, a number written out; None where there is none. A code
                that is given wins over the status.
            retry_after: seconds that the vendor asked to wait, 0 or more; None where it asked for
                none.
        """
        unknown = ProviderUnavailable if status >= 500 else UnmappedError
        by_status = self.statuses.get(status) or _STATUSES.get(status, unknown)
        guess = by_status if code is None or status >= 500 else UnmappedError
        row = guess if code is None else self.codes.get(code, guess)
        # A longer code, or one with spaces in it, may echo the request.
        shown = code if code is not None and re.fullmatch(r"[\w.:-]{1,64}", code) else None
        hint = self.hints.get(code or "")
        text = f"answered {status}" + (f" {shown}" if shown else "") + (f": {hint}" if hint else "")
        image = "probe" if code in self.of_probe else None
        if isinstance(row, CaptureReason):
            return CaptureRejected(text, reason=row, vendor_code=shown, image=image)
        if isinstance(row, _Spoof):  # a caller with no place for the answer has no answer
            return UnmappedError(text, vendor_code=shown)
        if issubclass(row, ProviderError):
            return row(text, retry_after=retry_after, vendor_code=shown, image=image)
        return row(text, vendor_code=shown, image=image)


@dataclass(frozen=True, slots=True)
class Row:
    """One of a vendor's errors.

    Attributes:
        status: HTTP status that the API sends it with. A client goes by the code.
        means: the class to raise, the reason of a CaptureRejected, or :data:`NOT_LIVE`.
        message: the text that comes with the code; None where there is none.
        headers: headers that the API sends beside those of every reply.
        hint: what an operator should look at, as a phrase; None where the code says it all.
    """

    status: int
    means: Meaning
    message: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hint: str | None = None


def code_and_message(code: str, row: Row) -> Mapping[str, Any]:
    """The usual body of an error: ``code``, and ``message`` where the row has one."""
    text = {} if row.message is None else {"message": row.message}
    return {"code": code, **text}


@dataclass(frozen=True)
class Catalogue:
    """Every error of a vendor, by its code: one list for both directions.

    ``{**one.rows, ...}`` makes a catalogue of another.

    Attributes:
        rows: the errors by the vendor's own code; a number is written out.
        statuses: class by HTTP status, for replies that carry no code; see :class:`ErrorTable`.
        of_probe: codes that can only be the probe's fault; see :class:`ErrorTable`.
        shape: function that makes the JSON body of an error, from its code and row.
    """

    rows: Mapping[str, Row]
    statuses: Mapping[int, type[FacegateError]] = field(default_factory=dict)
    of_probe: Collection[str] = frozenset()
    shape: Callable[[str, Row], Mapping[str, Any]] = code_and_message

    @lazy
    def table(self) -> ErrorTable:
        """The errors as a client reads them."""
        codes = {code: row.means for code, row in self.rows.items()}
        hints = {code: row.hint for code, row in self.rows.items() if row.hint}
        return ErrorTable(codes, self.statuses, self.of_probe, hints)

    @lazy
    def reasons(self) -> Mapping[CaptureReason, str]:
        """The first code of each reason that a picture may be rejected for."""
        rows = reversed(list(self.rows.items()))
        return {row.means: code for code, row in rows if isinstance(row.means, CaptureReason)}

    @lazy
    def replies(self) -> Mapping[str, VendorError]:
        """The errors as the compatible API sends them, by the same names."""
        return {
            code: VendorError(row.status, self.shape(code, row), row.headers)
            for code, row in self.rows.items()
        }
