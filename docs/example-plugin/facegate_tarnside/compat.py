"""Tarnside's API, answered by whatever provider is configured."""

from __future__ import annotations

from typing import ClassVar
from uuid import uuid4

from facegate import plugin as fg
from facegate_tarnside import wire
from facegate_tarnside.errors import ERRORS


class TarnsideApi(fg.CompatibleApi[fg.CompatibleApiSettings]):
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
        fg.CaptureRejected: "poor_picture",
        fg.ImageRejected: "bad_picture",
        fg.ConsentRefused: "not_in_plan",
        fg.UnsupportedOperation: "not_in_plan",
        fg.InvalidRequest: "bad_request",
        fg.UnsupportedOption: "bad_request",
        fg.RateLimited: "slow_down",
        fg.FacegateError: "offline",
    }
    key_header = wire.KEY
    wrong_key = "bad_key"
    formats = wire.FORMATS
    settings_type = fg.CompatibleApiSettings

    def decode(self, request: fg.HttpRequest) -> fg.DecodedRequest:
        if request.path == wire.LIVENESS:
            check = self.message(request, wire.CheckLiveness[str])
            return fg.DecodedRequest(fg.Operation.LIVENESS, self.picture(check.selfie, "probe"))
        compare = self.message(request, wire.Compare[str])
        return fg.DecodedRequest(
            fg.Operation.COMPARE,
            self.picture(compare.selfie, "probe"),
            self.gallery([compare.document]),
            options={"model": compare.model},
        )

    def encode(self, asked: fg.DecodedRequest, answer: fg.Answer) -> fg.HttpReply:
        compares = asked.operation is fg.Operation.COMPARE
        found = answer.match if compares else answer.liveness
        if found is None or found.score is None:
            return self.error("not_in_plan")
        name, reference = "similarity" if compares else "liveness", answer.vendor_reference
        return fg.json_reply(200, {"id": reference or uuid4().hex, name: found.score})
