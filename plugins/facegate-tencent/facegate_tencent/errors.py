"""Tencent Cloud's errors, which come with the HTTP status of an answer.

Its SDK lists those of face recognition, the cloud's reference those that every service has. What
their messages say is not documented: here they say the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from facegate import plugin as fg

_CODES: Final[Mapping[fg.Meaning, str]] = {
    fg.CaptureReason.FACE_NOT_FOUND: """
        InvalidParameterValue.NoFaceInPhoto FailedOperation.ImageFacedetectFailed""",
    fg.CaptureReason.FACE_TOO_SMALL: "FailedOperation.FaceSizeTooSmall",
    fg.CaptureReason.QUALITY_TOO_LOW: "FailedOperation.FaceQualityNotQualified",
    fg.ImageRejected: """
        FailedOperation.ImageDecodeFailed FailedOperation.ImageSizeExceed RequestSizeLimitExceeded
        FailedOperation.ImageResolutionExceed FailedOperation.ImageResolutionTooSmall
        InvalidParameterValue.ImageEmpty InvalidParameterValue.ImageEmptyError""",
    fg.InvalidRequest: """
        InvalidParameter InvalidParameter.InvalidParameter InvalidParameterValue UnknownParameter
        InvalidParameterValue.FaceModelVersionIllegal InvalidParameterValue.QualityControlIllegal
        MissingParameter MissingParameter.ErrorParameterEmpty""",
    fg.AuthenticationFailed: """
        AuthFailure AuthFailure.InvalidAuthorization AuthFailure.InvalidSecretId
        AuthFailure.MFAFailure AuthFailure.SecretIdNotFound AuthFailure.SignatureExpire
        AuthFailure.SignatureFailure""",
    fg.CredentialsExpired: "AuthFailure.TokenFailure",  # only temporary ones have a token
    fg.PermissionDenied: """
        AuthFailure.UnauthorizedOperation UnauthorizedOperation ResourceUnavailable.Delivering
        ResourceUnavailable.NotExist ResourceUnavailable.NotReady""",
    fg.QuotaExhausted: """
        ResourceInsufficient ResourcesSoldOut.ChargeStatusException
        ResourceUnavailable.ChargeStatusException ResourceUnavailable.Freeze
        ResourceUnavailable.InArrears ResourceUnavailable.LowBalance ResourceUnavailable.Recover
        ResourceUnavailable.StopUsing ResourceUnavailable.UnknownStatus""",
    fg.RateLimited: "RequestLimitExceeded FailedOperation.RequestLimitExceeded LimitExceeded",
    fg.ProviderUnavailable: """
        InternalError FailedOperation FailedOperation.CompareFail FailedOperation.RpcFail
        FailedOperation.ServerError FailedOperation.UnKnowError
        ResourceUnavailable.GetAuthInfoError""",
    fg.ProviderTimeout: "FailedOperation.RequestTimeout",
    # What facegate never asks for.
    fg.UnmappedError: """
        FailedOperation.ImageDownloadError InvalidParameterValue.UrlIllegal InvalidAction
        NoSuchVersion UnsupportedOperation UnsupportedOperation.UnknowMethod UnsupportedProtocol
        UnsupportedRegion""",
}


def _wrapped(code: str, _: fg.Row) -> Mapping[str, Any]:
    return {"Response": {"Error": {"Code": code, "Message": code}}}


ERRORS: Final = fg.Catalogue(
    {code: fg.Row(200, means) for means, codes in _CODES.items() for code in codes.split()},
    shape=_wrapped,
)
