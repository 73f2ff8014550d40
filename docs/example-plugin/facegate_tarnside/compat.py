"""Tarnside's API, answered by whatever provider is configured."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit
from uuid import uuid4

from pydantic import ValidationError

from facegate.plugin import (
    Answer,
    CaptureRejected,
    CompatibleApi,
    CompatibleApiSettings,
    ConsentRefused,
    DecodedRequest,
    FacegateError,
    HttpReply,
    HttpRequest,
    ImageRejected,
    InvalidRequest,
    Operation,
    RateLimited,
    UnsupportedOperation,
    UnsupportedOption,
    json_reply,
)
from facegate_tarnside import wire
from facegate_tarnside.errors import ERRORS


class TarnsideApi(CompatibleApi[CompatibleApiSettings]):
    """Answers as Tarnside does: scores, never a verdict.

    A score that the provider did not give is never made up: the reply is ``not_in_plan``.
    """

    plugin = "tarnside"
    routes: ClassVar = dict.fromkeys((wire.COMPARE, wire.LIVENESS), frozenset({"POST"}))
    match = wire.MATCH
    liveness = wire.LIVE
    needs_scores = True
    errors = ERRORS.replies
    reasons = ERRORS.reasons
    failures: ClassVar = {
        CaptureRejected: "poor_picture",
        ImageRejected: "bad_picture",
        ConsentRefused: "not_in_plan",
        UnsupportedOperation: "not_in_plan",
        InvalidRequest: "bad_request",
        UnsupportedOption: "bad_request",
        RateLimited: "slow_down",
        FacegateError: "offline",
    }
    key_header = wire.KEY
    wrong_key = "bad_key"
    formats = wire.FORMATS
    settings_type = CompatibleApiSettings

    def decode(self, request: HttpRequest) -> DecodedRequest | HttpReply:
        try:
            if urlsplit(request.url).path == wire.LIVENESS:
                check = self.message(request, wire.CheckLiveness[str])
                return DecodedRequest(Operation.LIVENESS, self.picture(check.selfie, "probe"))
            compare = self.message(request, wire.Compare[str])
        except ValidationError:
            return self.error("bad_request")
        return DecodedRequest(
            Operation.COMPARE,
            self.picture(compare.selfie, "probe"),
            (self.picture(compare.document, "gallery[0]"),),
            options={"model": compare.model},
        )

    def encode(self, asked: DecodedRequest, answer: Answer) -> HttpReply:
        compares = asked.operation is Operation.COMPARE
        found = answer.match if compares else answer.liveness
        if found is None or found.score is None:
            return self.error("not_in_plan")
        name = "similarity" if compares else "liveness"
        return json_reply(200, {"id": answer.vendor_reference or uuid4().hex, name: found.score})
