"""CompareFaces, answered by whatever provider is configured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar
from uuid import uuid4

from facegate import plugin as fg
from facegate_rekognition import wire
from facegate_rekognition.errors import DENIED, ERRORS, UNUSABLE, VALIDATION

_NOT_SERVED = "facegate serves CompareFaces here, and no other operation."
_NO_SCORE = "The provider behind facegate tells no similarity."


class RekognitionApi(fg.SigningApi[fg.CompatibleApiSettings]):
    """Answers CompareFaces as Rekognition does, to callers who sign with a key ``ID:SECRET``.

    Temporary credentials are a key ``ID:SECRET:TOKEN``. Its rules, where the vendor's words leave
    something open or facegate has no equal:

    - ``SimilarityThreshold = 0`` asks for the similarity and no verdict: no threshold is handed on,
      and the request is recorded as judged by its caller.
    - A face below the threshold is an unmatched face, without a similarity, as with AWS.
    - If a provider finds a spoof where a comparison was asked for, the face is an unmatched one.
    - Boxes are those that the answering provider tells; without them, and for landmarks, pose and
      quality, there is no member. Nothing is made up.
    - A picture that cannot be decided on, for whatever reason, is ``InvalidParameterException``:
      that is how AWS says that there is no face.
    - Whatever is wrong at the answering provider (its credential, its quota, an outage) is
      ``InternalServerError``: the caller's own key is good.
    - A similarity that the provider did not give is never made up: ``AccessDeniedException``.
    - All other operations are ``AccessDeniedException``.
    - Retries of one call, by its ``amz-sdk-invocation-id``, are answered once.
    - What is signed has to hold the host, the date, the operation and the body itself. If a
      proxy changes host or path, set ``public_url``.
    """

    plugin = "rekognition"
    routes: ClassVar = {"/": frozenset({"POST"})}
    match = wire.MATCH
    liveness = wire.MATCH  # never asked for
    needs_scores = True
    wants_faces = True
    errors = ERRORS.replies
    failures: ClassVar = {
        fg.CaptureRejected: UNUSABLE,
        fg.ImageRejected: "InvalidImageFormatException",
        fg.InvalidRequest: VALIDATION,
        fg.UnsupportedOption: VALIDATION,
        fg.ConsentRefused: DENIED,
        fg.UnsupportedOperation: DENIED,
        fg.RateLimited: "ProvisionedThroughputExceededException",
        fg.FacegateError: "InternalServerError",
    }
    signing = wire.SIGNING
    token_header = wire.TOKEN
    skew = timedelta(minutes=15)
    missing_key = "MissingAuthenticationTokenException"
    unreadable = "IncompleteSignatureException"
    wrong_key = "UnrecognizedClientException"
    wrong_signature = "InvalidSignatureException"
    wrong_date = "RequestExpired"
    no_route = "UnknownOperationException"
    too_heavy = VALIDATION
    formats = wire.FORMATS
    data_uris = False
    settings_type = fg.CompatibleApiSettings

    def repeats(self, request: fg.HttpRequest) -> str | None:
        invocation = request.headers.get("amz-sdk-invocation-id")
        return invocation and f"{invocation} {request.headers.get(wire.TARGET)}"

    def decode(self, request: fg.HttpRequest) -> fg.DecodedRequest | fg.HttpReply:
        if request.headers.get(wire.TARGET) != wire.COMPARE:
            known = request.headers.get(wire.TARGET, "").startswith(wire.SERVICE)
            return self.error(DENIED, Message=_NOT_SERVED) if known else self.error(self.no_route)
        compare = self.message(request, wire.Compare[str])
        wanted, quality = compare.SimilarityThreshold, compare.QualityFilter
        sources = (compare.SourceImage, compare.TargetImage)
        if any(each.S3Object is not None for each in sources):
            return self.error("InvalidS3ObjectException")
        if any(len(each.Bytes or "") > wire.LONGEST for each in sources):
            return self.error("ImageTooLargeException")
        probe = self.picture(compare.SourceImage.Bytes or "", "probe")
        gallery = self.gallery([compare.TargetImage.Bytes or ""])
        if any(max(each.width, each.height) > wire.LONGEST_SIDE for each in (probe, *gallery)):
            return self.error("ImageTooLargeException")
        misfit = any(map(wire.PICTURES.broken_by, (probe, *gallery)))
        if misfit or (wanted is not None and not 0 <= wanted <= 100):
            return self.error(UNUSABLE)
        return fg.DecodedRequest(
            fg.Operation.COMPARE,
            probe,
            gallery,
            threshold=wanted or None,
            judged_by_caller=wanted == 0,
            options={"quality_filter": quality} if quality else {},
        )

    def encode(self, asked: fg.DecodedRequest, answer: fg.Answer) -> fg.HttpReply:
        match, live = answer.match, answer.liveness
        if match is None or match.score is None:
            return self.error(DENIED, Message=_NO_SCORE)
        spoof = live is not None and not live.passed
        face = _face(answer.faces, "gallery[0]")
        told = not spoof and (match.is_match or asked.judged_by_caller)
        body = {
            "SourceImageFace": _face(answer.faces, "probe"),
            "FaceMatches": [{"Similarity": match.score, "Face": face}] if told else [],
            "UnmatchedFaces": [] if told else [face],
        }
        return _addressed(fg.json_reply(200, body))

    def error(self, name: str, **changes: Any) -> fg.HttpReply:
        return _addressed(super().error(name, **changes), {"x-amzn-errortype": name})


def _addressed(reply: fg.HttpReply, headers: Mapping[str, str] | None = None) -> fg.HttpReply:
    """A reply with the headers that each of AWS's has."""
    own = {"content-type": wire.CONTENT_TYPE, "x-amzn-requestid": str(uuid4())}
    return replace(reply, headers={**reply.headers, **own, **(headers or {})})


def _face(faces: Iterable[fg.Face], image: str) -> dict[str, Any]:
    """The face of a picture, as far as it is known which one that is."""
    found = [each for each in faces if each.image == image]
    if len(found) != 1:
        return {}
    box = found[0].box
    shares = {"Width": box.width, "Height": box.height, "Left": box.left, "Top": box.top}
    sure = found[0].confidence
    return {"BoundingBox": shares} | ({} if sure is None else {"Confidence": 100 * sure})
