"""Rekognition's errors: those of its model, and those that every service of AWS has.

Where one of the common list is documented with a 403 and was seen with a 400, the 400 stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from facegate import plugin as fg


def _typed(code: str, row: fg.Row) -> Mapping[str, Any]:
    return {"__type": code, "Code": code, "Message": row.message or code}


UNUSABLE: Final = "InvalidParameterException"
DENIED: Final = "AccessDeniedException"
VALIDATION: Final = "ValidationException"
OF_BYTES: Final = f"{VALIDATION}:bytes"
"""Not a code of the vendor's: the one before, where its text complains of a picture."""

ERRORS: Final = fg.Catalogue(
    {
        # A picture without a face, one with too small a face, and a wrong parameter: all the same.
        UNUSABLE: fg.Row(
            400,
            fg.CaptureReason.NOT_STATED,
            "Request has invalid parameters",
            hint="no usable face on one of the pictures; diagnose = true finds out on which",
        ),
        "InvalidImageFormatException": fg.Row(
            400, fg.ImageRejected, "Request has invalid image format"
        ),
        "ImageTooLargeException": fg.Row(400, fg.ImageRejected, "Image size is too large"),
        "InvalidS3ObjectException": fg.Row(400, fg.UnmappedError, "Request has invalid S3 object"),
        VALIDATION: fg.Row(400, fg.InvalidRequest, "1 validation error detected"),
        DENIED: fg.Row(400, fg.PermissionDenied),
        "OptInRequired": fg.Row(403, fg.PermissionDenied),
        "UnrecognizedClientException": fg.Row(400, fg.AuthenticationFailed),
        "InvalidSignatureException": fg.Row(
            400, fg.AuthenticationFailed, hint="check secret_access_key and region"
        ),
        "MissingAuthenticationTokenException": fg.Row(400, fg.AuthenticationFailed),
        "MissingAuthenticationToken": fg.Row(403, fg.AuthenticationFailed),
        "IncompleteSignatureException": fg.Row(400, fg.AuthenticationFailed),
        "IncompleteSignature": fg.Row(403, fg.AuthenticationFailed),
        "RequestExpired": fg.Row(
            400,
            fg.AuthenticationFailed,
            "The date is more than 15 minutes off",
            hint="check the clock here",
        ),
        "ExpiredTokenException": fg.Row(400, fg.CredentialsExpired),
        "ThrottlingException": fg.Row(
            400, fg.RateLimited, "Slow down; sudden increase in rate of requests"
        ),
        "ProvisionedThroughputExceededException": fg.Row(
            400, fg.RateLimited, "Provisioned Rate exceeded"
        ),
        "LimitExceededException": fg.Row(400, fg.QuotaExhausted),
        "ServiceQuotaExceededException": fg.Row(400, fg.QuotaExhausted),
        "InternalServerError": fg.Row(500, fg.ProviderUnavailable, "Internal server error"),
        "ServiceUnavailableException": fg.Row(503, fg.ProviderUnavailable),
        "ServiceUnavailable": fg.Row(503, fg.ProviderUnavailable),
        "UnknownOperationException": fg.Row(400, fg.UnmappedError),
    },
    shape=_typed,
)
TABLE: Final = replace(ERRORS.table, codes={**ERRORS.table.codes, OF_BYTES: fg.ImageRejected})
"""The errors as the client reads them."""
