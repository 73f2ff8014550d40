"""The API of an FR Server, answered by whatever provider is configured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Final, Literal

from pydantic import Field, ValidationError

from facegate.plugin import (
    Answer,
    CaptureReason,
    DecodedRequest,
    FacegateError,
    HttpReply,
    HttpRequest,
    ImageRejected,
    LicenseInvalid,
    Operation,
    ScoreSpec,
    UnsupportedOperation,
    json_reply,
)
from facegate_opencv.api import Api, ApiSettings
from facegate_opencv.fr_server import wire
from facegate_opencv.fr_server.errors import LIVENESS, LIVENESS_ERROR, REPLIES, SPOOF

_OPTIONAL: Final = {"min_similarity_score", "check_liveness"}
_INVALID: Final = "ERR_UNPROCESSABLE_CONTENT"
_TOO_LARGE: Final = "ERR_PAYLOAD_IS_TOO_LARGE"
_LATER: Final = "ERR_DATABASE_ERROR"


class FrServerApiSettings(ApiSettings):
    """The switches of the FR Server's API."""

    required: Literal["lenient", "strict"] = Field(
        default="lenient",
        description="Whether min_similarity_score and check_liveness may be left out: they are"
        " documented as required, and with defaults.",
    )
    liveness_by_self_compare: bool = Field(
        default=False,
        description="Take check_liveness on two copies of one picture for a question of liveness"
        " alone, as facegate's own client asks it.",
    )


class FrServerApi(Api[FrServerApiSettings]):
    """Answers as an OpenCV FR Server does: a verdict, never a score.

    Its rules, where the vendor's documentation leaves them open or facegate has no equal:

    - Two copies of one picture are an invalid request: they always match, so whoever holds the
      document photo could pass it off as a selfie. ``liveness_by_self_compare = true`` takes such
      a pair with ``check_liveness`` for a question of liveness alone.
    - Not live is ``ERR_LIVENESS_ERROR`` with ``FACE_NOT_LIVE``; no answer on liveness is
      ``UNKNOWN_ERROR``, so it never passes for live.
    - A face that was not found is ``ERR_FACE_NOT_DETECTED``: the vendor looks for it before it
      judges liveness. Any other fault that the provider finds with a picture is a liveness error
      with the reason in its metadata, on plain comparisons as well: the API has no other words.
    - Whatever is wrong at the answering provider (its credential, its quota, an outage) is
      ``ERR_DATABASE_ERROR``, the one documented error that asks to retry later: the caller's own
      key is good. A licence that is at fault is ``LICENSE_ERROR``, and so is a question that the
      provider does not answer at all, since trying again does not help.
    """

    plugin = "opencv_fr"
    routes: ClassVar = {wire.COMPARE: frozenset({"POST"})}
    match = wire.MATCH
    liveness = ScoreSpec(wire.MATCH.scale, threshold=0.5)  # never said, so any will do
    errors = REPLIES
    settings_type = FrServerApiSettings
    formats = wire.FORMATS
    missing_key = "ERR_API_KEY_NOT_PRESENT"
    wrong_key = "ERR_API_KEY_NOT_VALID"
    reasons: ClassVar = {
        **{reason: reason if reason in LIVENESS else "UNKNOWN_ERROR" for reason in CaptureReason},
        CaptureReason.FACE_NOT_FOUND: "ERR_FACE_NOT_DETECTED",
    }
    failures: ClassVar = {
        ImageRejected: "ERR_BASE64_IMAGE_CANNOT_BE_DECODED",
        LicenseInvalid: "LICENSE_ERROR",
        UnsupportedOperation: "LICENSE_ERROR",
        FacegateError: _LATER,
    }

    def decode(self, request: HttpRequest) -> DecodedRequest | HttpReply:
        try:
            message = self.message(request, wire.CompareMessage[str])
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            return self.invalid(": ".join([*map(str, first["loc"]), first["msg"]]))
        missing = _OPTIONAL - message.model_fields_set
        if missing and self.settings.required == "strict":
            return self.invalid(f"{min(missing)}: Field required")
        probe = self.picture(message.face_base_64, "probe")
        claimed = self.picture(message.ref_face_base_64, "gallery[0]")
        alike = self.settings.liveness_by_self_compare and probe.data == claimed.data
        if message.check_liveness and alike:
            return DecodedRequest(Operation.LIVENESS, probe)
        return DecodedRequest(
            Operation.COMPARE_LIVE if message.check_liveness else Operation.COMPARE,
            probe,
            (claimed,),
            threshold=None if "min_similarity_score" in missing else message.min_similarity_score,
        )

    def encode(self, asked: DecodedRequest, answer: Answer) -> HttpReply:
        if answer.liveness is not None and not answer.liveness.passed:
            return self.error(SPOOF)
        if answer.liveness is None and asked.operation is not Operation.COMPARE:
            return self.error("UNKNOWN_ERROR")
        if asked.operation is Operation.LIVENESS:
            return json_reply(200, {"is_match": True})
        if answer.match is None:
            return self.error(_LATER)
        return json_reply(200, {"is_match": answer.match.is_match})

    def encode_error(self, error: FacegateError) -> HttpReply:
        if isinstance(error, ImageRejected) and error.image is None:
            return self.error(_TOO_LARGE)  # not one of the pictures but the request
        return super().encode_error(error)

    def error(self, name: str, **changes: Any) -> HttpReply:
        """One of ``errors``; a liveness error has the status of all, unless it has its own."""
        reply = super().error(name, **changes)
        if name in LIVENESS and name not in self.settings.statuses:
            status = self.settings.statuses.get(LIVENESS_ERROR, reply.status)
            return replace(reply, status=status)
        return reply

    def invalid(self, text: str) -> HttpReply:
        return self.error(_INVALID, message=f"Invalid request: {text}")
