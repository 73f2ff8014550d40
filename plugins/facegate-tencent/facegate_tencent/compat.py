"""CompareFace and DetectLiveFaceAccurate, answered by whatever provider is configured."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar
from uuid import uuid4

from facegate import plugin as fg
from facegate_tencent import wire
from facegate_tencent.errors import ERRORS

_UNSERVED = "UnsupportedOperation"
_UNUSABLE = "FailedOperation.FaceQualityNotQualified"
_NOT_SERVED = f"facegate serves {wire.COMPARE} and {wire.LIVENESS} here, and no other action."


class TencentApi(fg.SigningApi[fg.CompatibleApiSettings]):
    """Answers as Tencent Cloud does, to callers who sign with a key ``ID:SECRET``.

    Temporary credentials are a key ``ID:SECRET:TOKEN``. Its rules, where the vendor's words leave
    something open or facegate has no equal:

    - Errors have the status 200, as with the vendor, whose SDK reads no code of any other reply.
    - All scores are model 3.0's, which is meant where a request names none. Another model is
      ``InvalidParameterValue.FaceModelVersionIllegal``.
    - A URL, which would win over a picture beside it, is ``InvalidParameterValue.UrlIllegal``.
    - Which of several faces counts, and whether a picture is turned, is up to the provider:
      ``FaceMatchingStrategy`` and ``NeedRotateDetection`` are not heeded.
    - A picture that is rejected for a reason that the vendor has no word for, such as several
      faces, is ``FailedOperation.FaceQualityNotQualified``. So is a spoof that a provider finds
      where only a comparison was asked for: a high score alone would let it in.
    - A score that the provider did not give is never made up: ``UnsupportedOperation``, as for all
      other actions.
    - Whatever is wrong at the answering provider (its credential, its quota, an outage) is
      ``InternalError``: the caller's own key is good.
    - What is signed has to hold the host, the content type and the body. If a proxy changes
      the host, set ``public_url``; the path may change, for nobody signs it.
    """

    plugin = "tencent"
    routes: ClassVar = {"/": frozenset({"POST"})}
    match = wire.MATCH[wire.NEWEST]
    liveness = wire.LIVE
    needs_scores = True
    errors = ERRORS.replies
    reasons = ERRORS.reasons
    failures: ClassVar = {
        fg.CaptureRejected: _UNUSABLE,
        fg.ImageRejected: "FailedOperation.ImageDecodeFailed",
        fg.InvalidRequest: "InvalidParameter",
        fg.UnsupportedOption: "InvalidParameter",
        fg.ConsentRefused: "UnauthorizedOperation",
        fg.UnsupportedOperation: _UNSERVED,
        fg.RateLimited: "RequestLimitExceeded",
        fg.FacegateError: "InternalError",
    }
    signing = wire.SIGNING
    token_header = wire.TOKEN
    skew = timedelta(minutes=5)
    missing_key = unreadable = "AuthFailure.InvalidAuthorization"
    wrong_key = "AuthFailure.SecretIdNotFound"
    wrong_signature = "AuthFailure.SignatureFailure"
    wrong_token = "AuthFailure.TokenFailure"  # noqa: S105  the name of an error
    wrong_date = "AuthFailure.SignatureExpire"
    no_route = _UNSERVED
    too_heavy = "RequestSizeLimitExceeded"
    formats = wire.FORMATS
    data_uris = False  # nobody says that the vendor takes them
    settings_type = fg.CompatibleApiSettings

    def decode(self, request: fg.HttpRequest) -> fg.DecodedRequest | fg.HttpReply:
        if request.headers.get(wire.VERSION) != wire.OF_2020:
            return self.error("NoSuchVersion")
        action = request.headers.get(wire.ACTION)
        if action == wire.COMPARE:
            compare = self.message(request, wire.Compare[str])
            sent, url = [compare.ImageA, compare.ImageB], compare.UrlA or compare.UrlB
            model, quality = compare.FaceModelVersion, compare.QualityControl
        elif action == wire.LIVENESS:
            check = self.message(request, wire.CheckLiveness[str])
            sent, url, model, quality = [check.Image], check.Url, check.FaceModelVersion, None
        else:
            return self.error(_UNSERVED, Message=_NOT_SERVED)
        faults = {
            "InvalidParameterValue.UrlIllegal": bool(url),
            "InvalidParameterValue.FaceModelVersionIllegal": model != wire.NEWEST,
            "InvalidParameterValue.QualityControlIllegal": quality not in (None, *range(5)),
            "InvalidParameterValue.ImageEmpty": not all(sent),
            "FailedOperation.ImageSizeExceed": any(len(each or "") > wire.LONGEST for each in sent),
        }
        if any(faults.values()):
            return self.error(next(code for code, found in faults.items() if found))
        probe, *claimed = (each or "" for each in sent)
        pictures = self.picture(probe, "probe"), *self.gallery(claimed)
        if any(map(wire.PICTURES.broken_by, pictures)):
            small = any(min(each.width, each.height) < wire.PICTURES.min_side for each in pictures)
            return self.error(f"FailedOperation.ImageResolution{'TooSmall' if small else 'Exceed'}")
        operation = fg.Operation.COMPARE if claimed else fg.Operation.LIVENESS
        options = {} if quality is None else {"quality_control": quality}
        return fg.DecodedRequest(operation, pictures[0], pictures[1:], options=options)

    def encode(self, asked: fg.DecodedRequest, answer: fg.Answer) -> fg.HttpReply:
        compares, live = asked.operation is fg.Operation.COMPARE, answer.liveness
        if compares and live is not None and not live.passed:
            return self.error(_UNUSABLE)
        found = answer.match if compares else live
        if found is None or found.score is None:
            return self.error(_UNSERVED)
        scored = {"Score": found.score, "FaceModelVersion": wire.NEWEST, "RequestId": str(uuid4())}
        return fg.json_reply(200, {"Response": scored})

    def details(self, name: str, error: fg.FacegateError) -> Mapping[str, Any]:  # noqa: ARG002
        return {"Message": error.message} if isinstance(error, fg.InvalidRequest) else {}

    def error(self, name: str, **changes: Any) -> fg.HttpReply:
        told = {**self.errors[name].body["Response"]["Error"], **changes}
        return super().error(name, Response={"Error": told, "RequestId": str(uuid4())})
