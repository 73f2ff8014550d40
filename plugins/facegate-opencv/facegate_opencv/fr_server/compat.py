"""The API of an FR Server, answered by whatever provider is configured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from facegate import plugin as fg
from facegate_opencv.fr_server import wire
from facegate_opencv.fr_server.errors import LIVENESS, LIVENESS_ERROR, REPLIES, SPOOF

_OPTIONAL: Final = {"min_similarity_score", "check_liveness"}
_INVALID: Final = "ERR_UNPROCESSABLE_CONTENT"
_TOO_LARGE: Final = "ERR_PAYLOAD_IS_TOO_LARGE"
_LATER: Final = "ERR_DATABASE_ERROR"


class FrServerApiSettings(fg.CompatibleApiSettings):
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


class FrServerApi(fg.CompatibleApi[FrServerApiSettings]):
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
    liveness = fg.ScoreSpec(wire.MATCH.scale, threshold=0.5)  # never said, so any will do
    errors = REPLIES
    settings_type = FrServerApiSettings
    formats = wire.FORMATS
    data_uris = False  # nobody says that the vendor takes them
    key_header = wire.KEY
    missing_key = "ERR_API_KEY_NOT_PRESENT"
    wrong_key = "ERR_API_KEY_NOT_VALID"
    no_route = "ERR_NOT_FOUND"
    reasons: ClassVar = {
        **{each: each if each in LIVENESS else "UNKNOWN_ERROR" for each in fg.CaptureReason},
        fg.CaptureReason.FACE_NOT_FOUND: "ERR_FACE_NOT_DETECTED",
    }
    failures: ClassVar = {
        fg.ImageRejected: "ERR_BASE64_IMAGE_CANNOT_BE_DECODED",
        fg.InvalidRequest: _INVALID,
        fg.UnsupportedOption: _INVALID,
        fg.ConsentRefused: _INVALID,
        fg.LicenseInvalid: "LICENSE_ERROR",
        fg.UnsupportedOperation: "LICENSE_ERROR",
        fg.FacegateError: _LATER,
    }

    def decode(self, request: fg.HttpRequest) -> fg.DecodedRequest:
        message = self.message(request, wire.CompareMessage[str])
        missing = _OPTIONAL - message.model_fields_set
        if missing and self.settings.required == "strict":
            raise fg.InvalidRequest(f"{min(missing)}: Field required")
        probe = self.picture(message.face_base_64, "probe")
        claimed = self.picture(message.ref_face_base_64, "gallery[0]")
        alike = self.settings.liveness_by_self_compare and probe.data == claimed.data
        if message.check_liveness and alike:
            return fg.DecodedRequest(fg.Operation.LIVENESS, probe)
        return fg.DecodedRequest(
            fg.Operation.COMPARE_LIVE if message.check_liveness else fg.Operation.COMPARE,
            probe,
            (claimed,),
            threshold=None if "min_similarity_score" in missing else message.min_similarity_score,
        )

    def encode(self, asked: fg.DecodedRequest, answer: fg.Answer) -> fg.HttpReply:
        if answer.liveness is not None and not answer.liveness.passed:
            return self.error(SPOOF)
        if answer.liveness is None and asked.operation is not fg.Operation.COMPARE:
            return self.error("UNKNOWN_ERROR")
        if asked.operation is fg.Operation.LIVENESS:
            return fg.json_reply(200, {"is_match": True})
        if answer.match is None:
            return self.error(_LATER)
        return fg.json_reply(200, {"is_match": answer.match.is_match})

    def encode_error(self, error: fg.FacegateError) -> fg.HttpReply:
        if isinstance(error, fg.ImageRejected) and error.image is None:
            return self.error(_TOO_LARGE)  # not one of the pictures but the request
        return super().encode_error(error)

    def error(self, name: str, **changes: Any) -> fg.HttpReply:
        """One of ``errors``; a liveness error has the status of all, unless it has its own."""
        reply = super().error(name, **changes)
        if name in LIVENESS and name not in self.settings.statuses:
            status = self.settings.statuses.get(LIVENESS_ERROR, reply.status)
            return replace(reply, status=status)
        return reply

    def details(self, name: str, error: fg.FacegateError) -> Mapping[str, Any]:
        return {"message": f"Invalid request: {error.message}"} if name == _INVALID else {}
