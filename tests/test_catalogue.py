"""One list of errors, read by a client and sent by an API."""

from __future__ import annotations

import pytest

from facegate.plugin import (
    NOT_LIVE,
    AuthenticationFailed,
    CaptureReason,
    CaptureRejected,
    Catalogue,
    QuotaExhausted,
    RateLimited,
    Row,
    UnmappedError,
    VendorError,
)

ERRORS = Catalogue(
    {
        "bad_key": Row(401, AuthenticationFailed, "Who are you?"),
        "no_face": Row(422, CaptureReason.FACE_NOT_FOUND),
        "slow_down": Row(429, RateLimited, headers={"retry-after": "1"}),
        "-7": Row(200, NOT_LIVE, "A mask."),
    },
    statuses={402: QuotaExhausted},
)


def test_as_a_client_reads_them() -> None:
    table = ERRORS.table
    assert type(table.error(401, "bad_key", None)) is AuthenticationFailed
    captured = table.error(422, "no_face", None)
    assert isinstance(captured, CaptureRejected)
    assert captured.reason is CaptureReason.FACE_NOT_FOUND
    assert type(table.error(402, None, None)) is QuotaExhausted
    assert type(table.error(400, "brand_new", None)) is UnmappedError
    assert table.codes["-7"] is NOT_LIVE


def test_a_code_that_only_the_probe_can_earn_names_it() -> None:
    rows = {**ERRORS.rows, "mask": Row(422, CaptureReason.QUALITY_TOO_LOW)}
    table = Catalogue(rows, of_probe={"mask"}).table
    assert table.error(422, "mask", None).image == "probe"
    assert table.error(422, "no_face", None).image is None


def test_as_an_api_sends_them() -> None:
    assert ERRORS.replies == {
        "bad_key": VendorError(401, {"code": "bad_key", "message": "Who are you?"}),
        "no_face": VendorError(422, {"code": "no_face"}),
        "slow_down": VendorError(429, {"code": "slow_down"}, {"retry-after": "1"}),
        "-7": VendorError(200, {"code": "-7", "message": "A mask."}),
    }


def test_a_vendor_has_a_shape_of_its_own() -> None:
    numbered = Catalogue(
        {"-7": Row(200, NOT_LIVE, "A mask.")},
        shape=lambda code, row: {"error": {"number": int(code), "text": row.message}},
    )
    assert numbered.replies["-7"].body == {"error": {"number": -7, "text": "A mask."}}


def test_a_row_names_the_reason() -> None:
    with pytest.raises(TypeError, match="CaptureReason"):
        Catalogue({"no_face": Row(422, CaptureRejected)}).table.error(422, "no_face", None)


def test_a_hint_ends_the_message() -> None:
    late = Row(400, AuthenticationFailed, hint="check the clock here")
    table = Catalogue({"late": late, "wrong": Row(400, AuthenticationFailed)}).table
    assert table.error(400, "late", None).message == "answered 400 late: check the clock here"
    assert table.error(400, "wrong", None).message == "answered 400 wrong"
