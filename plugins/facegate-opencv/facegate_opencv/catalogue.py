"""How an error code of either product is written down, once for its client and for its API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from facegate.plugin import CaptureReason, FacegateError, VendorError


class Row(NamedTuple):
    """One error code.

    Attributes:
        status: HTTP's, as the API sends it. A client goes by the code.
        means: the class to raise, or the reason of a CaptureRejected.
        message: what comes with the code.
    """

    status: int
    means: type[FacegateError] | CaptureReason
    message: str


Catalogue = Mapping[str, Row]


def codes(catalogue: Catalogue) -> dict[str, type[FacegateError] | CaptureReason]:
    """What each code means to a client."""
    return {code: row.means for code, row in catalogue.items()}


def replies(catalogue: Catalogue) -> dict[str, VendorError]:
    """How an API sends each code."""
    return {
        code: VendorError(row.status, {"code": code, "message": row.message})
        for code, row in catalogue.items()
    }
