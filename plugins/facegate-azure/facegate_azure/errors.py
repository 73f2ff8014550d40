"""Azure AI Face's errors, as its REST reference of version 1.2 has them.

Numbers are the gateway's, which stands before the service; two codes are of version 1.0.
"""

from __future__ import annotations

from typing import Final

from facegate import plugin as fg

INVALID: Final = "InvalidImage"
UNREADABLE: Final = f"{INVALID}:decoding"
"""Not a code of the vendor's: the one before, where its text says that it is no picture."""

ERRORS: Final = fg.ErrorTable(
    {
        "BadArgument": fg.InvalidRequest,
        UNREADABLE: fg.ImageRejected,
        INVALID: fg.CaptureReason.NOT_STATED,
        "InvalidImageSize": fg.ImageRejected,
        "InvalidMediaType": fg.UnmappedError,  # this one and the next: of what is never sent
        "InvalidURL": fg.UnmappedError,
        "401": fg.AuthenticationFailed,
        "UnsupportedFeature": fg.PermissionDenied,
        "QuotaExceeded": fg.QuotaExhausted,
        "403": fg.QuotaExhausted,
        # Only ever of an id that Azure itself gave a moment ago.
        "FaceNotFound": fg.ProviderUnavailable,
        "OperationTimeOut": fg.ProviderTimeout,
        "ConcurrentOperationConflict": fg.ProviderUnavailable,
        "429": fg.RateLimited,
        "RateLimitExceeded": fg.RateLimited,
        "InternalServerError": fg.ProviderUnavailable,
        "ServiceUnavailable": fg.ProviderUnavailable,
    }
)
